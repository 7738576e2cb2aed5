"""The pictures of the workflows in `specs/`, drawn from what they compile to.

`python -m engine.cli.gallery` draws them anew; a test holds them against the specs.
"""

from pathlib import Path

from engine.cli.specs import compile_all
from engine.core.picture import as_svg

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"


def pictures() -> dict[str, str]:
    """Return every picture by its file's name, which is that of its workflow."""
    plans = compile_all([str(ROOT / "specs")])
    return {f"{each.name}.svg": as_svg(each) for each in plans}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pictures().items():
        (FOLDER / file).write_text(text)
