"""What is made of a word that is not known: the one that it must mean, its family, or nothing."""

import pytest

from engine.core import spec
from engine.core.diagnostic import MAX_FINDINGS
from engine.core.document import load
from engine.core.reader import read, read_on

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: w\n"
STEPS = "steps: {a: {uses: echo.say@1}}\n"


def told_on(text: str) -> tuple[spec.Document | None, list[tuple[str, int, int]]]:
    documents, _ = load(text.encode(), "w.yaml")
    _, made, told = read_on(documents[0])
    return made, [(each.code, each.span.line, each.span.column) for each in told]


def test_a_misspelt_key_hides_nothing_that_is_below_it() -> None:
    """
    It is read as the key that it must mean, whatever it holds and however deep, in a list too; and
    once only, where two mean the same.
    """
    made, told = told_on(
        f"{HEAD}descripton: d\nsteps:\n"
        "- id: a\n  uses: echo.say@1\n  wiht: {message: hi}\n  wtih: {message: ho}\n"
        "- id: b\n  uses: echo.say@1\n  retyr: {max_atempts: many, nobody: 2}\n"
    )

    assert made is None
    assert [
        ("unknown-key", 4, 1), ("unknown-key", 8, 3), ("unknown-key", 9, 3),
        ("unknown-key", 12, 3), ("unknown-key", 12, 11), ("wrong-type", 12, 24),
        ("unknown-key", 12, 30),
    ] == told  # fmt: skip


def test_a_key_that_means_nothing_is_passed_over() -> None:
    """
    The rest of the document says what it says without it.
    """
    made, told = told_on(f"{HEAD}colour: green\n{STEPS}")

    assert isinstance(made, spec.Workflow)
    assert ("w", [("unknown-key", 4, 1)]) == (made.name, told)


def test_a_key_of_another_engine_is_not_read_as_ours() -> None:
    """
    What stands behind it is written otherwise, so nothing more is made of it.
    """
    made, told = told_on(f"{HEAD}metadata: {{name: w}}\nsteps: {{a: {{run: echo hi}}}}\n")

    assert (None, ["unknown-key"] * 2) == (made, [each[0] for each in told])


def test_more_misspelt_keys_than_anybody_reads_end_the_reading() -> None:
    """
    As with any other error, a hundred are told.
    """
    inner = "".join(f"    nobody{n}: 1\n" for n in range(60))
    text = f"{HEAD}steps:\n  a:\n    uses: echo.say@1\n{inner}  b:\n    uses: echo.say@1\n{inner}"
    made, told = told_on(text)

    assert made is None
    assert MAX_FINDINGS + 1 == len(told)
    assert "too-many-findings" == told[-1][0]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("github", "those of `github` are `github.pull_request`, `github.push`, "),
        ("github.schedule", " others"),
        ("github.stars", 'did you mean "github.star"?'),
        ("githb.push", 'did you mean "github.push"?'),
    ],
)
def test_a_type_of_a_family_is_held_against_its_kin(word: str, hint: str) -> None:
    """
    All of a family begin alike, so only what follows the dot says which one is meant.
    """
    documents, _ = load(f"{HEAD}triggers: {{t: {{type: {word}}}}}\n{STEPS}".encode(), "w.yaml")
    made, [told] = read(documents[0])

    assert (None, "unknown-type") == (made, told.code)
    assert hint in told.hint
