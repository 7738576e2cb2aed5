"""A review as Markdown: the comment on a pull request, the summary of a job.

What does not fit is left out whole, and said to be: the details first, then rows.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from engine.core.diagnostic import Diagnostic, Severity
from engine.core.review import rows, words
from engine.core.review.inert import cell, code, linked, marker, prose
from engine.core.review.links import Links
from engine.core.review.model import Effect, Head, Live, Review
from engine.core.review.sheet import Section, page

LIMIT = 60_000
"""How many characters it has, at most: GitHub takes 65,536 in a comment."""
# More than there is room for, whatever they say.
_MOST_ROWS, _MOST_FOLDS = 1_000, 400
TITLE = "### SARK plan"
_TABLE = "| | Workflow | What changes | When it takes effect |\n|:-:|---|---|---|"
_ERRORS = "| Where | Problem | Fix |\n|---|---|---|"
_RULES = "| Policy rule | Verdict | |\n|---|---|---|"
_FORK = "From a fork: checked without running anything and without access to secrets."
_PREVIEW = " A maintainer can allow a preview with {}."


def as_markdown(
    review: Review, now: datetime, links: Links | None = None, limit: int = LIMIT
) -> str:
    """Return the review as GitHub writes Markdown, in `limit` characters at most.

    Without `links` nothing is linked. Whatever an author wrote stays text.
    """
    title = f"{TITLE}: {words.headline(review)}"
    top = f"{marker(review.source)}\n{title}"
    if len(top) + 2 > limit:
        return title[:limit]
    return page([Section([top]), *_sections(review, now, links)], limit)


def conflicted(source: str, environment: str, base: Head, head: Head) -> str:
    """Return what is told where a pull request cannot be merged, so that there is no plan."""
    ends = " · ".join(_ends(environment, base, head))
    return (
        f"{marker(source)}\n{TITLE}: merge conflict\n\n{ends}\n\n"
        f"{code(words.short(head))} cannot be merged into {code(words.named(base))}. "
        "The plan follows after you resolve it.\n"
    )


def living(environment: str, live: Live) -> str:
    """Return the line that says that a change is live."""
    at = live.at.astimezone(UTC)
    where = f" in **{code(environment)}**" if environment else ""
    after = "" if live.after is None else f", {_lasted(live.after)} after merge"
    matched = "matched" if live.as_reviewed else "differs from"
    return (
        f"Live{where} since {at:%H:%M:%S} UTC as {code(live.commit[: words.SHORT])}{after}. "
        f"Plan {matched} the reviewed one."
    )


def with_line(comment: str, line: str) -> str:
    """Return a comment with a line put below its title, in place of one that was put there."""
    top, found, rest = comment.partition("\n\n")
    kept = rest.partition("\n\n")[2] if rest.startswith("Live") else rest
    return f"{top}\n\n{line}\n\n{kept}" if found else f"{comment}\n\n{line}\n"


def _sections(review: Review, now: datetime, links: Links | None) -> Iterator[Section]:
    """Yield what is below the title; who has the lower rank gets room first."""
    if review.live is not None:
        yield Section([living(review.environment, review.live)])
    yield Section([" · ".join(_about(review))])
    if review.is_fork:
        preview = _PREVIEW.format(code(f"/sark ok {review.head.commit or '<head sha>'}"))
        yield Section([_FORK + preview * rows.is_heard(review, links)])
    if review.guard is not None:
        yield Section([_guard(review)])
    if review.errors:
        yield _errors(review, links)
        yield Section([_unless(review)], rank=1)
    else:
        yield from _told(review, now, links)
    yield Section([_foot(review, now, links)], rank=1)


def _told(review: Review, now: datetime, links: Links | None) -> Iterator[Section]:
    changes = sorted(review.changes, key=rows.rank)
    more = _more("workflows", review, links)
    if changes:
        told = [rows.row(review, each, now, links) for each in changes[:_MOST_ROWS]]
        yield Section(told, _TABLE, more, 4, more=max(0, len(changes) - _MOST_ROWS))
    else:
        base = code(words.named(review.base))
        yield Section([f"Formatting or comments only. The compiled result is identical to {base}."])
    notes = [note for each in changes for note in rows.notes(each)]
    notes += _warnings(review, links)
    yield Section(notes, "**Look at these first**\n", "- … and {} more", 2, 4)
    yield Section(_policies(review, links), _RULES, "| … and {} more | | |", 2, 4)
    yield Section([*_owners(review)], "**Owners of what changes**\n", "- … and {} more", 2, 4)
    flips = [f"- {prose(each)}" for each in review.rulings.flips]
    yield Section(flips, "**Policies decide otherwise**\n", "- … and {} more", 3, 8)
    told = [f"- {prose(each)}" for each in review.what_if]
    yield Section(told, "**Recorded runs under the new plans**\n", "- … and {} more", 3, 8)
    blocks = [rows.details(each) for each in changes[:_MOST_FOLDS]]
    left = max(0, len(changes) - _MOST_FOLDS)
    yield Section(blocks, rest="\n… and the details of {} more.", rank=5, more=left)
    yield Section([*_also(review), *_callers(review)], rest="- … and {} more", rank=3, share=8)
    if changes:
        yield Section([_nothing(review)], rank=1)


def _about(review: Review) -> list[str]:
    ends = _ends(review.environment, review.base, review.head)
    if review.errors:
        return ends
    plan = [f"plan {code(review.digest[:8])}"] if review.changes else []
    took = f" in {review.seconds:.1f} s" if review.seconds else ""
    return [*ends, *plan, f"{words.many(review.specs, 'spec')} checked{took}"]


def _ends(environment: str, base: Head, head: Head) -> list[str]:
    where = [code(environment)] if environment else []
    return [*where, f"base {code(words.named(base))} + head {code(words.short(head))}"]


def _guard(review: Review) -> str:
    assert review.guard is not None
    where = f" in {code(review.environment)}" if review.environment else ""
    return (
        f"This removes {review.guard.gone:,} of {review.guard.of:,} workflows{where}. "
        "SARK will hold the commit unless the merge commit message contains\n\n"
        f"    Sark-Prune: {review.guard.gone}"
    )


def _errors(review: Review, links: Links | None) -> Section:
    told = [_error(each, review, links) for each in review.errors]
    return Section(told, _ERRORS, _more("errors", review, links), 2)


def _error(finding: Diagnostic, review: Review, links: Links | None) -> str:
    span = finding.span
    where = code(f"{span.file.rpartition('/')[2]}:{span.line}:{span.column}")
    if links is not None:
        where = linked(where, links.file(review.head.commit, review.path(span.file), span.line))
    also = "".join(f"; {prose(each.message)} at line {each.span.line}" for each in finding.related)
    told = f"{prose(finding.message)}{also} {code(finding.code)}"
    fix = prose(finding.hint or (finding.expected and f"expected: {finding.expected}"))
    return f"| {cell(where)} | {cell(told)} | {cell(fix)} |"


def _unless(review: Review) -> str:
    count = len(review.changes)
    valid = f"{words.many(count, 'other changed workflow')} {'is' if count == 1 else 'are'} valid. "
    stays = f"{code(words.short(review.base))} stays live and the commit is marked failed."
    return f"{valid if count else ''}If merged anyway, {stays}"


def _warnings(review: Review, links: Links | None) -> list[str]:
    files = {each.file for each in review.changes if each.new is not None}
    return [
        f"- {rows.place(review, each.span.file, each.span.line, links)}: {prose(each.message)} "
        f"{code(each.code)}"
        for each in review.findings
        if each.severity is Severity.WARNING and each.span.file in files
    ]


def _policies(review: Review, links: Links | None) -> Sequence[str]:
    worst = list(Effect)
    spoken = [each for each in review.rulings.rulings if each.effect is not Effect.ALLOW]
    spoken.sort(key=lambda each: (-worst.index(each.effect), each.rule, each.workflow))
    told = [rows.ruled(each, review, links) for each in spoken]
    silent = len(review.rulings.silent)
    other = "other " * bool(told)
    return [*told, f"| {silent:,} {other}rule{'s' * (silent != 1)} | ok | |"] if silent else told


def _owners(review: Review) -> Iterator[str]:
    """Yield whose the files are; who has to say yes is for policies to tell."""
    told = review.owners
    if told is None:
        return
    for group, files in told.groups.items():
        yield f"- {' or '.join(map(code, group))}: {_some([*map(code, files)])}"
    if told.unowned:
        yield f"- nobody: {_some([*map(code, told.unowned)])}"
    file = code(told.owners.file)
    if told.is_changed:
        yield f"- This changes {file}: that of the base counts."
    for where, what, why in words.passed_over(told.owners):
        yield f"- {code(where)} {what}{prose(why)}"


def _also(review: Review) -> Iterator[str]:
    found = [f"#{pull} ({code(name)})" for pull, name in words.also(review)]
    if found:
        yield f"Also open and touching the same workflow{'s' * (len(found) > 1)}: {_some(found)}."


def _callers(review: Review) -> Iterator[str]:
    found = [f"{code(caller)} (by {code(name)})" for name, caller in review.callers]
    if found:
        yield f"Do not change, but start, follow or hear what does: {_some(found)}."


def _some(told: Sequence[str]) -> str:
    more = f" and {len(told) - 10:,} more" if len(told) > 10 else ""
    return ", ".join(told[:10]) + more


def _nothing(review: Review) -> str:
    stays = code(words.short(review.base))
    what = "this pull request" if review.pull else "this plan"
    return (
        f"Nothing is applied from {what}. After merge, SARK activates the commit as one unit, "
        f"or keeps {stays} if anything fails."
    )


def _more(noun: str, review: Review, links: Links | None) -> str:
    url = "" if links is None else links.plan(review.digest)
    full = f" Full plan: {linked('all of it', url)}." if url else ""
    # Braces of a URL are quoted, so what is left is only the place of the number.
    return f"\n… and {{}} more {noun}.{full}"


def _foot(review: Review, now: datetime, links: Links | None) -> str:
    url = "" if links is None else links.plan(review.digest)
    told = [linked("Full plan", url)] if url else []
    if review.pull:
        told.append(f"run locally: {code(f'sark plan --pr {review.pull}')}")
    if rows.is_heard(review, links):
        commands = ("/sark plan", "/sark preview <workflow>", "/sark help")
        told.append("commands: " + " ".join(map(code, commands)))
    for_ = code(words.short(review.head))
    told.append(f"updated {now.astimezone(UTC):%H:%M:%S} UTC for {for_}")
    return f"<sub>{' · '.join(told)}</sub>"


def _lasted(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
