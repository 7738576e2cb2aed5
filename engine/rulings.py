"""What policies say of a change: facts go in, rulings come out, and what fails is a denial."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from engine.core.change import Change, Known, compare
from engine.core.diagnostic import Diagnostic, Span
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.rendering.excerpt import visible
from engine.core.review import Effect, Ruling, Rulings, facts, policy
from engine.core.review.facts import UNKNOWN, Facts, Pull, Whose
from engine.core.review.slices import differing
from policies import review
from policies.fault import Fault

FAILED = "policies"
"""The rule that denies where policies cannot be used, or one of them fails."""
_EFFECTS: Mapping[str, Effect] = {
    "allow": Effect.ALLOW, "warn": Effect.WARN, "approval": Effect.APPROVAL, "deny": Effect.DENY,
}  # fmt: skip
_ORDER = tuple(Effect)
_MOST_FINDINGS = 10
_MOST_FLIPS = 20
# So many live workflows are asked about first: where enough of them flip, the rest are not.
_FIRST = 200
_LONGEST = 500
_OWNERS = (b"code_owner", b"owner_groups", b"unowned_files")
# What a change's own policies would decide is only told beside it: nobody waits long for that.
_STRANGE_SECONDS = 20.0
_STICKS = (",", ".", ";", ":", ")", "?", "!")


@frozen
class Case:
    """A change that is to be judged, and what policies are told beside it.

    `policies` are the files of policies that it adds, changes or removes; `whose` is whose files
    are, and `known` what some of the plans reach.
    """

    changes: Sequence[Change]
    catalogue: Catalogue
    namespace: str
    environment: str
    pull: Pull | None = None
    policies: Sequence[str] = ()
    whose: Whose = UNKNOWN
    known: Known = field(default_factory=dict)

    def each(self, asked: Container[str] = facts.CHANGE) -> list[Facts]:
        """Return what policies are told of each workflow, as far as it is `asked` for."""
        told = self.namespace, self.environment, self.pull, self.whose, asked, self.known
        return facts.of_changes(self.changes, self.catalogue, *told)

    def whole(self) -> Facts:
        """Return what policies are told of the change as a whole."""
        told = self.namespace, self.environment, self.pull, self.policies, self.whose
        return facts.of_whole(self.changes, *told)


def rulings(
    case: Case,
    base: Mapping[str, bytes],
    head: Mapping[str, bytes] | None = None,
    plans: Mapping[str, Plan] | None = None,
) -> Rulings:
    """Return what the policies of the `base` say of a change, by the paths of their files.

    If the change brings other policies, `head`, what they would decide otherwise is told: of the
    same change, and of each of the `plans` that are live now, as if it were new.
    """
    changed = _changed(base, base if head is None else head)
    case = replace(case, policies=changed)
    told = judged(case, base)
    if head is None or not changed:
        return told
    return replace(told, flips=tuple(_flips(case, told, base, head, plans or {})))


def judged(
    case: Case, sources: Mapping[str, bytes], seconds: float = review.SECONDS,
    each: Sequence[Facts] | None = None,
) -> Rulings:  # fmt: skip
    """Return what policies say of a change; those that are built in, if there is no source.

    What they are not asked about within `seconds` is denied. With the facts of `each` workflow
    they are asked about these alone, and not about the change as a whole.
    """
    texts, read = opened(sources)
    errors = read.findings
    names = tuple(each.name for each in read.rules)
    errors = [*errors, *_unknown(case.whose, sources)]
    if errors:
        return Rulings(tuple(_unusable(each) for each in errors[:_MOST_FINDINGS]), names)
    whole = case.whole() if each is None else None
    if each is None:
        each = case.each(policy.asked(texts.values()))
    told = review.judge(texts, each, whole, seconds)
    if told.fault is not None:
        return Rulings((_unusable(finding(told.fault, texts)),), names)
    found = [*(_failed(each, case) for each in told.failed)]
    found += [_ruling(each, case, read.by_review) for each in told.said]
    return Rulings(tuple(sorted(found, key=_rank)), names)


def opened(sources: Mapping[str, bytes]) -> tuple[dict[str, str], policy.Policies]:
    """Return the texts of policies, and what they declare; findings for those that are none."""
    texts: dict[str, str] = {} if sources else review.built_in()
    for name, data in sorted(sources.items()):
        try:
            texts[name] = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            span = Span(name, line, error.start - data.rfind(b"\n", 0, error.start))
            message = "a policy is UTF-8, and this byte is not"
            return texts, policy.Policies([], [Diagnostic("policy-syntax", message, span)])
    return texts, policy.read(texts)


def findings(sources: Mapping[str, bytes]) -> list[Diagnostic]:
    """Return what is wrong with policies; Oso is asked only if nothing else is found."""
    texts, read = opened(sources)
    if read.findings or not sources:
        return read.findings
    fault = review.judge(texts, []).fault
    return [] if fault is None else [finding(fault, texts)]


def finding(fault: Fault, texts: Mapping[str, str]) -> Diagnostic:
    """Return what Oso says of policies as a finding; it counts columns in bytes, and we do not."""
    lines = texts.get(fault.file, "").split("\n")
    line = lines[fault.line - 1] if 0 < fault.line <= len(lines) else ""
    column = len(line.encode()[: max(fault.column - 1, 0)].decode(errors="ignore")) + 1
    file = fault.file or next(iter(texts), "")
    return Diagnostic("policy-syntax", fault.message, Span(file, max(fault.line, 1), column))


def _unknown(whose: Whose, sources: Mapping[str, bytes]) -> Iterator[Diagnostic]:
    """Yield why policies that ask for owners cannot judge: a `CODEOWNERS` that nobody can use."""
    asked = any(word in data for data in sources.values() for word in _OWNERS)
    yield from whose.owners.faults if whose.owners.is_unusable and asked else ()


def _changed(base: Mapping[str, bytes], head: Mapping[str, bytes]) -> tuple[str, ...]:
    return tuple(
        each for each in sorted(base.keys() | head.keys()) if base.get(each) != head.get(each)
    )


def _ruling(said: review.Said, case: Case, by_review: Container[str]) -> Ruling:
    words = said.reason if isinstance(said.reason, list) else [said.reason]
    lines = [each["line"] for each in words if isinstance(each, dict) and each.get("line")]
    change = None if said.at < 0 else case.changes[said.at]
    return Ruling(
        said.rule, _EFFECTS[said.effect], _reason(words),
        "" if change is None else change.name,
        change.file if change is not None and lines else "", lines[0] if lines else 0,
        visible(said.team), by_review=_EFFECTS[said.effect] is Effect.APPROVAL
        and said.rule in by_review,
    )  # fmt: skip


def _reason(words: Iterable[object]) -> str:
    """Return the words as one line; a thing is told by its name."""
    told = ""
    for each in words:
        word = str(each.get("name", "?")) if isinstance(each, dict) else _plain(each)
        told += word if not told or word.startswith(_STICKS) else f" {word}"
    shown = visible(told)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _failed(failed: review.Failed, case: Case) -> Ruling:
    workflow = "" if failed.at < 0 else case.changes[failed.at].name
    words = f"the rule {failed.rule} failed: {failed.message}" if failed.rule else failed.message
    return Ruling(FAILED, Effect.DENY, _reason([words]), workflow)


def _unusable(told: Diagnostic) -> Ruling:
    hint = f" ({told.hint})" if told.hint else ""
    words = f"the policies cannot be used: {told.message}{hint}"
    return Ruling(FAILED, Effect.DENY, _reason([words]), "", told.span.file, told.span.line)


def _rank(ruling: Ruling) -> tuple[int, str, str]:
    """Return what comes first: what is worst, then by workflow and rule."""
    return -_ORDER.index(ruling.effect), ruling.workflow, ruling.rule


def _flips(
    case: Case, told: Rulings, base: Mapping[str, bytes], head: Mapping[str, bytes],
    plans: Mapping[str, Plan],
) -> Iterator[str]:  # fmt: skip
    """Yield what other policies decide otherwise, a line each, as many as anybody reads."""
    after = judged(case, head, _STRANGE_SECONDS)
    if any(each.rule == FAILED for each in after.rulings):
        reason = next(each for each in after.rulings if each.rule == FAILED)
        place = f"{reason.file}:{reason.line}: " if reason.line else ""
        yield f"with the policies of this change: {place}{reason.reason}"
        return
    lines, names = list(_turned(told, after, "{}")), sorted(plans)
    texts = opened(base)[0], opened(head)[0]
    slices = differing(*texts)
    for size in (_FIRST, len(names)):
        if slices is not None and names and len(lines) <= _MOST_FLIPS:
            some, names = {each: plans[each] for each in names[:size]}, names[size:]
            if len(some) > _FIRST:
                some = {each: plans[each] for each in _decided(case, some, *slices)}
            lines += _turned(*_live(case, some, *texts), "{}, if it were new") if some else ()
    yield from lines[:_MOST_FLIPS]
    if len(lines) > _MOST_FLIPS:
        unasked = f"; {len(names):,} live workflows were not asked about" if names else ""
        yield f"and {len(lines) - _MOST_FLIPS:,} more{unasked}"


def _decided(
    case: Case, plans: Mapping[str, Plan], old: Mapping[str, str], new: Mapping[str, str]
) -> list[str]:
    """Return the names of workflows of which some policies may not rule the same as others.

    What is said of no workflow is that they could not be asked, or not about all.
    """
    before, after = (
        {(e.workflow, e.effect, e.rule, e.team) for e in each.rulings}
        for each in _live(case, plans, old, new)
    )
    is_whole = all(workflow for workflow, *_ in before | after)
    return sorted({name for name, *_ in before ^ after} if is_whole else plans)


def _live(
    case: Case, plans: Mapping[str, Plan], old: Mapping[str, str], new: Mapping[str, str]
) -> tuple[Rulings, Rulings]:
    """Return what two sets of policies say of workflows that are live, as if each was new."""
    made = compare({}, plans, case.catalogue, case.known)
    now = replace(case, changes=made, policies=())
    each = now.each(policy.asked(text for side in (old, new) for text in side.values()))
    before, after = ({file: text.encode() for file, text in side.items()} for side in (old, new))
    return judged(now, before, each=each), judged(now, after, _STRANGE_SECONDS, each)


def _turned(old: Rulings, new: Rulings, what: str) -> Iterator[str]:
    before, after = _decisions(old), _decisions(new)
    for name in sorted(before.keys() | after.keys()):
        was, is_ = before.get(name, "ok"), after.get(name, "ok")
        if was != is_:
            yield f"{what.format(name or 'the whole change')}: {was} -> {is_}"


def _decisions(told: Rulings) -> dict[str, str]:
    """Return what is decided of each workflow, by its worst rulings; of those left out it is ok."""
    worst: dict[str, tuple[int, set[str]]] = {}
    for each in told.rulings:
        rank = _ORDER.index(each.effect)
        known, whom = worst.get(each.workflow, (0, set()))
        if rank > known:
            known, whom = rank, set()
        if rank == known and rank:
            whom.add(f"{each.rule}: {each.team}" if each.team else each.rule)
        worst[each.workflow] = known, whom
    return {
        name: f"{_ORDER[rank]} ({', '.join(sorted(whom))})" for name, (rank, whom) in worst.items()
        if rank
    }  # fmt: skip
