"""A change as Markdown, whatever an author has written into it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import change
from engine.core.change import Change, Kind, Line, Reach
from engine.core.facts import Catalogue
from tests.core.test_change import KNOWN, NOW, SHOP, compared, plans

SPAN = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", re.DOTALL)


def test_a_change_is_a_table_with_details():
    """
    What is gone and what reaches further stands first; what is new has its picture.
    """
    other = SHOP.replace("name: shop", "name: other")
    old = {**plans(SHOP), **plans(SHOP.replace("name: shop", "name: old"))}
    new = {**plans(SHOP.replace("30 2 * * *", "30 3 * * *").replace("pay.example", "new.example")),
           **plans(other)}  # fmt: skip
    told = change.as_markdown(change.compare(old, new, Catalogue(KNOWN)), NOW)
    rows = [line for line in told.splitlines() if line.startswith("| `")]

    assert told.startswith("### SARK: 1 added, 1 changed, 1 removed; change ")
    assert "- `shop` calls `new.example`: no workflow has before\n" in told
    heads = [re.findall(r"`([^`]+)`", each)[:2] for each in rows]
    assert [["-", "old"], ["+", "other"], ["~", "shop"]] == heads
    assert "first start 2026-03-29T03:30:00+02:00" in told
    assert "| new, 6 steps |" in told
    assert "```mermaid\nflowchart TB\n" in told
    assert "! triggers.nightly.cron" in told
    assert "- hosts: pay.example\n" in told


def test_no_change_is_said_to_be_none():
    """
    A pull request that only formats is told so.
    """
    assert "Formatting or comments only" in change.as_markdown((), NOW)


def test_an_approval_that_goes_stands_out():
    """
    Whoever takes an approval out of a workflow is seen to, as is what may destroy something.
    """
    start, end = SHOP.index("  ask:"), SHOP.index("  told:")
    text = SHOP[:start] + SHOP[end:].replace("    needs: [ask]\n", "")
    (gone,) = compared(SHOP, text)
    (come,) = compared(text, SHOP)
    kept = change.as_markdown([gone], NOW)

    assert "- `shop` no longer asks for an approval in step `ask`\n" in kept
    assert "from its next run on" in kept
    assert "no longer" not in change.as_markdown([come], NOW)
    assert "asks       + ask\n" in change.as_text([come], NOW)
    assert "- `shop` may destroy something in step `pay.compensate`\n" in change.as_markdown(
        change.compare({}, plans(SHOP), Catalogue(KNOWN)), NOW
    )
    assert "when it is triggered" in change.as_markdown(
        change.compare({}, plans(SHOP[: SHOP.index("triggers")] + "triggers: {a: {type: api}}\n"
                                 + SHOP[SHOP.index("steps") :]), Catalogue(KNOWN)), NOW
    )  # fmt: skip


@given(st.text(alphabet="`|@[]<>!*_\\\n\r\x1b a#", max_size=20).filter(bool))
def test_what_an_author_writes_stays_text(text: str):
    """
    No name, place or value ends the code that it stands in: outside of it nothing of an author's
    is left, however many back-ticks, bars, brackets or escapes he has written.
    """
    (told,) = compared(SHOP, SHOP.replace("30s", "1m"))
    bad = Change(text, told.old, told.new, (Line(Kind.CHANGED, text, text, text),),
                 Reach(hosts=(text,)), first=Reach(hosts=(text,)))  # fmt: skip
    written = change.as_markdown([bad], NOW)
    before, _, rest = written.partition("<details>")
    outside = SPAN.sub("", before)
    (row,) = [line for line in before.splitlines() if line.startswith("| `~`")]

    assert not set("@[]!_\\\x1b\r") & set(outside.replace("**", ""))
    assert 5 == len(re.findall(r"(?<!\\)\|", row))
    assert rest.count("</details>") == 1
    fence = re.findall(r"^(`{3,})diff$", rest, re.MULTILINE)[0]
    assert 2 == len(re.findall(rf"^{fence}(?:diff)?$", rest, re.MULTILINE))


@pytest.mark.parametrize("limit", [3_000, 20_000, 60_000])
def test_a_large_change_is_cut_and_whole(limit: int):
    """
    Hundreds of workflows are told as far as there is room, details before rows, and how many are
    left out; a fence or a fold that is opened is closed.
    """
    many = {f"flow-{n:03}": plan for n in range(300) for plan in plans(SHOP).values()}
    text = change.as_markdown(change.compare({}, many, Catalogue(KNOWN)), NOW, limit)

    assert limit >= len(text)
    assert text.count("<details>") == text.count("</details>")
    assert 0 == text.count("```") % 2
    assert re.search(r"… and the details of [\d,]+ more\.", text)
    assert "- … and " in text or limit > 20_000 or "… and" in text


def test_long_changes_of_one_workflow_are_cut():
    """
    A workflow with hundreds of changes, or of many steps, folds out to what can be read.
    """
    head = "apiVersion: sark/v1\nkind: Workflow\nname: long\nsteps:\n"
    many = "".join(f"  s{n}: {{set: {{n: {{type: integer, value: 0}}}}}}\n" for n in range(250))
    changed = change.as_markdown(
        compared(head + many, head + many.replace("value: 0", "value: 1")), NOW
    )
    new = change.as_markdown(change.compare({}, plans(head + many), Catalogue(KNOWN)), NOW)

    assert "`steps.s0.set.n.value`, `steps.s1.set.n.value`" in changed
    assert " and 246 more |" in changed
    assert "# and 50 more\n" in changed
    assert "mermaid" not in new
