"""What a workflow says of its runs as wholes: who goes first, who waits, who is there already."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.core.expression import Compiled, compile_value
from engine.core.frozen import frozen
from engine.core.objective import Objective, promised
from engine.core.plan import Concurrency, Plan
from engine.core.priority import LEVELS, LONGEST_KEY
from engine.core.values import Json, parse_duration

LONGEST = 500


@frozen
class Idempotency:
    """What makes a run the only one of several starts: a `key` that no other run has.

    It is compared with those of the same `workflow`, or where that is empty with those of all
    workflows of the namespace that say so, and counts as taken for `ttl` after the run was made.
    """

    key: str
    workflow: str = ""
    ttl: timedelta | None = None


@frozen
class Terms:
    """On what terms a run starts: its priority, its group with the rules, what makes it the only.

    Runs of one priority take turns by their `fair_key`.
    """

    priority: int = LEVELS["normal"]
    group: str | None = None
    rules: Json = None
    idempotency: Idempotency | None = None
    fair_key: str = ""


class WholeRun:
    """The run-level keys of a plan, compiled once.

    `rejects`: a start whose idempotency key is taken is refused, and does not get the first run.
    """

    def __init__(self, plan: Plan) -> None:
        told = plan.settings if isinstance(plan.settings, Mapping) else {}
        self._name = plan.name
        self._settings = plan.settings
        self._concurrency, self._queue = plan.concurrency, plan.queue
        self._group = _template(plan.concurrency.group if plan.concurrency else None)
        self._priority = _template(_within(told, "priority", "level"))
        self._fair_key = _template(_within(told, "priority", "fair_key"))
        self._key = _template(_within(told, "idempotency", "key"))
        ttl = _within(told, "idempotency", "ttl")
        self._ttl = None if ttl is None else parse_duration(ttl)
        is_shared = _within(told, "idempotency", "scope") == "namespace"
        self._keys_of = "" if is_shared else plan.name
        self.rejects = _within(told, "idempotency", "on_duplicate") == "reject"

    def terms(self, inputs: Mapping[str, Json], trigger: Json) -> Terms:
        """Return the terms of a run; raise EvaluationError or ValueError where one has no value."""
        names = {"inputs": inputs, "trigger": trigger}
        level = "normal" if self._priority is None else self._priority.evaluate(names)
        if level not in LEVELS:
            raise ValueError(f"priority must give one of {', '.join(LEVELS)}; it gave {level!r}")
        only, tenant = self._idempotency(names), self._tenant(names)
        priority = LEVELS[str(level)]
        if self._group is None or self._concurrency is None:
            return Terms(priority, idempotency=only, fair_key=tenant)
        group = _text("concurrency.group", str(self._group.evaluate(names)))
        return Terms(
            priority, self._scoped(group), _rules(self._concurrency, self._queue), only, tenant
        )

    def objectives(self, now: datetime) -> tuple[Objective, ...]:
        """Return what a run that is made now should hold to."""
        return promised(self._settings, now)

    def _idempotency(self, names: Mapping[str, Json]) -> Idempotency | None:
        """Return what a run must be the only one by, if anything."""
        if self._key is None:
            return None
        key = _text("idempotency.key", str(self._key.evaluate(names)))
        return Idempotency(key, self._keys_of, self._ttl)

    def _tenant(self, names: Mapping[str, Json]) -> str:
        """Return whose turn it is when the run begins; "" is nobody's."""
        key = "" if self._fair_key is None else str(self._fair_key.evaluate(names))
        return _text("priority.fair_key", key, LONGEST_KEY) if key else ""

    def _scoped(self, group: str) -> str:
        assert self._concurrency is not None
        within = self._name if self._concurrency.scope == "workflow" else ""
        return f"{within}:{group}"


def _rules(told: Concurrency, queue: timedelta) -> Json:
    """Return the rules of a group; `queue`, in milliseconds, is for this run alone."""
    return {
        "limit": told.limit, "on_conflict": told.on_conflict, "max_queue": told.max_queue,
        "queue": queue // timedelta(milliseconds=1),
    }  # fmt: skip


def _within(told: Mapping[str, Json], key: str, inner: str) -> str | None:
    held = told.get(key)
    value = held.get(inner) if isinstance(held, Mapping) else None
    return None if value is None else str(value)


def _template(text: str | None) -> Compiled | None:
    return None if text is None else compile_value(text)


def _text(what: str, text: str, longest: int = LONGEST) -> str:
    if not 0 < len(text) <= longest:
        raise ValueError(f"{what} gave {len(text)} characters; it may have 1 to {longest}")
    if "\0" in text:
        raise ValueError(f"{what} gave a text with a NUL in it")
    return text
