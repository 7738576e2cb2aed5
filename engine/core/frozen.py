"""Values: dataclasses that nobody changes once they are made."""

from collections.abc import Callable
from dataclasses import dataclass
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
        return dataclass(slots=True, order=order, eq=eq, unsafe_hash=eq, kw_only=kw_only)(plain)

    return made if cls is None else made(cls)
