"""A review as Markdown: what it says."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.core import review
from engine.core.change import Change
from engine.core.diagnostic import Severity
from engine.core.review import (
    Effect,
    Guard,
    Head,
    Impact,
    Links,
    Live,
    Ruling,
    Rulings,
    as_markdown,
)
from tests.core.reviews import BASE, HEAD, PLACE, finding, named, reviewed, three
from tests.core.test_change import NOW, SHOP, plans

LINKS = Links("https://forge.example/acme/workflows", "https://sark.example")
RULINGS = Rulings(
    (
        Ruling("secrets-need-owner", Effect.APPROVAL, "it reads a secret", "other",
               team="acme/payments"),
        Ruling("retry-needs-key", Effect.WARN, "A retry could pay twice", "shop", "shop.yaml", 9),
    ),
    ("hosts-are-known", "retry-needs-key", "secrets-need-owner"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("cron", "told"),
    [("30 3 * * *", "next run 03:30 CEST;"), ("0 9 1 12 *", "next run 2026-12-01 09:00 CET;")],
)
def test_a_start_is_told_by_the_clock_of_its_zone(cron: str, told: str):
    """
    Whoever reads a review sees the time as the schedule has it, with its day if that is far away.
    """
    new = named("shop", SHOP.replace("30 2 * * *", cron))

    assert told in as_markdown(reviewed(named("shop"), new), NOW)


def test_a_change_is_a_table_with_details():
    """
    What is gone and what reaches further stands first; what is new has its picture.
    """
    told = as_markdown(three(), NOW, LINKS)
    lines = told.splitlines()
    heads = [re.findall(r"`([^`]+)`", each)[:2] for each in lines if each.startswith("| `")]

    assert "<!-- sark:plan v1 source=acme-workflows/prod -->" == lines[0]
    assert "### SARK plan: 1 added, 1 changed, 1 removed" == lines[1]
    assert lines[3].startswith("`prod` · base `main@9f31c02` + head `a41be77` · plan `")
    assert [["-", "old"], ["+", "other"], ["~", "shop"]] == heads
    assert "- `shop` calls **`new.example`**. New host for this source.\n" in told
    assert "| new, 6 steps | first run 03:00 CEST |" in told
    assert "| removed | schedule stops on merge; in flight: offline |" in told
    assert "`triggers.nightly.cron` `30 2 * * *` → `30 3 * * *`" in told
    assert "```mermaid\nflowchart TB\n" in told
    assert "- triggers.nightly.cron: 30 2 * * *\n+ triggers.nightly.cron: 30 3 * * *\n" in told
    assert "- hosts: pay.example\n" in told
    assert f"[`shop`]({LINKS.repository}/blob/{HEAD.commit}/workflows/shop.yaml)" in told
    assert "[Full plan](https://sark.example/plans/" in told


def test_what_runs_and_policies_say_is_told():
    """
    A reviewer reads what happens to runs in flight, who must approve and how, what other pull
    requests touch the same, and which rules have nothing against it.
    """
    whole = replace(
        three(), pull=482, is_fork=True, seconds=0.21, rulings=RULINGS,
        impact={"shop": Impact({BASE.commit: 1, "b" * 40: 0}, (479, 480))},
        callers=(("shop", "report"),), what_if=('run "7" would fail in step "pay"',),
    )  # fmt: skip
    told = as_markdown(whole, NOW, LINKS)

    assert "### SARK plan: 1 added, 1 changed, 1 removed. Waiting for 1 approval\n" in told
    assert "3 specs checked in 0.2 s\n" in told
    assert f"A maintainer can allow a preview with `/sark ok {HEAD.commit}`." in told
    assert "in flight: 1 run stays on `9f31c02` |" in told
    assert "schedule stops on merge; in flight: none |" in told
    approve = f"`/sark approve secrets-need-owner {whole.digest[:8]}`"
    assert f"| `other`: a member of **`acme/payments`** comments {approve}." in told
    assert (
        "| `retry-needs-key` | warning | `shop`: A retry could pay twice ([`shop.yaml:9`](" in told
    )
    assert "| 1 other rule | ok | |" in told
    assert "Also open and touching the same workflows: #479 (`shop`), #480 (`shop`)." in told
    assert "Do not change, but start, follow or hear what does: `report` (by `shop`)." in told
    assert "- run `7` would fail in step `pay`\n" in told
    assert "run locally: `sark plan --pr 482` · commands: `/sark plan` " in told
    assert "Nothing is applied from this pull request." in told


def test_policies_that_deny_or_are_satisfied_are_told():
    """
    A denial stands before all else, an approval that was given says by whom, and decisions that
    change because policies do are listed.
    """
    rulings = Rulings(
        (
            Ruling("ask", Effect.APPROVAL, "", team="acme/ops", approved_by="ada"),
            Ruling("any", Effect.APPROVAL, "it is large"),
            Ruling("never", Effect.DENY, "production calls no test host"),
            Ruling("fine", Effect.ALLOW, "nothing"),
        ),
        ("any", "ask", "fine", "never"),
        ('"ada" may no longer start "shop"',),
    )
    told = as_markdown(replace(three(), rulings=rulings), NOW)
    rows = [each for each in told.splitlines() if re.match(r"\| (`[a-z]{3}|\d)", each)]

    assert "1 removed. Denied by 1 rule\n" in told
    assert [
        "| `never` | **denied** | production calls no test host |",
        "| `any` | **approval needed** | somebody who may must approve. it is large |",
        "| `ask` | approved | by `ada` |",
        "| 1 other rule | ok | |",
    ] == rows
    assert "- `ada` may no longer start `shop`\n" in told


def test_a_rule_that_takes_reviews_says_so():
    """
    Where a review at the forge is an approval, too, who must approve is told both ways.
    """
    rulings = Rulings((replace(RULINGS.rulings[0], by_review=True),), ("secrets-need-owner",))
    told = as_markdown(replace(three(), rulings=rulings, pull=482), NOW, LINKS)

    assert (
        "a member of **`acme/payments`** approves this head or comments `/sark approve "
        "secrets-need-owner"
    ) in told


def test_where_no_review_counts_none_is_asked_for():
    """
    At a forge that does not tell of which commit a review is the command alone is named.
    """
    rulings = Rulings((replace(RULINGS.rulings[0], by_review=True),), ("secrets-need-owner",))
    made = replace(three(), rulings=rulings, pull=482)
    told = as_markdown(made, NOW, replace(LINKS, has_reviews=False))

    assert "a member of **`acme/payments`** comments `/sark approve secrets-need-owner" in told


def test_errors_are_told_in_place_of_a_plan():
    """
    Where the commit would not be activated, its errors are listed with how to mend them.
    """
    broken = reviewed({**named("shop"), **named("old")}, named("old"), finding())
    more = reviewed(named("shop"), {**named("shop"), **named("new")}, finding("bad.yaml"))
    told = as_markdown(broken, NOW, LINKS)
    where = f"[`shop.yaml:24:1`]({LINKS.repository}/blob/{HEAD.commit}/workflows/shop.yaml#L24)"

    assert "### SARK plan: 1 error. This commit would not be activated\n" in told
    assert (
        f"| {where} | key `steps` appears twice; first defined here at line 8 `duplicate-key` | "
        "YAML would silently keep only the last one; merge the two lists |"
    ) in told
    assert "\nIf merged anyway, `9f31c02` stays live and the commit is marked failed.\n" in told
    assert "\n1 other changed workflow is valid. If merged" in as_markdown(more, NOW)
    assert "specs checked" not in told


def test_a_comment_has_room_for_a_title_at_least_or_for_a_part_of_it():
    """
    However little room there is, what is told is no longer; an end that is named by its commit is
    named once.
    """
    made = replace(three(), base=Head(BASE.commit[:9], BASE.commit))

    assert "### SARK" == as_markdown(three(), NOW, LINKS, 8)
    assert f"base `{BASE.commit[:7]}` + head `{HEAD.commit[:7]}`" in as_markdown(made, NOW)
    assert "head `working tree`" in as_markdown(replace(made, head=Head("working tree", "")), NOW)


def test_no_change_is_said_to_be_none():
    """
    A pull request that only formats is told so.
    """
    told = as_markdown(reviewed(named("shop"), named("shop")), NOW)

    assert "### SARK plan: no workflow changes\n" in told
    assert "The compiled result is identical to `main@9f31c02`.\n" in told


def test_many_removals_ask_for_words():
    """
    Who removes much is told the very line that the merge commit must have.
    """
    told = as_markdown(replace(three(), guard=Guard(38, 120)), NOW)

    assert "SARK plan: 38 workflows removed. Needs an explicit confirmation in the merge" in told
    assert "This removes 38 of 120 workflows in `prod`." in told
    assert "\n    Sark-Prune: 38\n" in told


def test_an_approval_that_goes_stands_out():
    """
    Whoever takes an approval out of a workflow is seen to, as is what may destroy something.
    """
    start, end = SHOP.index("  ask:"), SHOP.index("  told:")
    text = SHOP[:start] + SHOP[end:].replace("    needs: [ask]\n", "")
    bare = SHOP[: SHOP.index("triggers")] + "triggers: {a: {type: api}}\n"
    api = bare + SHOP[SHOP.index("steps") :]
    kept = as_markdown(reviewed(plans(SHOP), plans(text)), NOW)

    assert "- `shop` no longer asks for an approval in step **`ask`**.\n" in kept
    assert "no longer" not in as_markdown(reviewed(plans(text), plans(SHOP)), NOW)
    assert "- `shop` may destroy something in step **`pay.compensate`**.\n" in as_markdown(
        reviewed({}, plans(SHOP)), NOW
    )
    assert "when it is triggered" in as_markdown(reviewed({}, plans(api)), NOW)
    assert "from its next run on" in as_markdown(
        reviewed(plans(api), plans(api.replace("30s", "1m"))), NOW
    )
    assert "triggers stop on merge" in as_markdown(reviewed(plans(api), {}), NOW)


def test_warnings_of_what_changes_are_told():
    """
    A warning of a file whose workflow changes is shown; that of another is not this reviewer's.
    """
    warned = finding(severity=Severity.WARNING)
    other = finding("same.yaml", Severity.WARNING)
    told = as_markdown(reviewed({}, named("shop"), warned, other), NOW)

    assert "- `shop.yaml:24`: key `steps` appears twice `duplicate-key`\n" in told
    assert "same.yaml" not in told


def test_what_became_of_it_is_told():
    """
    Once a change is live the comment says since when; there is one such line.
    """
    at = datetime(2026, 3, 28, 14, 7, 31, tzinfo=UTC)
    live = Live(at, "5d0c9aab" * 5, timedelta(seconds=41))
    slow = review.living("", Live(at, "5d0c9aab" * 5, timedelta(seconds=125), as_reviewed=False))
    line = review.living("prod", live)
    told = as_markdown(three(), NOW)
    once = review.with_line(told, "Live soon.")

    assert (
        "Live in **`prod`** since 14:07:31 UTC as `5d0c9aa`, 41 s after merge. "
        "Plan matched the reviewed one."
    ) == line
    assert "Live since 14:07:31 UTC as `5d0c9aa`, 2 min 5 s after merge. Plan differs" in slow
    assert as_markdown(replace(three(), live=live), NOW) == review.with_line(once, line)
    assert "bare\n\nLive\n" == review.with_line("bare", "Live")
    assert ", " not in review.living("", Live(at, "5d0c9aab" * 5))


def test_a_conflict_and_a_draft_are_told():
    """
    Without a merge there is no plan, and for a draft nobody is asked.
    """
    told = review.conflicted(PLACE.source, "prod", BASE, HEAD)
    draft = replace(three(), is_draft=True, rulings=RULINGS)

    assert "### SARK plan: merge conflict\n" in told
    assert "`a41be77` cannot be merged into `main@9f31c02`. The plan follows" in told
    assert "1 removed. A draft, nothing waits for it\n" in as_markdown(draft, NOW)
    assert review.Conclusion.NEUTRAL is draft.conclusion


@pytest.mark.parametrize("limit", [1_500, 3_000, 20_000, 60_000])
def test_a_large_change_is_cut_and_whole(limit: int):
    """
    Hundreds of workflows are told as far as there is room, rows before details, and how many are
    left out; a fence or a fold that is opened is closed.
    """
    (plan,) = plans(SHOP).values()
    many = {f"flow-{n:03}": plan for n in range(300)}
    told = as_markdown(reviewed({}, many), NOW, LINKS, limit)

    assert limit >= len(told)
    assert told.count("<details>") == told.count("</details>")
    assert 0 == told.count("```") % 2
    assert re.search(r"… and [\d,]+ more workflows\. Full plan: \[all of it\]\(https", told) or (
        limit == 60_000 and re.search(r"… and the details of [\d,]+ more\.", told)
    )


def test_what_can_have_no_room_is_counted_all_the_same():
    """
    Of thousands of workflows as many are told as there may be room for, and the sum is right.
    """
    (plan,) = plans(SHOP).values()
    gone = replace(three(), changes=tuple(Change(f"w{n}", plan, None) for n in range(5_000)))
    told = as_markdown(gone, NOW)
    rows = told.count("\n| `-` |")

    assert f"\n… and {5_000 - rows:,} more workflows.\n" in told
    assert told.startswith(
        "<!-- sark:plan v1 source=acme-workflows/prod -->\n### SARK plan: 5,000 "
    )


def test_long_changes_of_one_workflow_are_cut():
    """
    A workflow with hundreds of changes, or of many steps, folds out to what can be read.
    """
    head = "apiVersion: sark/v1\nkind: Workflow\nname: long\nsteps:\n"
    many = "".join(f"  s{n}: {{set: {{n: {{type: integer, value: 0}}}}}}\n" for n in range(250))
    old, new = plans(head + many), plans(head + many.replace("value: 0", "value: 1"))
    changed = as_markdown(reviewed(old, new), NOW)

    assert "`s0.set.n.value` `0` → `1`, `s1.set.n.value`" in changed
    assert " and 246 more |" in changed
    assert "# and 50 more\n" in changed
    assert "mermaid" not in as_markdown(reviewed({}, plans(head + many)), NOW)
