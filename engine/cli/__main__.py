"""`python -m engine.cli` is `sark`."""

from engine.cli import main

main()
