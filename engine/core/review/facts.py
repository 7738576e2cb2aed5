"""What policies are told of a change: one dictionary of plain values a workflow, one of it all.

Every fact is always there: a text that nobody said is "", a number 0, a list empty. So a rule
never fails to find one, and a name that is none of these is a mistake.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from engine.core import bounds
from engine.core.change import Change, Kind
from engine.core.change.reach import NONE, Known, Reach, reach
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.review.owners import ANY_OF, NOBODY, Owners, Touched
from engine.core.review.steps import calls
from engine.core.values import Json, parse_duration

Facts = dict[str, Json]
_REACHED = ("secrets", "hosts", "operations", "workflows", "emits")
_TIMEOUT = re.compile(r"(^|\.)timeout(\.\w+)?$")
_SCHEDULE = "schedule"


class Shape(StrEnum):
    """What a fact is."""

    TEXT = "a text"
    NUMBER = "a number"
    TRUTH = "true or false"
    TEXTS = "a list of texts"
    THINGS = "a list of things"


@frozen
class Fact:
    """One fact: what it is, what it says, and what it may be: the `choices` of a text, or the
    `keys` of each thing in a list.
    """

    shape: Shape
    meaning: str
    choices: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@frozen
class Whose:
    """Whose files are, by the `CODEOWNERS` of the base, and what of them the change touches.

    `root` is that of the source, as paths from the repository's top begin.
    """

    owners: Owners = NOBODY
    touched: Touched | None = None
    root: str = ""

    def of(self, file: str) -> tuple[str, ...]:
        """Return who owns a file below the root."""
        return self.owners.of(f"{self.root}/{file}" if self.root else file)


@frozen
class Pull:
    """What is known of a pull request: `teams` are those of its author, as in `acme/payments`."""

    author: str
    teams: tuple[str, ...] = ()
    is_fork: bool = False


UNKNOWN = Whose()
_STEP = ("name", "operation", "line", "is_new")
_CONTEXT: Mapping[str, Fact] = {
    "namespace": Fact(Shape.TEXT, "the namespace of the source"),
    "environment": Fact(Shape.TEXT, "the environment of the source, as `production`"),
    "is_pull": Fact(Shape.TRUTH, "whether it is a pull request's; of others no author is known"),
    "author": Fact(Shape.TEXT, "who has opened the pull request"),
    "author_teams": Fact(Shape.TEXTS, "the teams of the author, as `acme/payments`"),
    "is_fork": Fact(Shape.TRUTH, "whether the pull request comes from a fork"),
}
_LISTS = {
    "secrets": "secrets that it reads",
    "hosts": "hosts that it calls",
    "operations": "operations that it uses, as `http.request@1`",
    "workflows": "workflows that it starts or calls",
    "emits": "types of events that it emits",
}
CHANGE: Mapping[str, Fact] = {
    "name": Fact(Shape.TEXT, "the name of the workflow"),
    "kind": Fact(Shape.TEXT, "what becomes of it", choices=tuple(Kind)),
    "file": Fact(Shape.TEXT, "the file that it is written in, or was"),
    **_CONTEXT,
    "owners": Fact(Shape.TEXTS, "its owners"),
    "owners_before": Fact(Shape.TEXTS, "its owners before the change"),
    "is_unowned": Fact(Shape.TRUTH, "whether it is there after the change and has no owner"),
    "code_owners": Fact(
        Shape.TEXTS,
        "who owns its file by `CODEOWNERS`, and who the file that it stood in before, as "
        "`acme/payments` or `@dana`",
    ),
    "owner_groups": Fact(
        Shape.TEXTS, "the same, those of a file together: `acme/payments or @dana`, of whom one is "
        "enough",
    ),
    "is_without_code_owner": Fact(
        Shape.TRUTH, "whether nobody owns its file, or the file that it stood in before"
    ),
    "labels": Fact(Shape.TEXTS, "its labels, each as `key=value`"),
    "labels_before": Fact(Shape.TEXTS, "its labels before the change"),
    **{
        key: fact
        for name, meaning in _LISTS.items()
        for key, fact in (
            (name, Fact(Shape.TEXTS, meaning)),
            (f"new_{name}", Fact(Shape.TEXTS, f"{meaning} and did not before")),
            (f"first_{name}", Fact(Shape.TEXTS, f"{meaning} and no workflow did before")),
        )
    },
    "destroys": Fact(
        Shape.THINGS, "steps that may destroy something; `is_asked`: never without an approval",
        keys=(*_STEP, "is_asked", "is_undo"),
    ),
    "unsafe_retries": Fact(
        Shape.THINGS, "steps that write, are tried again, and may do harm twice (`unsafe`)",
        keys=(*_STEP, "attempts"),
    ),
    "lost_approvals": Fact(Shape.TEXTS, "steps that asked for an approval and do no longer"),
    "schedules": Fact(
        Shape.THINGS, "schedules that come, go or change", keys=("name", "before", "after")
    ),
    "timeouts": Fact(
        Shape.THINGS, "timeouts that change", keys=("name", "seconds", "seconds_before")
    ),
    "places": Fact(Shape.TEXTS, "places of which it says something else, as in `sark diff`"),
    **{
        key: fact
        for name, meaning in {
            "worst_calls": "calls of operations in a run, at worst",
            "worst_seconds": "seconds that a run takes, at worst",
            "worst_at_once": "calls that are under way at once, at worst",
            "worst_events": "events that a run emits, at worst",
            "worst_runs": "other runs that a run starts, at worst",
        }.items()
        for key, fact in (
            (name, Fact(Shape.NUMBER, meaning)),
            (f"{name}_before", Fact(Shape.NUMBER, f"{meaning}, before the change")),
        )
    },
}  # fmt: skip
"""The facts of a workflow that changes, by name."""
WHOLE: Mapping[str, Fact] = {
    **_CONTEXT,
    "added": Fact(Shape.TEXTS, "names of workflows that are new"),
    "changed": Fact(Shape.TEXTS, "names of workflows that change"),
    "removed": Fact(Shape.TEXTS, "names of workflows that go"),
    "policies": Fact(Shape.TEXTS, "files of policies that the change adds, changes or removes"),
    "code_owners": Fact(Shape.TEXTS, "who owns the files that it touches, by `CODEOWNERS`"),
    "owner_groups": Fact(
        Shape.TEXTS, "the same, those of a file together: `acme/payments or @dana`"
    ),
    "unowned_files": Fact(Shape.TEXTS, "files that it touches and nobody owns"),
    "changes_code_owners": Fact(
        Shape.TRUTH, "whether it brings another `CODEOWNERS`, which does not count"
    ),
    "count": Fact(Shape.NUMBER, "how many workflows are new, change or go"),
    "count_removed": Fact(Shape.NUMBER, "how many workflows go"),
}
"""The facts of a change as a whole, by name."""
THING: Mapping[str, Fact] = {
    "name": Fact(Shape.TEXT, "the path of a step, the name of a trigger, the place of a timeout"),
    "operation": Fact(Shape.TEXT, "the operation that a step calls"),
    "line": Fact(Shape.NUMBER, "the line that a step is written at; 0 in a workflow it calls"),
    "is_new": Fact(Shape.TRUTH, "whether it was not so before the change"),
    "is_asked": Fact(Shape.TRUTH, "whether an approval stands before it in every run"),
    "is_undo": Fact(Shape.TRUTH, "whether it only runs to undo what a step has done"),
    "attempts": Fact(Shape.NUMBER, "how often it is tried at most"),
    "before": Fact(Shape.TEXT, 'what a schedule said, as `cron=0 2 * * *`; "" if there was none'),
    "after": Fact(Shape.TEXT, 'what it says; "" if there is none'),
    "seconds": Fact(Shape.NUMBER, "how long a timeout is; 0 if there is none"),
    "seconds_before": Fact(Shape.NUMBER, "how long it was; 0 if there was none"),
}
"""The keys of things that facts list."""


def of_changes(
    changes: Sequence[Change], catalogue: Catalogue, namespace: str, environment: str,
    pull: Pull | None = None, whose: Whose = UNKNOWN, asked: Container[str] = CHANGE,
    known: Known = NONE,
) -> list[Facts]:  # fmt: skip
    """Return the facts of each workflow that changes, as far as they are `asked` for.

    What some of the plans reach may be `known` already.
    """
    context = _context(namespace, environment, pull)
    makers = [each for each in _MAKERS if any(name in asked for name in each.names)]
    told = []
    for each in changes:
        facts = context.copy()
        for maker in makers:
            facts |= maker.make(_Given(each, catalogue, whose, known))
        told.append({key: value for key, value in facts.items() if key in asked})
    return told


def of_whole(
    changes: Sequence[Change], namespace: str, environment: str, pull: Pull | None = None,
    policies: Sequence[str] = (), whose: Whose = UNKNOWN,
) -> Facts:  # fmt: skip
    """Return the facts of a change as a whole; `policies` are the files of them that change."""
    owned = whose.touched
    groups = () if owned is None else tuple(owned.groups)
    names: dict[Kind, list[Json]] = {kind: [] for kind in Kind}
    for each in changes:
        names[each.kind].append(each.name)
    return {
        **_context(namespace, environment, pull),
        **{str(kind): told for kind, told in names.items()},
        "policies": list(policies),
        "code_owners": list(dict.fromkeys(each for group in groups for each in group)),
        "owner_groups": [ANY_OF.join(group) for group in groups],
        "unowned_files": [] if owned is None else list(owned.unowned),
        "changes_code_owners": owned is not None and owned.is_changed,
        "count": len(changes),
        "count_removed": len(names[Kind.REMOVED]),
    }


def _context(namespace: str, environment: str, pull: Pull | None) -> Facts:
    known = Pull("") if pull is None else pull
    return {
        "namespace": namespace,
        "environment": environment,
        "is_pull": pull is not None,
        "author": known.author,
        "author_teams": list(known.teams),
        "is_fork": known.is_fork,
    }


@frozen
class _Given:
    """What facts of a workflow are made of."""

    change: Change
    catalogue: Catalogue
    whose: Whose
    known: Known


@frozen
class _Maker:
    """Makes the facts of some names together."""

    names: tuple[str, ...]
    make: Callable[[_Given], Facts]


def _plain(given: _Given) -> Facts:
    change = given.change
    old, new = change.old, change.new
    return {
        "name": change.name, "kind": str(change.kind), "file": change.file,
        **_described(new, ""), **_described(old, "_before"),
        "is_unowned": new is not None and not new.owners,
        "lost_approvals": [] if new is None else list(change.loses.asks),
        "schedules": list(_schedules(old, new)),
        "timeouts": list(_timeouts(change)),
        "places": [each.place for each in change.lines],
    }  # fmt: skip


def _reaching(given: _Given) -> Facts:
    new = given.change.new
    has = Reach() if new is None else reach(new, given.catalogue, given.known)
    return _reached(has, given.change)


def _stepwise(given: _Given) -> Facts:
    old, new = given.change.old, given.change.new
    had = frozenset() if old is None else frozenset(each.key for each in calls(old))
    steps = [] if new is None else calls(new)
    return {
        "destroys": [
            {**each.told(had), "is_asked": each.is_asked, "is_undo": each.is_undo}
            for each in steps
            if each.is_destructive
        ],
        "unsafe_retries": [
            {**each.told(had), "attempts": each.attempts} for each in steps if each.is_unsafe
        ],
    }


def _bounded(given: _Given) -> Facts:
    return _worst(given.change.new, "") | _worst(given.change.old, "_before")


def _owned(given: _Given) -> Facts:
    change, whose = given.change, given.whose
    files = dict.fromkeys(each.file for each in (change.new, change.old) if each is not None)
    groups = list(dict.fromkeys(map(whose.of, files)))
    return {
        "code_owners": list(dict.fromkeys(each for group in groups for each in group)),
        "owner_groups": [ANY_OF.join(group) for group in groups if group],
        "is_without_code_owner": () in groups,
    }


def _described(plan: Plan | None, suffix: str) -> Facts:
    owners = () if plan is None else plan.owners
    labels = () if plan is None else plan.labels
    return {
        f"owners{suffix}": list(owners),
        f"labels{suffix}": [f"{key}={value}" for key, value in labels],
    }


def _reached(has: Reach, change: Change) -> Facts:
    found = {"": has, "new_": change.gains, "first_": change.first}
    return {
        f"{prefix}{name}": list(getattr(told, name))
        for prefix, told in found.items()
        for name in _REACHED
    }


def _schedules(old: Plan | None, new: Plan | None) -> Iterator[Json]:
    before, after = _scheduled(old), _scheduled(new)
    for name in sorted(before.keys() | after.keys()):
        was, is_ = before.get(name, ""), after.get(name, "")
        if was != is_:
            yield {"name": name, "before": was, "after": is_}


def _scheduled(plan: Plan | None) -> dict[str, str]:
    """Return what each schedule of a plan says, as `cron=0 2 * * * timezone=UTC`."""
    triggers = () if plan is None else plan.triggers
    return {each.id: _said(each.settings) for each in triggers if each.type == _SCHEDULE}


def _said(settings: Json) -> str:
    assert isinstance(settings, Mapping)
    told = {key: each for key, each in settings.items() if isinstance(each, str)}
    return " ".join(f"{key}={each}" for key, each in sorted(told.items()))


def _timeouts(change: Change) -> Iterator[Json]:
    for each in change.lines:
        if _TIMEOUT.search(each.place):
            yield {
                "name": each.place,
                "seconds": _seconds(each.new),
                "seconds_before": _seconds(each.old),
            }


def _seconds(text: Json) -> float:
    return parse_duration(text).total_seconds() if isinstance(text, str) else 0


def _worst(plan: Plan | None, suffix: str) -> Facts:
    told = None if plan is None else bounds.of(plan)
    return {
        f"worst_calls{suffix}": 0 if told is None else told.adapter_calls,
        f"worst_seconds{suffix}": 0 if told is None else told.duration // timedelta(seconds=1),
        f"worst_at_once{suffix}": 0 if told is None else told.fan_out,
        f"worst_events{suffix}": 0 if told is None else told.events,
        f"worst_runs{suffix}": 0 if told is None else told.runs,
    }


_OWNING = ("code_owners", "owner_groups", "is_without_code_owner")
_REACHING = tuple(f"{prefix}{name}" for prefix in ("", "new_", "first_") for name in _REACHED)
_STEPWISE = ("destroys", "unsafe_retries")
_BOUNDED = tuple(name for name in CHANGE if name.startswith("worst_"))
_APART = {*_OWNING, *_REACHING, *_STEPWISE, *_BOUNDED}
_MAKERS = (
    _Maker(tuple(name for name in CHANGE if name not in _APART), _plain),
    _Maker(_OWNING, _owned),
    _Maker(_REACHING, _reaching),
    _Maker(_STEPWISE, _stepwise),
    _Maker(_BOUNDED, _bounded),
)
