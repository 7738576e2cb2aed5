"""Whose files are by `CODEOWNERS`: patterns, precedence, what is passed over, how it is told."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import change
from engine.core.review import as_json, as_markdown, as_text, facts, owners
from engine.core.review.facts import Whose
from tests.core.reviews import three
from tests.core.test_change import NOW, SHOP, plans
from tests.core.test_review_facts import OPERATIONS

SECONDS = 20  # far beyond what it takes: the tests run beside others, and traced
PLACE = "CODEOWNERS"


def read(text: str) -> owners.Owners:
    return owners.read(PLACE, text.encode())


def of(pattern: str, path: str) -> bool:
    """True if a line with this pattern says whose a path is."""
    told = read(f"{pattern} @ann\n")
    assert () == told.faults
    return ("@ann",) == told.of(path)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*", ["a", "b/c.js"], []),
        ("*.js", ["a.js", "b/c.js", "b.js/c"], ["a.jsx", "js"]),
        ("/build/logs/", ["build/logs/a", "build/logs/b/c"], ["build/logs", "x/build/logs/a"]),
        ("docs/*", ["docs/a.md"], ["docs/b/a.md", "x/docs/a.md"]),
        ("apps/", ["apps/a", "x/apps/b/c"], ["apps", "myapps/a"]),
        ("/docs/", ["docs/a", "docs/b/c"], ["x/docs/a"]),
        ("/scripts/", ["scripts/a.sh"], ["scripts.sh"]),
        ("**/logs", ["logs", "build/logs/a", "a/b/logs"], ["mylogs"]),
        ("/apps/github", ["apps/github", "apps/github/a"], ["apps/githubs", "x/apps/github"]),
        ("apps/**", ["apps/a", "apps/b/c"], ["apps", "x/apps/a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b/c"], ["a/xb", "b"]),
        ("/*", ["a"], ["b/a"]),
        ("**", ["a", "a/b"], []),
        ("flows/refund-?.yaml", ["flows/refund-1.yaml"], ["flows/refund-12.yaml"]),
        ("a*b*c/", ["aXbYc/z", "x/abc/z"], ["ab/c"]),
        ("my\\ file", ["my file"], ["my"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("Flows/", ["Flows/a"], ["flows/a"]),
    ],
)
def test_patterns_are_those_of_github(pattern: str, yes: list[str], no: list[str]) -> None:
    """
    The examples of GitHub's page, and what lies near them.
    """
    assert [(each, True) for each in yes] == [(each, of(pattern, each)) for each in yes]
    assert [(each, False) for each in no] == [(each, of(pattern, each)) for each in no]


def test_the_last_line_that_matches_counts_alone() -> None:
    """
    A later line takes the place of an earlier one, whole; one without owners says nobody.
    """
    told = read(
        "* @acme/core # all of it\n\n# money\nflows/pay/ @acme/pay @dana dan@acme.example\n"
        "flows/pay/free.yaml\n*.md\n"
    )

    assert ("acme/core",) == told.of("flows/a.yaml")
    assert ("acme/pay", "@dana", "dan@acme.example") == told.of("flows/pay/a.yaml")
    assert () == told.of("flows/pay/free.yaml") == told.of("flows/pay/a.md")
    assert () == owners.NOBODY.of("flows/a.yaml")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[Payments]", "there are no sections and no ranges in brackets"),
        ("^[Payments][2] @ann", "there are no sections and no ranges in brackets"),
        ("flows/[a-c].yaml @ann", "there are no sections and no ranges in brackets"),
        ("!flows/a.yaml @ann", "nothing is taken out again by `!`"),
        ("\\#a @ann", "a pattern cannot begin with `#`"),
        ("/ @ann", "the pattern names no file"),
        ("* ann", '"ann" is no owner: write `@person`, `@org/team` or an address'),
        ("* @ann @a@b", '"@a@b" is no owner'),
        ("* " + "@ann " * 51, "it names 51 owners; 50 are read"),
        ("a" * 501 + " @ann", "the pattern is longer than 500 characters"),
    ],
)
def test_a_line_that_is_wrong_is_passed_over_and_told(line: str, why: str) -> None:
    """
    As at GitHub the rest counts; the line and what is wrong with it are told.
    """
    told = read(f"* @acme/core\n{line}\n")

    assert ("acme/core",) == told.of("flows/a.yaml")
    assert [2] == [each.span.line for each in told.faults]
    assert told.faults[0].message.startswith(why)
    assert not told.is_unusable


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "it is over 256 KiB, and was not read"),
        (b"x" * (256 * 1024 + 1), "it is over 256 KiB, and was not read"),
        (b"* @ann\n\xff\n", "it is no UTF-8"),
        (b"* @ann\n" * 2_001, "it has 2,001 rules; 2,000 are read"),
    ],
)
def test_a_file_that_is_too_much_says_nothing_of_anybody(data: bytes | None, why: str) -> None:
    """
    Half a file is none: the lines that are missing might be those that count.
    """
    told = owners.read(PLACE, data)

    assert told.is_unusable
    assert [why] == [each.message for each in told.faults]
    assert () == told.of("a")


def test_faults_are_bounded() -> None:
    """
    The first twenty lines that are wrong are told.
    """
    assert 20 == len(read("* nobody\n" * 100).faults)


def test_patterns_that_are_made_to_take_for_ever_do_not() -> None:
    """
    Two thousand lines of stars are looked through in no time to speak of.
    """
    told = read("\n".join("a*" * 200 + f"**/**/x{i} @ann" for i in range(2_000)))
    began = time.monotonic()
    for path in ("a" * 250, "/".join(["aaaa"] * 100)):
        told.of(path)

    assert time.monotonic() - began < SECONDS


_NAMES = st.text("ab.", min_size=1, max_size=3)
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)


@given(_PATHS)
def test_a_path_matches_itself_and_what_is_below_it(path: str) -> None:
    """
    A pattern without a star is a file or a folder, with all that is in it.
    """
    assert of(f"/{path}", path)
    assert of(f"/{path}", f"{path}/b")
    assert of(f"/{path}/", f"{path}/b")
    assert of(f"/**/{path}", f"x/y/{path}")
    assert not of(f"/{path}", f"{path}b")


def touched(text: str, *files: str, is_changed: bool = False) -> owners.Touched:
    told = owners.touched(read(text), files, is_changed=is_changed)
    assert told is not None
    return told


def test_what_policies_are_told() -> None:
    """
    Whose the file of a workflow is, and whose the one that it has left; one of a group is enough.
    """
    known = read("* @dana\n/flows/pay/ @acme/pay @ann\n/flows/free.yaml\n")
    old = {name: replace(each, file="pay/a.yaml") for name, each in plans(SHOP).items()}
    new = plans(SHOP.replace("30 2 * * *", "30 3 * * *"))
    new = {name: replace(each, file="free.yaml") for name, each in new.items()}
    (moved,) = change.compare(old, new, OPERATIONS)
    whose = Whose(known, touched("* @dana\n", "flows/a", is_changed=True), "flows")
    (told,) = facts.of_changes([moved], OPERATIONS, "shop", "prod", None, whose)
    whole = facts.of_whole([moved], "shop", "prod", None, (), whose)

    assert ["acme/pay", "@ann"] == told["code_owners"]
    assert ["acme/pay or @ann"] == told["owner_groups"]
    assert told["is_without_code_owner"] is True
    assert (["@dana"], ["@dana"]) == (whole["code_owners"], whole["owner_groups"])
    assert ([], True) == (whole["unowned_files"], whole["changes_code_owners"])


def test_where_there_is_no_file_nobody_is_asked() -> None:
    """
    Without a `CODEOWNERS` the facts are empty, and nothing is told of owners.
    """
    (changed,) = change.compare({}, plans(SHOP), OPERATIONS)
    (told,) = facts.of_changes([changed], OPERATIONS, "shop", "prod")

    assert ([], [], True) == (
        told["code_owners"],
        told["owner_groups"],
        told["is_without_code_owner"],
    )
    assert owners.touched(owners.NOBODY, ["a"]) is None
    assert "Owners" not in as_markdown(three(), NOW)
    assert as_json(three(), NOW)["owners"] is None


def test_a_review_tells_whose_it_is() -> None:
    """
    The comment, the terminal and JSON have the groups with their files, what nobody owns, that
    another `CODEOWNERS` does not count, and the lines that are passed over.
    """
    told = touched("* @ann @acme/b\n/x*\n* nobody\n", "a.yaml", "x`1`", is_changed=True)
    made = replace(three(), owners=told)

    assert (
        "**Owners of what changes**\n\n- `@ann` or `acme/b`: `a.yaml`\n- nobody: `` x`1` ``\n"
        "- This changes `CODEOWNERS`: that of the base counts.\n"
        "- `CODEOWNERS:3` is passed over: `nobody` is no owner"
    ) in as_markdown(made, NOW)
    assert (
        "Owners   by CODEOWNERS of 9f31c02\n"
        "  @ann or acme/b               a.yaml\n"
        "  nobody                       x`1`\n"
        "  another CODEOWNERS comes with this change, and does not count\n"
        '  CODEOWNERS:3 is passed over: "nobody" is no owner'
    ) in as_text(made, NOW)
    assert {
        "file": "CODEOWNERS", "changes": True, "unowned": ["x`1`"],
        "groups": [{"owners": ["@ann", "acme/b"], "files": ["a.yaml"]}],
        "faults": [{"line": 3, "message": told.owners.faults[0].message}],
    } == as_json(made, NOW)["owners"]  # fmt: skip


def test_many_files_are_counted() -> None:
    """
    Ten files of an owner are named, the others counted; a file that says nothing is told so.
    """
    made = replace(three(), owners=touched("* @ann\n", *(f"f{i:02}" for i in range(12))))
    none = owners.touched(owners.read(PLACE, None), ["a"])

    assert "`f09` and 2 more" in as_markdown(made, NOW)
    assert "f09 and 2 more" in as_text(made, NOW)
    assert "`CODEOWNERS:1` it is over 256 KiB" in as_markdown(replace(made, owners=none), NOW)
    assert "  CODEOWNERS:1 it is over 256 KiB" in as_text(replace(made, owners=none), NOW)
