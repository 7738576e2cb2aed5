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
class Terms:
    """On what terms a run starts: its priority, its group with the rules, its idempotency key.

    The key counts as taken for `ttl` after the run was made. Runs of one priority take turns by
    their `fair_key`.
    """

    priority: int = LEVELS["normal"]
    group: str | None = None
    rules: Json = None
    key: str | None = None
    fair_key: str = ""
    ttl: timedelta | None = None


class WholeRun:
    """The run-level keys of a plan, compiled once."""

    def __init__(self, plan: Plan) -> None:
        told = plan.settings if isinstance(plan.settings, Mapping) else {}
        self._name = plan.name
        self._settings = plan.settings
        self._concurrency = plan.concurrency
        self._group = _template(plan.concurrency.group if plan.concurrency else None)
        self._priority = _template(_within(told, "priority", "level"))
        self._fair_key = _template(_within(told, "priority", "fair_key"))
        self._key = _template(_within(told, "idempotency", "key"))
        ttl = _within(told, "idempotency", "ttl")
        self._ttl = None if ttl is None else parse_duration(ttl)

    def terms(self, inputs: Mapping[str, Json], trigger: Json) -> Terms:
        """Return the terms of a run; raise EvaluationError or ValueError where one has no value."""
        names = {"inputs": inputs, "trigger": trigger}
        level = "normal" if self._priority is None else self._priority.evaluate(names)
        if level not in LEVELS:
            raise ValueError(f"priority must give one of {', '.join(LEVELS)}; it gave {level!r}")
        key = (
            None if self._key is None else _text("idempotency.key", str(self._key.evaluate(names)))
        )
        priority, tenant = LEVELS[str(level)], self._tenant(names)
        if self._group is None or self._concurrency is None:
            return Terms(priority, key=key, fair_key=tenant, ttl=self._ttl)
        group = _text("concurrency.group", str(self._group.evaluate(names)))
        rules = _rules(self._concurrency)
        return Terms(priority, self._scoped(group), rules, key, tenant, self._ttl)

    def objectives(self, now: datetime) -> tuple[Objective, ...]:
        """Return what a run that is made now should hold to."""
        return promised(self._settings, now)

    def _tenant(self, names: Mapping[str, Json]) -> str:
        """Return whose turn it is when the run begins; "" is nobody's."""
        key = "" if self._fair_key is None else str(self._fair_key.evaluate(names))
        return _text("priority.fair_key", key, LONGEST_KEY) if key else ""

    def _scoped(self, group: str) -> str:
        assert self._concurrency is not None
        within = self._name if self._concurrency.scope == "workflow" else ""
        return f"{within}:{group}"


def _rules(told: Concurrency) -> Json:
    return {"limit": told.limit, "on_conflict": told.on_conflict, "max_queue": told.max_queue}


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
