"""How text of strangers may run through a workflow, told for those who call it and whom it calls.

A label says where a text came from. A flow says that texts with some labels reach a place where
it matters: an argument that they may not decide, an input of another workflow, an output.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from engine.core.diagnostic import Span
from engine.core.frozen import frozen

MAX_LABELS: Final = 64  # of one value; with more it counts as made of everything


class Origin(StrEnum):
    """Where a text came from."""

    EVENT = "event"  # what started the run; a run that is a call has none
    STRANGER = "stranger"  # what is waited for, and what people type
    INPUT = "input"
    CALL = "call"  # an output of a workflow that is called
    ANY = "any"  # any of the inputs, any output of any call


class Label(NamedTuple):
    """Where a text came from: `name` is an input or output, `call` the number of the call.

    `is_encoded`: it went through a sanitizer, so that it fits where no host is chosen.
    """

    origin: Origin
    name: str = ""
    call: int = 0
    is_encoded: bool = False

    def through(self, is_encoded: bool) -> "Label":
        """Return the label of the same text behind one more sanitizer, if there is one."""
        return self._replace(is_encoded=True) if is_encoded else self


Labels: TypeAlias = frozenset[Label]

NONE: Final[Labels] = frozenset()
ANY: Final = Label(Origin.ANY)
ANY_INPUT: Final = Label(Origin.INPUT, "*")
_FROM_NOWHERE_ELSE = frozenset({Origin.EVENT, Origin.STRANGER, Origin.ANY})


def joined(labels: Iterable[Label]) -> Labels:
    """Return the labels of a value that texts with all of these may be in."""
    told = frozenset(labels)
    if len(told) > MAX_LABELS:
        told |= {ANY}
    if ANY in told:
        return frozenset(each for each in told if each.origin in _FROM_NOWHERE_ELSE)
    return told


class Goal(StrEnum):
    """What a text reaches."""

    ARGUMENT = "argument"  # takes it only through a sanitizer
    HOST = "host"  # does not take it at all
    CALL = "call"
    OUTPUT = "output"


@frozen
class Flow:
    """Text with one of `labels` reaches a place by what is read at `span`, written as `text`.

    `name` is the argument, input or output; `call` is the number of the call that has the input.
    """

    goal: Goal
    name: str
    text: str
    span: Span
    labels: tuple[Label, ...]
    call: int = 0

    def at(self, file: str) -> "Flow":
        """Return the same in another file."""
        return replace(self, span=replace(self.span, file=file))


@frozen
class Trust:
    """All flows of a workflow.

    `calls` are the names of what it calls, by their numbers; `fed` are the inputs that an event
    fills where one starts it.
    """

    calls: tuple[str, ...] = ()
    fed: tuple[str, ...] = ()
    flows: tuple[Flow, ...] = ()

    @property
    def face(self) -> tuple[object, ...]:
        """Return the flows without their places."""
        flows = tuple((each.goal, each.name, each.labels, each.call) for each in self.flows)
        return self.calls, self.fed, flows

    def at(self, file: str) -> "Trust":
        """Return the same in another file."""
        return replace(self, flows=tuple(each.at(file) for each in self.flows))


def refusal(text: str, argument: str, *, is_host: bool) -> tuple[str, str]:
    """Return what is said of a stranger's text in an argument, and how to mend it."""
    if is_host:
        message = f"`{text}` comes from outside and may not choose the host in `{argument}`"
        return message, "write the host out, or take it from an input with an `enum`"
    message = f"`{text}` comes from outside and may not stand in `{argument}` as it is"
    return message, f"write `{{{{ {text} | urlencode }}}}`"
