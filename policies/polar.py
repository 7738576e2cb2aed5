"""Rules in Polar, asked about plain values. This is the one file that knows Oso.

Rules see what they are handed and nothing else: they reach no attribute, call no method but
`startswith` and `endswith` of a text, make no object, and print to nobody.
"""

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import eq, ne
from typing import Any

from oso import Oso, Variable
from polar.ffi import PolarSource
from polar.predicate import Predicate
from polar.query import Query

from policies.fault import Fault

_QUERY_MS = "500"
_METHODS = ("startswith", "endswith")
_ANSWERS: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith, "endswith": str.endswith, "Eq": eq, "Neq": ne,
}  # fmt: skip
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
        if name not in _METHODS or len(told) != 1 or not _are_texts(instance, *told):
            raise ValueError(f"`{name}` is nothing that a rule may read or call")
        answer = _answer(Question(name, instance, told[0]))
        self.ffi_query.call_result(data["call_id"], self.host.to_polar(answer))

    def handle_external_op(self, data: Any) -> None:
        word, (left, right) = data["operator"], map(self.host.to_python, data["args"])
        if word not in _ANSWERS or not _are_texts(left, right):
            self._refuse(data)
        answer = _answer(Question(word, left, right))
        self.ffi_query.question_result(data["call_id"], answer)

    def _refuse(self, _data: Any) -> None:
        raise ValueError("a rule may not speak of classes, objects or `debug`")

    handle_make_external = _refuse
    handle_external_isa = _refuse
    handle_external_isa_with_path = _refuse
    handle_external_is_subspecializer = _refuse
    handle_external_is_subclass = _refuse
    handle_next_external = _refuse
    handle_debug = _refuse


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text that rules never see: what they ask of it is put into `asked`, with each answer.

    To Oso it is an object, of which only its host can tell more. So rules come to the same for all
    texts of which the same is true.
    """

    name: str
    text: str = field(compare=False)
    asked: list[tuple["Question", bool]] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule asks of two texts, which may be hidden."""

    word: str
    left: "Hidden | str"
    right: "Hidden | str"

    def answer(self, texts: Mapping[str, str]) -> bool:
        """Return the answer if the hidden texts were others, by their names."""
        left, right = self.left, self.right
        return _ANSWERS[self.word](
            texts[left.name] if isinstance(left, Hidden) else left,
            texts[right.name] if isinstance(right, Hidden) else right,
        )


def shown(value: Any, texts: Mapping[str, str]) -> Any:
    """Return a value with `texts` where it has hidden ones, by their names."""
    match value:
        case Hidden():
            return texts[value.name]
        case list():
            return [shown(each, texts) for each in value]
        case dict():
            return {key: shown(each, texts) for key, each in value.items()}
    return value


def _are_texts(*values: object) -> bool:
    return all(type(each) in (str, Hidden) for each in values)


def _answer(question: Question) -> bool:
    """Answer what a rule asks, and write that down where it asks of a hidden text."""
    hidden = [e for e in (question.left, question.right) if isinstance(e, Hidden)]
    answer = question.answer({each.name: each.text for each in hidden})
    for each in hidden[:1]:
        each.asked.append((question, answer))
    return answer


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
