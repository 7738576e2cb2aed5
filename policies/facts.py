"""The facts that policies see: plain values only, for a rule can reach into objects.

They are tuples: made and looked up for each step, where a frozen dataclass cost ten times as much.
"""

from typing import NamedTuple

ACTIONS = (
    "run.start",
    "run.read",
    "run.cancel",
    "run.pause",
    "approval.decide",
    "callback.read",
    "event.read",
    "event.send",
    "workflow.read",
    "workflow.define",
    "source.read",
    "source.sync",
    "source.suspend",
    "source.thaw",
    "source.confirm",
    "source.rollback",
    "commit.read",
    "metrics.read",
    "step.invoke",
)
"""Every action that is ever asked about; a policy may not speak of others by mistake."""


class Actor(NamedTuple):
    """Who wants to do something: kind is token, run, webhook, clock or source.

    `groups` are a token's.
    """

    kind: str
    id: str
    namespace: str = ""
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Action(NamedTuple):
    """What is to be done, as in `run.start`."""

    name: str


class Resource(NamedTuple):
    """What it is done to. `attributes` are further words about it, as name and value.

    Verdicts are remembered by facts, so `id` is a name that is used again, as a workflow's, and
    not the id of one run.
    """

    kind: str
    id: str
    namespace: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class Verdict(NamedTuple):
    """Whether it is allowed, and why."""

    allowed: bool
    reason: str = ""
