"""What a turn of the machine owes to the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.binding import BoundStep
from engine.core.frozen import frozen
from engine.core.values import Json


@frozen
class Launch:
    """Make this attempt. `journal_start`: first commit that it begins, for it must not repeat."""

    path: str
    attempt: int
    step: BoundStep
    journal_start: bool


@frozen
class AlarmSet:
    """Tell the run at this instant."""

    path: str
    at: datetime


@frozen
class Emission:
    """Let this CloudEvent out, once: its id follows from the run and `path`."""

    path: str
    type: str
    subject: str | None
    data: Json


@frozen
class Starting:
    """Start a run of this workflow, once, under `run`, an id that follows from the path."""

    path: str
    run: str
    workflow: str
    inputs: Json


@frozen
class Watch:
    """Tell the run of events of this type since `since`; an empty path is for `cancel_when`.

    Where `key` is not None, only of those whose value at `at`, a dotted path, has this canonical
    JSON. With `callback`, a JSON Schema, the event is the body of a signed request.
    """

    path: str
    event: str
    since: datetime
    at: str = ""
    key: str | None = None
    callback: Json = None


@frozen
class Ask:
    """Ask people for a decision until `expires`; it is bound to `asked`, a digest."""

    path: str
    by: tuple[str, ...]
    min: int
    exclude: tuple[str, ...]
    expires: datetime
    show: str
    form: Json
    binds: Mapping[str, Json]
    asked: str


@dataclass(slots=True)
class Decision:
    """What is now owed to the world. `echo`: the event changed nothing and is not history.

    `revoked` are the paths of attempts that nobody waits for any more, `unwatched` those of
    steps that wait neither for an event nor for people any more.
    """

    launches: list[Launch] = field(default_factory=list)
    alarms: list[AlarmSet] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    emissions: list[Emission] = field(default_factory=list)
    starts: list[Starting] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    unwatched: list[str] = field(default_factory=list)
    ended: bool = False
    echo: bool = False

    @property
    def is_sent(self) -> bool:
        """True if anything of it goes to the world beside the attempts and alarms."""
        return bool(self.emissions or self.starts or self.watches or self.asks or self.unwatched)
