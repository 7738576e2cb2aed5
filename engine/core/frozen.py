"""Values: dataclasses that nobody changes once they are made."""

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...


@overload
def frozen(
    *, order: bool = False, eq: bool = True, kw_only: bool = False
) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True)
def frozen(
    cls: Any = None, /, *, order: bool = False, eq: bool = True, kw_only: bool = False
) -> Any:
    """Make a class of values: a dataclass with slots, told by what is in it, which the type
    checker holds frozen.

    While the program runs nothing stands in the way of a change: what a frozen dataclass puts
    there sets each field by a call, and making values took five times as long for it.
    """

    def made(plain: type[T]) -> type[T]:
        if order or not eq:
            return dataclass(slots=True, order=order, eq=eq, unsafe_hash=eq, kw_only=kw_only)(plain)
        bare = dataclass(slots=True, init=False, eq=False, repr=False, kw_only=kw_only)(plain)
        return _completed(bare)

    return made if cls is None else made(cls)


# What a display makes costs a third of what a call makes.
_DISPLAYS: dict[Any, str] = {list: "[]", dict: "{}"}
_INIT = """\
def __init__(self, {parameters}):
    {assignments}
"""


def _completed(bare: type[T]) -> type[T]:
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
    methods |= _compared([each.name for each in told if each.compare])
    for name, method in methods.items():
        method.__qualname__ = f"{bare.__qualname__}.{name}"
    for name, method in {**methods, "__repr__": _shown}.items():
        if name not in vars(bare):
            setattr(bare, name, method)
    return bare


def _compared(names: list[str]) -> dict[str, Any]:
    """Return how values are compared that are equal if these fields are."""
    told = type if not names else attrgetter(*names, names[0])  # of one name alone: no tuple

    def __eq__(self: Any, other: object) -> bool:
        return told(self) == told(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(told(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


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
