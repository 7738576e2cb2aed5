"""Values: dataclasses that nobody changes once they are made."""

import operator
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...


@overload
def frozen(*, order: bool = False, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True)
def frozen(cls: Any = None, /, *, order: bool = False, kw_only: bool = False) -> Any:
    """Make a class of values: a dataclass with slots, told by what is in it, which the type
    checker holds frozen.

    While the program runs nothing stands in the way of a change: what a frozen dataclass puts
    there sets each field by a call, and making values took five times as long for it.
    """

    def made(plain: type[T]) -> type[T]:
        bare = dataclass(slots=True, init=False, eq=False, repr=False, kw_only=kw_only)(plain)
        return _completed(bare, ["__eq__", *(_ORDER if order else ())])

    return made if cls is None else made(cls)


_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
# What a display makes costs a third of what a call makes.
_DISPLAYS: dict[Any, str] = {list: "[]", dict: "{}"}
_INIT = """\
def __init__(self, {parameters}):
    {assignments}
"""


def _completed(bare: type[T], comparisons: Iterable[str]) -> type[T]:
    """Give a dataclass the methods that `dataclass` would compile one by one.

    A program of hundreds of such classes starts in four fifths of the time for it.
    """
    told = sorted(fields(bare), key=lambda each: bool(each.kw_only))  # type: ignore[arg-type]
    first = next((each.name for each in told if each.kw_only), None)
    text = _INIT.format(
        parameters=", ".join("*, " * (each.name == first) + _parameter(each) for each in told),
        assignments="; ".join(map(_assignment, told)) or "pass",
    )
    names = {"_fields": {each.name: each for each in told}, "_missing": MISSING}
    methods: dict[str, Any] = {}
    # What is compiled is made of the names of fields, which are code already.
    exec(text, names, methods)  # nosec B102
    methods |= _compared([each.name for each in told if each.compare], comparisons)
    for name, method in methods.items():
        method.__qualname__ = f"{bare.__qualname__}.{name}"
    for name, method in {**methods, "__repr__": _shown}.items():
        if name not in vars(bare):
            setattr(bare, name, method)
    return bare


def _compared(names: list[str], comparisons: Iterable[str]) -> dict[str, Any]:
    """Return how values are compared by these fields, and the hash of them."""
    told = type if not names else attrgetter(*names, names[0])  # of one name alone: no tuple

    def __hash__(self: Any) -> int:
        return hash(told(self))

    return {"__hash__": __hash__, **{each: _comparison(each, told) for each in comparisons}}


def _comparison(name: str, told: Callable[[Any], Any]) -> Callable[[Any, object], bool]:
    """Return how two values of one class are compared by what is `told` of each."""
    holds = getattr(operator, name)

    def compare(self: Any, other: object) -> bool:
        is_alike = other.__class__ is self.__class__
        result: bool = holds(told(self), told(other)) if is_alike else NotImplemented
        return result

    compare.__name__ = name
    return compare


def _parameter(field: Field[Any]) -> str:
    name = field.name
    if field.default is not MISSING:
        return f"{name}=_fields[{name!r}].default"
    return f"{name}=_missing" if field.default_factory is not MISSING else name


def _assignment(field: Field[Any]) -> str:
    name = field.name
    if field.default_factory is MISSING:
        return f"self.{name} = {name}"
    made = _DISPLAYS.get(field.default_factory) or f"_fields[{name!r}].default_factory()"
    return f"self.{name} = {made} if {name} is _missing else {name}"


def _shown(self: Any) -> str:
    told = ((each.name, getattr(self, each.name)) for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in told)})"
