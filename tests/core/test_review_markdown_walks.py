"""What anybody may write in a spec, whatever it is, stays text in the comment."""

import re
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from engine.core import review
from engine.core.change import Change, Kind, Line, Reach
from engine.core.diagnostic import Diagnostic, Severity, Span
from engine.core.review import (
    Effect,
    Head,
    Impact,
    Live,
    Review,
    Ruling,
    Rulings,
    as_markdown,
)
from tests.core.test_change import NOW, SHOP, compared
from tests.core.test_review_markdown import LINKS

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What GitHub makes something of, outside of code; the one number is ours.
LIVE = re.compile(r"@|://|www\.|\x1b|\u202e|[0-9a-f]{7}|(?<!the same workflow: )#\d")
OURS = re.compile(
    r"(?:</details>\n?|<details><summary><code>[^<>]*</code></summary>\n?"
    r"|<!-- sark:plan v1 source=[\w./%~-]* -->\n?)+"
)
NASTY = [
    "![x](https://evil.example/a.png)", "[click](https://evil.example)", "<img src=x onerror=y>",
    "@everyone", "https://evil.example", "www.evil.example", "--><script>", "</details>", "```",
    "# heading", "| a | b |", "#1", "a\\", "\\|", "`", "``", "&lt;b&gt;", "a@b.example", "deadbeef",
    "<!--", "</code>", "GH-1", "acme/workflows#3", "x\n\n# y", "~~~", "{}", "{0}", "- x", "a`b",
    '"', '"`', "", " ", "\r\n", "\x1b[2J", "\u202e", "\ud800",
]  # fmt: skip
HOSTILE = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet="`|@[]()<>!*_~\\\n\r\x1b\u202e a#-:/.w&;\"'{}1", max_size=20),
    st.lists(st.sampled_from(NASTY), min_size=2, max_size=4).map("".join),
)


def flat(text: str) -> list[Token]:
    """Return the tokens of a text, those inside of paragraphs and cells, too."""
    told: list[Token] = []
    for each in PARSER.parse(text):
        told += [each, *(each.children or ())]
    return told


@cache
def longer() -> Change:
    """Return a change of one timeout; to compile it anew costs more than what is tested."""
    (told,) = compared(SHOP, SHOP.replace("30s", "1m"))
    return told


def hostile(text: str) -> Review:
    """Return a review in which everything that somebody wrote is this text."""
    told = longer()
    reach = Reach((text,), (text,), (text,), (text,), (text,), (text,), (text,), (text,))
    lines = (Line(Kind.CHANGED, text, text, text), Line(Kind.ADDED, f"steps.{text}", new=text))
    name = text.encode("utf-8", "replace").decode()  # as the compiler has it
    changed = Change(name, told.old, told.new, lines, reach, reach, reach)
    gone = Change(f"{name}2", told.old, None, loses=reach)
    warned = Diagnostic(text, f"unknown {text}, not {text}", Span("shop.yaml", 1, 1),
                        Severity.WARNING, text)  # fmt: skip
    rulings = Rulings(
        (Ruling(text, Effect.APPROVAL, text, text, text, 1, text),
         Ruling(text, Effect.APPROVAL, text, approved_by=text), Ruling(text, Effect.DENY, text)),
        (text,), (text,),
    )  # fmt: skip
    return Review(
        text, text, text, Head(text, "a" * 40), Head(text, text), 2, (changed, gone), (warned,),
        rulings, {text: Impact({text: 1}, (7,))}, ((text, text),), what_if=(text,), pull=3,
        is_fork=True,
    )  # fmt: skip


@settings(deadline=None)
@given(HOSTILE, st.booleans(), st.integers(0, 6_000) | st.just(60_000))
def test_what_an_author_writes_stays_text(text: str, is_broken: bool, limit: int):
    """
    No name, place, value or message becomes a link, an image, a mention, HTML or a heading,
    whatever it is, and however little room there is; the comment is never longer than it may be.
    """
    made = hostile(text)
    if is_broken:
        bad = Diagnostic(text, text, Span(text, 1, 1), hint=text, expected=text)
        made = replace(made, findings=(*made.findings, bad))
    told = as_markdown(made, NOW, LINKS, limit)
    found = flat(told)
    words = " ".join(each.content for each in found if each.type == "text")

    assert len(told) <= limit
    assert not any(each.type in ("image", "s_open", "em_open", "hr") for each in found)
    heads = [each.tag for each in found if each.type == "heading_open"]
    assert ["h3"] == heads or limit < 3
    assert not LIVE.search(words)
    for each in found:
        if each.type == "link_open":
            assert str(each.attrs["href"]).startswith((LINKS.repository, LINKS.server))
        elif each.type == "html_inline":
            assert each.content in ("<sub>", "</sub>")
        elif each.type == "html_block":
            assert OURS.fullmatch(each.content)
    raw = "".join(each.content for each in found if each.type == "html_block")
    assert raw.count("<details>") == raw.count("</details>")


@given(HOSTILE)
def test_a_row_stays_a_row(text: str):
    """
    Nothing in a cell ends it, and nothing in a fold ends that.
    """
    told = as_markdown(hostile(text), NOW, LINKS)
    found = PARSER.parse(told)
    folds = [each for each in found if each.type == "fence"]

    assert 2 + 3 == sum(each.type == "tr_open" for each in found) - 2
    assert ["diff", "diff"] == [each.info for each in folds]
    assert all(not each.content.startswith("\n") for each in folds)


@given(HOSTILE)
def test_lines_of_other_kinds_stay_text(text: str):
    """
    The same holds for a conflict, and for what became of a change.
    """
    ends = (Head(text, text), Head(text, ""))
    live = review.living(text, Live(NOW, text))
    for told in (review.conflicted(text, text, *ends), live):
        found = flat(told)

        assert not any(each.type in ("link_open", "image", "html_inline") for each in found)
        assert not any("@" in each.content for each in found if each.type == "text")
