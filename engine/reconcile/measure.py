"""What is counted of sources and their commits."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.diagnostic import Severity
from engine.reconcile.verdict import Stage, Verdict
from engine.telemetry import METRICS

# They are told only while they are true.
_PASSING = ("Reconciling", "Stalled")


def conditions(
    source: str, before: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]
) -> None:
    """Show how a source is, and for how long it was held if that is over."""
    was, now = _held(before), _held(told)
    if was is not None and (now is None or now["reason"] != was["reason"]):
        span = datetime.now(UTC) - datetime.fromisoformat(was["since"])
        METRICS.holds.labels(was["reason"]).observe(span.total_seconds())
    states = {**dict.fromkeys(_PASSING, False), **{each["type"]: each["status"] for each in told}}
    for kind, status in states.items():
        METRICS.condition.labels(source, kind).set(status is True)


def stopped(verdict: Verdict) -> None:
    """Count a commit that is not live for a reason that lasts."""
    if verdict.stage is Stage.UNHELD:
        METRICS.held.labels(verdict.reason).inc()
        return
    errors = (each.code for each in verdict.findings if each.severity is Severity.ERROR)
    METRICS.rejected.labels(next(errors, verdict.reason)).inc()


def compiled(specs: int, read: int) -> None:
    """Count the specs of a commit, of which some had to be read and compiled."""
    METRICS.specs.labels("compiled").inc(read)
    METRICS.specs.labels("known").inc(specs - read)


def activated(seconds: float, lag: timedelta | None) -> None:
    """Count an activation; `lag` is since the commit was seen, None if it was live before."""
    METRICS.reconcile.labels("activate").observe(seconds)
    if lag is not None:
        METRICS.source_lag.observe(lag.total_seconds())


def forget() -> None:
    """Show no source any more: another process leads."""
    METRICS.condition.clear()


def _held(told: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the condition that says that commits are held, if they are."""
    return next(
        (each for each in told if each["type"] == Stage.UNHELD and not each["status"]), None
    )
