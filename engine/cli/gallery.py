"""The pictures and the sample texts of the documentation, made by the program itself.

`python -m engine.cli.gallery` makes them anew; a test holds them against what is kept.
"""

import re
from pathlib import Path

from engine.cli import comment
from engine.cli.sample import LINKS, NOW, sample
from engine.cli.specs import compile_all
from engine.core.picture import as_svg
from engine.core.review import as_markdown, as_text

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
SAMPLED = ROOT / "docs" / "reference" / "review.md"
_MARKDOWN = re.compile(r"(?<=^~~~markdown\n)<!-- sark.*?(?=^~~~$)", re.DOTALL | re.MULTILINE)
_TEXT = re.compile(r"(?<=^```text\n)Source .*?(?=^```$)", re.DOTALL | re.MULTILINE)


def pictures() -> dict[str, str]:
    """Return every picture by its file's name: the specs, by their names, and a review."""
    plans = compile_all([str(ROOT / "specs")])
    made = as_markdown(sample(), NOW, LINKS)
    review = {"review.svg": comment.as_svg(made, "The review of a pull request, as a comment")}
    return {f"{each.name}.svg": as_svg(each) for each in plans} | review


def sampled(page: str) -> str:
    """Return the page of the review with the samples that the program prints now."""
    made = sample()
    markdown, text = as_markdown(made, NOW, LINKS), as_text(made, NOW)
    return _TEXT.sub(lambda _: text, _MARKDOWN.sub(lambda _: markdown, page))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, picture in pictures().items():
        (FOLDER / file).write_text(picture)
    SAMPLED.write_text(sampled(SAMPLED.read_text()))
