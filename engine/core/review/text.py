"""A review as lines for a terminal."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from engine.core.change import Change, Kind, block
from engine.core.rendering.excerpt import visible
from engine.core.review import words
from engine.core.review.model import Effect, Head, Review, Ruling
from engine.core.review.owners import ANY_OF

WORK_TREE = "working tree"
"""What the files as they are, in no commit, are called."""
_COLUMN = 28
_NOBODY = "nobody"
_MOST_FILES = 10
_EFFECTS: Mapping[Effect, str] = {
    Effect.DENY: "denied",
    Effect.APPROVAL: "approval",
    Effect.WARN: "warning",
}
_VERBS: Mapping[Kind, str] = {
    Kind.ADDED: "add",
    Kind.CHANGED: "change",
    Kind.REMOVED: "remove",
}


def as_text(review: Review, now: datetime) -> str:
    """Return what changes and what is to be said of it; of errors, only what they come to.

    The errors themselves are for who has the sources: see `engine.core.rendering`.
    """
    if review.errors:
        return f"{_errors(review)}\n"
    sections = [list(_about(review))]
    sections += [list(_block(review, each, now)) for each in review.changes]
    sections += [_policy(review), [*_owners(review)], [*_besides(review)], [*_verdict(review)]]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _about(review: Review) -> Iterator[str]:
    root = f"   root {visible(review.path('')) or '.'}"
    is_told = review.source.endswith(f"/{review.environment}")
    where = "/".join(filter(None, (review.source, "" if is_told else review.environment)))
    yield f"Source   {visible(where) or '-'}{root}"
    is_here = not review.head.commit and review.touched
    files = f" ({words.many(len(review.touched), 'file')})" if is_here else ""
    yield f"Compare  {_end(review.base)}  ->  {_end(review.head)}{files}"
    rules = f", {words.many(len(review.rulings.rules), 'policy rule')}"
    took = f", {review.seconds:.2f} s" if review.seconds else ""
    told = f"{words.many(review.specs, 'spec')}, {len(review.changes):,} changed"
    yield f"Checked  {told}{rules if review.rulings.rules else ''}{took}"


def _end(head: Head) -> str:
    if not head.commit or head.commit.startswith(head.name):
        return visible(words.short(head))
    return f"{head.commit[: words.SHORT]} ({visible(head.name)})"


def _block(review: Review, change: Change, now: datetime) -> Iterator[str]:
    yield from block(change, now, review.path(change.file))
    for told, commit in words.in_flight(review, change):
        yield f"      in flight  {told} {commit}".rstrip()
    if kept := words.history(review, change):
        yield f"      {kept}"


def _policy(review: Review) -> list[str]:
    spoken = [each for each in review.rulings.rulings if each.effect in _EFFECTS]
    told = [_ruling(each, review) for each in sorted(spoken, key=_severest)]
    if review.rulings.silent:
        told.append(f"  {'ok':10} {words.many(len(review.rulings.silent), 'rule')}")
    told += [f"  {'flips':10} {visible(each)}" for each in review.rulings.flips]
    return ["Policy", *told] if told else []


def _severest(ruling: Ruling) -> tuple[int, str, str]:
    return list(_EFFECTS).index(ruling.effect), ruling.rule, ruling.workflow


def _ruling(ruling: Ruling, review: Review) -> str:
    is_given = ruling.effect is Effect.APPROVAL and not ruling.is_open
    word = "approved" if is_given else _EFFECTS[ruling.effect]
    place = f"{review.path(ruling.file)}:{max(ruling.line, 1)}" if ruling.file else ""
    who = f"by {ruling.approved_by}" if is_given else ruling.team
    rest = "  ".join(filter(None, (who, ruling.workflow, place, ruling.reason)))
    return f"  {word:10} {visible(ruling.rule):{_COLUMN}} {visible(rest)}".rstrip()


def _owners(review: Review) -> Iterator[str]:
    told = review.owners
    if told is None:
        return
    yield f"Owners   by {visible(told.owners.file)} of {words.short(review.base)}"
    groups = [*told.groups.items(), *([((_NOBODY,), told.unowned)] if told.unowned else ())]
    for group, files in groups:
        more = f" and {len(files) - _MOST_FILES:,} more" if len(files) > _MOST_FILES else ""
        named = visible(", ".join(files[:_MOST_FILES]))
        yield f"  {visible(ANY_OF.join(group)):{_COLUMN}} {named}{more}"
    if told.is_changed:
        yield "  another CODEOWNERS comes with this change, and does not count"
    for where, what, why in words.passed_over(told.owners):
        yield f"  {visible(where)} {what}{visible(why)}"


def _besides(review: Review) -> Iterator[str]:
    for name, caller in review.callers:
        yield f"Caller   {visible(caller)} does not change, and has to do with {visible(name)}"
    for pull, name in words.also(review):
        yield f"Open     #{pull} touches {visible(name)}, too"
    yield from (f"What if  {visible(each)}" for each in review.what_if)


def _verdict(review: Review) -> Iterator[str]:
    if not review.changes:
        yield f"No workflow changes: the compiled result is that of {words.short(review.base)}."
        return
    counts = [(verb, sum(each.kind is kind for each in review.changes))
              for kind, verb in _VERBS.items()]  # fmt: skip
    told = ", ".join(f"{count:,} to {verb}" for verb, count in counts)
    waits = ", ".join(_waits(review))
    yield f"Plan {review.digest[:8]}: {told}.{f' {waits}.' if waits else ''}"
    if review.guard is not None:
        gone, of = review.guard.gone, review.guard.of
        yield (
            f"It removes {gone:,} of {of:,} workflows: the merge commit must say Sark-Prune: {gone}"
        )
    head = "Commit and open" if not review.head.commit else "Merge"
    yield f"Nothing was changed. {head} a pull request to apply it."


def _errors(review: Review) -> str:
    files = {each.span.file for each in review.errors}
    of = f"{len(files):,} of {words.many(len(review.touched), 'changed file')}"
    where = of if files <= review.touched else words.many(len(files), "file")
    told = f"{words.many(len(review.errors), 'error')} in {where}"
    return f"{told}. {words.short(review.base)} would stay active."


def _waits(review: Review) -> Iterator[str]:
    effects = [each.effect for each in review.rulings.rulings]
    denied = effects.count(Effect.DENY)
    if denied:
        yield f"{denied:,} denied"
    if asked := len(words.open_approvals(review)):
        yield f"{words.many(asked, 'approval')} needed"
    if warned := effects.count(Effect.WARN):
        yield words.many(warned, "warning")
