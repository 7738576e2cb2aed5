"""Rules in Polar, asked about plain values. This is the one file that knows Oso.

Rules see what they are handed and nothing else: they reach no attribute, call no method but
`startswith` and `endswith` of a text, make no object, and print to nobody.
"""

import contextlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from oso import Oso, Variable
from polar.ffi import PolarSource
from polar.predicate import Predicate
from polar.query import Query

from policies.fault import Fault

_QUERY_MS = "500"
_METHODS = ("startswith", "endswith")
_PLACE = re.compile(r" at line (\d+), column (\d+)(?: of file (.*?))?:?$")
_WARNING = "[warning] "
_ERROR = "Application error"
_ENDLESS = ("Query timeout", "Goal stack overflow")


class PolarError(Exception):
    """Rules cannot be loaded or fail on what they are asked; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Rules:
    """Some sources of rules, loaded together. Raise PolarError if they cannot be.

    That is so if Oso merely warns of them, too, as of a class that nobody has registered.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        os.environ["POLAR_TIMEOUT_MS"] = _QUERY_MS  # the only way to tell Oso
        self._oso, printed = Oso(), io.StringIO()
        core = self._oso.ffi_polar
        try:
            with contextlib.redirect_stdout(printed):
                core.load([PolarSource(text, name) for name, text in sources.items()])
            if core.next_inline_query() is not None:  # type: ignore[no-untyped-call]
                raise ValueError("a query (`?=`) is no rule")
        except Exception as error:
            raise PolarError(fault_of(error)) from None
        for line in printed.getvalue().splitlines():
            if line.startswith(_WARNING):
                raise PolarError(_fault(line.removeprefix(_WARNING)))

    def ask(self, rule: str, *arguments: object) -> Iterator[Any]:
        """Yield the arguments as each answer has them; raise PolarError if a rule fails.

        An argument that is a `Variable` is what is asked for.
        """
        host = self._oso.host.copy()
        term = host.to_polar(Predicate(rule, arguments))  # type: ignore[no-untyped-call]
        asked = self._oso.ffi_polar.new_query_from_term(term)  # type: ignore[no-untyped-call]
        query = _Shut(asked, host=host)  # type: ignore[no-untyped-call]
        try:
            for each in query.run():
                yield each["bindings"]
        except Exception as error:
            raise PolarError(fault_of(error)) from None


class _Shut(Query):
    """A query that leads out of the facts nowhere."""

    def handle_external_call(self, data: Any) -> None:
        instance, name = self.host.to_python(data["instance"]), data["attribute"]
        told = [self.host.to_python(each) for each in data["args"] or ()]
        if name not in _METHODS or type(instance) is not str or [str] != [type(t) for t in told]:
            raise ValueError(f"`{name}` is nothing that a rule may read or call")
        answer = getattr(instance, name)(told[0])
        self.ffi_query.call_result(data["call_id"], self.host.to_polar(answer))

    def _refuse(self, _data: Any) -> None:
        raise ValueError("a rule may not speak of classes, objects or `debug`")

    handle_make_external = _refuse
    handle_external_op = _refuse
    handle_external_isa = _refuse
    handle_external_isa_with_path = _refuse
    handle_external_is_subspecializer = _refuse
    handle_external_is_subclass = _refuse
    handle_next_external = _refuse
    handle_debug = _refuse


def is_known(value: object) -> bool:
    """True for a value; false for what a rule has left open."""
    return not isinstance(value, Variable)


def unseen() -> object:
    """Return what stands for a value that no rule may look at.

    Rules may hand it on; one that compares it, or asks anything of it, fails. For to Oso it is an
    object, of which only its host can tell more, and this one does not. So what rules answer
    without failing they answer for every value.
    """
    return object()


def unknown(name: str) -> Variable:
    """Return what stands for that which is asked for."""
    return Variable(name)


def fault_of(error: Exception) -> Fault:
    """Return the line of an error of Oso's that says what it is, and not how it was come by."""
    lines = str(error).splitlines() or [type(error).__name__]
    line = next((each for each in lines if each.startswith(_ERROR)), lines[0])
    if line.startswith(_ENDLESS):
        return Fault("a rule does not come to an end")
    return _fault(line)


def _fault(line: str) -> Fault:
    found = _PLACE.search(line)
    if found is None:
        return Fault(line)
    return Fault(line[: found.start()], found[3] or "", int(found[1]), int(found[2]))
