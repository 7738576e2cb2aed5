"""The pictures of the workflows in `specs/`, drawn from what they compile to.

`python -m engine.cli.gallery` draws them anew; a test holds them against the specs.
"""

from pathlib import Path

from engine.cli.specs import compile_one
from engine.core.picture import as_svg

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"


def pictures() -> dict[str, str]:
    """Return every picture by its file's name."""
    specs = sorted((ROOT / "specs").glob("*.yaml"))
    return {f"{each.stem}.svg": as_svg(compile_one(each)) for each in specs}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pictures().items():
        (FOLDER / file).write_text(text)
