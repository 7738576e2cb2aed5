"""What is said of a review, whoever writes it down: counts, what it waits for, when it counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.core import schedule
from engine.core.change import Change, Kind
from engine.core.diagnostic import Diagnostic, Severity, Span
from engine.core.review.model import Effect, Head, Review, Ruling
from engine.core.review.owners import Owners

SHORT = 7
"""How much of a commit is shown."""
OFFLINE, NONE = "offline", "none"
_SCHEDULE = "schedule"
_DAY = timedelta(days=1)
_SEVERITIES: Mapping[Effect, Severity] = {
    Effect.ALLOW: Severity.INFO,
    Effect.WARN: Severity.WARNING,
    Effect.APPROVAL: Severity.WARNING,
    Effect.DENY: Severity.ERROR,
}
_WORST = tuple(Severity)


def many(count: int, noun: str) -> str:
    """Return a count with its noun: `1 error`, `2 errors`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def headline(review: Review) -> str:
    """Return the first line: what changes, and what stands between it and its activation."""
    if review.errors:
        return f"{many(len(review.errors), 'error')}. This commit would not be activated"
    told = counted(review.changes)
    if review.guard is not None:
        gone = many(review.guard.gone, "workflow")
        told = f"{gone} removed. Needs an explicit confirmation in the merge commit"
    waits = _waits(review)
    return f"{told}. {waits}" if waits else told


def counted(changes: Sequence[Change]) -> str:
    """Return how many workflows change, and how."""
    counts = [(kind, sum(each.kind is kind for each in changes)) for kind in Kind]
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts if count)
    return told or "no workflow changes"


def _waits(review: Review) -> str:
    denied = {each.rule for each in review.rulings.rulings if each.effect is Effect.DENY}
    if denied:
        return f"Denied by {many(len(denied), 'rule')}"
    count = len(open_approvals(review))
    told = f"Waiting for {many(count, 'approval')}" if count else ""
    return "A draft, nothing waits for it" if review.is_draft else told


def open_approvals(review: Review) -> set[tuple[str, str]]:
    """Return the rules that somebody must still approve, each with its team."""
    return {(each.rule, each.team) for each in review.rulings.rulings if each.is_open}


def short(head: Head) -> str:
    """Return what names an end: the beginning of its commit, else what people call it."""
    return head.commit[:SHORT] or head.name


def named(head: Head) -> str:
    """Return an end by its name and commit: `main@9f31c02`."""
    if not head.commit or head.commit.startswith(head.name or "-"):
        return short(head)
    return f"{head.name}@{head.commit[:SHORT]}" if head.name else short(head)


def is_due(change: Change) -> bool:
    """True if the clock starts it, or did."""
    plan = change.new or change.old
    return plan is not None and any(each.type == _SCHEDULE for each in plan.triggers)


def starts(change: Change, now: datetime) -> str:
    """Return when the clock starts a workflow next, as `14:15 CET`; "" if it never does.

    It is the time of the schedule's zone, with its day if that is over a day away.
    """
    first = None if change.new is None else schedule.first(change.new.triggers, now)
    if first is None:
        return ""
    day = "%Y-%m-%d " if first - now >= _DAY else ""
    return f"{first:{day}%H:%M %Z}"


def in_flight(review: Review, change: Change) -> Sequence[tuple[str, str]]:
    """Return what becomes of runs in flight: what is said, and the commit that it is said of.

    Without a commit it is `offline` or `none`. Of a new workflow there is nothing to say.
    """
    if change.old is None:
        return ()
    if review.impact is None:
        return ((OFFLINE, ""),)
    impact = review.impact.get(change.name)
    runs = {} if impact is None else {k: n for k, n in impact.in_flight.items() if n}
    if not runs:
        return ((NONE, ""),)
    return tuple(
        (f"{many(count, 'run')} stay{'s' * (count == 1)} on", commit[:SHORT])
        for commit, count in sorted(runs.items())
    )


def history(review: Review, change: Change) -> str:
    """Return how long the history of a workflow that is gone is kept; "" where nobody says."""
    if change.new is not None or review.kept is None:
        return ""
    return f"history kept {many(review.kept.days, 'day')}"


def also(review: Review) -> Iterator[tuple[int, str]]:
    """Yield other open pull requests, each with a workflow that it touches, too."""
    impact = review.impact or {}
    told = ((pull, each.name) for each in review.changes if each.name in impact
            for pull in impact[each.name].also)  # fmt: skip
    yield from sorted(told)


def passed_over(owners: Owners) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with a `CODEOWNERS`: where, what becomes of that line, and why."""
    what = "" if owners.is_unusable else "is passed over: "
    for each in owners.faults:
        yield f"{each.span.file}:{each.span.line}", what, each.message


def findings(review: Review) -> list[Diagnostic]:
    """Return what is said of lines, the worst first, with files as the repository has them.

    That is every error, the warnings of files whose workflows change, and what policies say of a
    line.
    """
    touched = {each.file for each in review.changes if each.new is not None}
    told = [
        each for each in review.findings
        if each.severity is Severity.ERROR or each.span.file in touched
    ]  # fmt: skip
    told += [_as_finding(each) for each in review.rulings.rulings if each.file]
    placed = [_below(each, review) for each in told]
    return sorted(placed, key=lambda each: (_WORST.index(each.severity), each.span, each.code))


def _as_finding(ruling: Ruling) -> Diagnostic:
    span = Span(ruling.file, max(ruling.line, 1), 1)
    hint = f"{ruling.team} must approve" if ruling.is_open and ruling.team else ""
    return Diagnostic(ruling.rule, ruling.reason, span, _SEVERITIES[ruling.effect], hint)


def _below(finding: Diagnostic, review: Review) -> Diagnostic:
    """Return a finding with its files told from the repository's top."""

    def placed(span: Span) -> Span:
        return replace(span, file=review.path(span.file))

    related = tuple(replace(each, span=placed(each.span)) for each in finding.related)
    fix = finding.fix and replace(finding.fix, span=placed(finding.fix.span))
    return replace(finding, span=placed(finding.span), related=related, fix=fix)
