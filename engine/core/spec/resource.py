"""What workflows share: connections, pools, circuit breakers, calendars, environments."""

from typing import Literal, TypeAlias

from pydantic import Field

from engine.core.spec.head import Head
from engine.core.spec.modifier import Resources
from engine.core.spec.scalar import (
    GLOBS,
    Actor,
    AdapterName,
    Closed,
    Date,
    Duration,
    JsonArea,
    Name,
    Sandbox,
    SecretName,
    Variable,
    Zone,
)


class Connection(Head):
    """Where an adapter talks, and as whom."""

    kind: Literal["Connection"] = Field(description="What this document is.")
    adapter: AdapterName = Field(description="The adapter that talks.", examples=["http"])
    secrets: list[SecretName] = Field(
        default=[], description="The secrets that `with` may read, as `secrets.NAME`."
    )
    with_: dict[str, JsonArea] = Field(
        default={},
        alias="with",
        description="Arguments for every call through it; strings are templates over `secrets`.",
    )


class Pool(Head):
    """Workers with a queue of their own, and what may run there."""

    kind: Literal["Pool"] = Field(description="What this document is.")
    workers: dict[str, str] = Field(
        default={}, description="Labels that a worker must have to be of the pool."
    )
    parallelism: int = Field(
        default=32, ge=1, le=10_000, description="How many steps at once, at most 10,000."
    )
    sandbox: Sandbox | None = Field(
        default=None, description="What its steps are shut in at least, weakest first."
    )
    resources: Resources | None = Field(default=None, description="What a step of it gets at most.")
    adapters: list[AdapterName] | None = Field(
        default=None, description="The adapters and operations that may run there; all, if unsaid."
    )
    secrets: list[SecretName] | None = Field(
        default=None, description="The secrets that may go there; all, if it is unsaid."
    )


class CircuitBreaker(Head):
    """Stops calls to what keeps failing, for all workflows and workers together."""

    kind: Literal["CircuitBreaker"] = Field(description="What this document is.")
    window: Duration = Field(default="1m", description="The time over which calls are counted.")
    failure_ratio: float = Field(
        default=0.5,
        ge=0.01,
        le=1,
        description="It opens when so large a part of the calls has failed, from 0.01 to 1.",
    )
    min_calls: int = Field(
        default=10, ge=1, le=10_000, description="It stays closed with fewer calls than this."
    )
    open_for: Duration = Field(default="30s", description="How long it lets nothing through.")
    half_open_calls: int = Field(
        default=1, ge=1, le=100, description="How many calls then try whether it may close."
    )


Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Calendar(Head):
    """The days on which schedules start runs."""

    kind: Literal["Calendar"] = Field(description="What this document is.")
    timezone: Zone = Field(default="UTC", description="Where a day begins and ends.")
    days: list[Weekday] = Field(
        default=["mon", "tue", "wed", "thu", "fri"], description="Its days of the week."
    )
    except_: list[Date] = Field(
        default=[], alias="except", description="Days that are none of it, such as holidays."
    )
    also: list[Date] = Field(default=[], description="Days that are of it besides.")


class Protection(Closed):
    """What must be so before a run may touch an environment."""

    by: list[Actor] = Field(
        default=[], description="Who may let a run in: `group:NAME` or `user:NAME`."
    )
    min: int = Field(default=1, ge=1, le=100, description="How many must say yes, at most 100.")
    exclude: list[Actor] = Field(
        default=["initiator"], description="Who may not; by default whoever started the run."
    )
    expires: Duration = Field(default="24h", description="How long the question stands.")
    branches: list[str] | None = Field(
        default=None, description=f"Only specs from these branches. {GLOBS}"
    )
    wait: Duration | None = Field(default=None, description="A pause before every run.")
    calendar: Name | None = Field(
        default=None, description="The Calendar on whose days alone runs are let in."
    )


class Environment(Head):
    """Variables that differ from place to place, and what protects the place."""

    kind: Literal["Environment"] = Field(description="What this document is.")
    variables: dict[Variable, str] = Field(
        default={}, description="Values that specs read, as written."
    )
    protection: Protection | None = Field(
        default=None, description="What must be so before a run may touch it."
    )
