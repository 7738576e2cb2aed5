"""What is counted, in one registry that `/metrics` shows."""

from collections import Counter as Tally
from collections.abc import Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
_PASSES = (0.005, 0.02, 0.1, 0.5, 2, 10, 60)
_PAUSES = (0.01, 0.1, 1, 10, 60, 600, 3600)
_HOLDS = (60, 600, 3600, 6 * 3600, 86_400, 3 * 86_400, 7 * 86_400)
_SIZES = (1, 4, 16, 64, 256, 1024, 4096)


class Metrics:
    """Every metric of the engine; labels are bounded by what the configuration names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.runs = Counter("sark_runs", "Runs that have ended", ["result"], registry=registry)
        self.steps = Counter("sark_steps", "Events recorded", ["kind"], registry=registry)
        self.commits = Counter("sark_commits", "Commits of owners", registry=registry)
        self.batch = Histogram(
            "sark_commit_rows", "Journal rows a commit", buckets=_SIZES, registry=registry
        )
        self.owned = Gauge("sark_owned_runs", "Runs that this worker owns", registry=registry)
        self.fenced = Counter(
            "sark_workers_fenced", "Workers declared dead while they lived", registry=registry
        )
        self.refused = Counter(
            "sark_commits_refused", "Commits that PostgreSQL put off", registry=registry
        )
        self.left = Counter(
            "sark_runs_left", "Runs that this program left to one of a later version",
            registry=registry,
        )  # fmt: skip
        self.set_aside = Counter(
            "sark_runs_set_aside", "Runs that this program could not advance", registry=registry
        )
        self.objectives_missed = Counter(
            "sark_objectives_missed", "Objectives that runs have missed", registry=registry
        )
        self.buried = Counter("sark_workers_buried", "Dead workers found", registry=registry)
        self.lag = Histogram(
            "sark_schedule_lag_seconds", "How late schedules started runs",
            buckets=_PAUSES, registry=registry,
        )  # fmt: skip
        self.drifts = Counter(
            "sark_source_drift", "Sources whose workflows were not as their commit says",
            ["outcome"], registry=registry,
        )  # fmt: skip
        self._of_hints(registry)
        self._of_calls(registry)
        self._of_pools(registry)
        self._of_sources(registry)

        self._steps_of = cache(self.steps.labels)

    def _of_hints(self, registry: CollectorRegistry) -> None:
        """Make those of messages that say that there is work."""
        self.hints_dropped = Counter(
            "sark_hints_dropped",
            "Messages that Redis did not take, for it was away or full",
            registry=registry,
        )
        self.hints_refused = Counter(
            "sark_hints_refused", "Messages that could not be read", registry=registry
        )

    def _of_calls(self, registry: CollectorRegistry) -> None:
        """Make those of what stands between a step and its call."""
        self.cache = Counter(
            "sark_cache", "Calls that a cache was asked for, by outcome", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.circuits = Counter(
            "sark_circuit_changes", "Changes of breakers that this worker saw", ["state"],
            registry=registry,
        )  # fmt: skip
        self.turns = Histogram(
            "sark_turn_seconds", "Time that steps waited for their turn", ["modifier"],
            buckets=_PAUSES, registry=registry,
        )  # fmt: skip
        self.unmade = Counter(
            "sark_calls_refused", "Calls that were not made", ["reason"], registry=registry
        )

    def _of_pools(self, registry: CollectorRegistry) -> None:
        """Make those of attempts that workers of pools make."""
        self.performing = Gauge(
            "sark_pool_attempts", "Attempts of pools under way at this worker", registry=registry
        )
        self.pool_waits = Histogram(
            "sark_pool_wait_seconds", "Time until a worker of the pool took an attempt",
            buckets=_PAUSES, registry=registry,
        )  # fmt: skip
        self.late = Counter(
            "sark_pool_outcomes_late", "Outcomes of pools that came too late to count",
            registry=registry,
        )  # fmt: skip
        self.expired = Counter(
            "sark_pool_expired", "Attempts that no worker of their pool took in time",
            registry=registry,
        )  # fmt: skip

    def _of_sources(self, registry: CollectorRegistry) -> None:
        """Make those of commits that get live, and of forges that hear of it."""
        self.source_lag = Histogram(
            "sark_source_lag_seconds", "From when a commit was seen until it was live",
            buckets=_PAUSES, registry=registry,
        )  # fmt: skip
        self.reconcile = Histogram(
            "sark_reconcile_seconds", "Time that a pass took, by phase", ["phase"],
            buckets=_PASSES, registry=registry,
        )  # fmt: skip
        self.condition = Gauge(
            "sark_source_condition", "1 while a condition of a source is true, 0 while it is not",
            ["source", "type"], registry=registry,
        )  # fmt: skip
        self.rejected = Counter(
            "sark_commits_rejected", "Commits that were rejected, by the code of the first error",
            ["code"], registry=registry,
        )  # fmt: skip
        self.held = Counter(
            "sark_commits_held", "Commits that were held, by reason", ["reason"],
            registry=registry,
        )  # fmt: skip
        self.holds = Histogram(
            "sark_source_held_seconds", "How long commits of a source were held, once it is over",
            ["reason"], buckets=_HOLDS, registry=registry,
        )  # fmt: skip
        self.specs = Counter(
            "sark_specs", "Specs of commits, by whether they were compiled or known already",
            ["outcome"], registry=registry,
        )  # fmt: skip
        self.reviews = Histogram(
            "sark_review_seconds", "Time that a look at a pull request took",
            buckets=_PASSES, registry=registry,
        )  # fmt: skip
        self.forge = Counter(
            "sark_forge_requests", "Requests to forges, by what came of them",
            ["forge", "result"], registry=registry,
        )  # fmt: skip

    def committed(self, kinds: Iterable[str]) -> None:
        """Count a commit that holds events of these kinds."""
        tally = Tally(kinds)
        self.commits.inc()
        self.batch.observe(tally.total())
        for kind, count in tally.items():
            self._steps_of(kind).inc(count)

    def ended(self, result: str) -> None:
        """Count a run that has ended."""
        self.runs.labels(result).inc()


METRICS = Metrics(REGISTRY)
