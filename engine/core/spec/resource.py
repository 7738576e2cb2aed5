"""What workflows share: connections, pools, circuit breakers, calendars, environments."""

from typing import Literal, TypeAlias

from engine.core.spec.head import Head
from engine.core.spec.model import Model, field
from engine.core.spec.modifier import Resources
from engine.core.spec.scalar import (
    Actor,
    AdapterName,
    Constant,
    Date,
    Duration,
    JsonArea,
    Name,
    Revision,
    Sandbox,
    SecretName,
    Variable,
    Zone,
)


class Connection(Head):
    """Where an adapter talks, and as whom. Steps and triggers of type `file` name one."""

    kind: Literal["Connection"] = field(description="What this document is.")
    adapter: AdapterName = field(description="The adapter that talks.", examples=["http"])
    secrets: list[SecretName] = field(
        default=[], description="The secrets that `with` may read, as `secrets.NAME`."
    )
    with_: dict[str, JsonArea] = field(
        default={},
        key="with",
        description="Arguments for every call through it; strings are templates over `secrets`.",
    )


class Pool(Head):
    """Workers with a queue of their own, and what may run there."""

    kind: Literal["Pool"] = field(description="What this document is.")
    workers: dict[str, str] = field(
        default={}, description="Labels that a worker must have to be of the pool."
    )
    parallelism: int = field(
        default=32, minimum=1, maximum=10_000, description="How many steps at once, at most 10,000."
    )
    sandbox: Sandbox | None = field(
        default=None, description="What its steps are shut in at least, weakest first."
    )
    resources: Resources | None = field(default=None, description="What a step of it gets at most.")
    adapters: list[AdapterName] | None = field(
        default=None, description="The adapters and operations that may run there; all, if unsaid."
    )
    secrets: list[SecretName] | None = field(
        default=None, description="The secrets that may go there; all, if it is unsaid."
    )


class CircuitBreaker(Head):
    """Stops calls to what keeps failing, for all workflows and workers together."""

    kind: Literal["CircuitBreaker"] = field(description="What this document is.")
    window: Duration = field(default="1m", description="The time over which calls are counted.")
    failure_ratio: float = field(
        default=0.5,
        minimum=0.01,
        maximum=1,
        description="It opens when so large a part of the calls has failed, from 0.01 to 1.",
    )
    min_calls: int = field(
        default=10,
        minimum=1,
        maximum=10_000,
        description="It stays closed with fewer calls than this.",
    )
    open_for: Duration = field(default="30s", description="How long it lets nothing through.")
    half_open_calls: int = field(
        default=1,
        minimum=1,
        maximum=100,
        description="How many calls then try whether it may close.",
    )


Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Calendar(Head):
    """The days on which schedules start runs."""

    kind: Literal["Calendar"] = field(description="What this document is.")
    timezone: Zone = field(default="UTC", description="Where a day begins and ends.")
    days: list[Weekday] = field(
        default=["mon", "tue", "wed", "thu", "fri"],
        description="Its days of the week; `mon` to `fri` unless it is said.",
    )
    except_: list[Date] = field(
        default=[], key="except", description="Days that are none of it, such as holidays."
    )
    also: list[Date] = field(default=[], description="Days that are of it besides.")


class Protection(Model):
    """What must be so before a run may touch an environment."""

    by: list[Actor] = field(
        default=[],
        description="Who may let a run in: `group:NAME` or `user:NAME`. Nobody is asked, unless "
        "it is said.",
    )
    min: int = field(
        default=1, minimum=1, maximum=100, description="How many must say yes, at most 100."
    )
    exclude: list[Actor] = field(
        default=["initiator"], description="Who may not; by default whoever started the run."
    )
    expires: Duration = field(
        default="24h", description="How long the question stands; then the answer is no."
    )
    wait: Duration | None = field(
        default=None, description="A pause before every run, beside the question."
    )


class Promotion(Model):
    """What must be so before `sark promote` brings a commit to an environment."""

    from_: Name = field(key="from", description="The environment where it was tried.")
    soak: Duration = field(default="0s", description="How long it has been live there at least.")
    verify: list[Name] = field(
        default=[],
        description="The workflows of which a run must have succeeded there since, and none "
        "failed; all of them together, if it is empty.",
    )


class Overlay(Model):
    """What is other about a Connection in one environment."""

    secrets: list[SecretName] | None = field(
        default=None, description="The secrets that `with` may read there, instead of its own."
    )
    with_: dict[str, JsonArea] = field(
        default={},
        key="with",
        description="Arguments that are other there; mappings are merged key by key.",
    )


class Environment(Head):
    """Variables that differ from place to place, what protects the place, and what is live."""

    kind: Literal["Environment"] = field(description="What this document is.")
    revision: Revision | None = field(
        default=None,
        description="The commit whose specs are live there: an ancestor of the one that says so. "
        "The document has a file of its own then.",
    )
    promotion: Promotion | None = field(
        default=None, description="What must be so before `sark promote` changes `revision`."
    )
    variables: dict[Variable, Constant] = field(
        default={},
        description="Constants of any type, which expressions read as `variables.NAME`.",
        examples=[{"REGION": "north"}],
    )
    connections: dict[Name, Overlay] = field(
        default={}, description="What is other about Connections there, by their names."
    )
    protection: Protection | None = field(
        default=None,
        description="What must be so before a run there begins.",
    )
