"""Fuzzing what reads the text of strangers: `python -m tests.fuzz loader --minutes 10`."""
