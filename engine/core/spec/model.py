"""A model: a mapping with keys of its own, declared as a class with a field for each key.

Nothing here checks: `engine.core.reader` reads a document by the JSON Schema of its models (see
`engine.core.published.authored`), and makes models of what is right. So a declaration costs no
more than a class, and a type is looked at when the schema is printed.
"""

import sys
from collections.abc import Collection, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar, Final, NoReturn, Self, dataclass_transform, get_type_hints

_MISSING: Final = object()


class Words:
    """Words of JSON Schema about a type, in `Annotated`.

    With a `name`, the type is a definition that others refer to.
    """

    __slots__ = ("name", "words")

    def __init__(self, name: str = "", **words: Any) -> None:
        self.name = name
        self.words = words


class Key:
    """What is said of a key beside its type: the words that hold for this place alone."""

    __slots__ = ("default", "key", "words")

    def __init__(self, key: str, default: Any, words: dict[str, Any]) -> None:
        self.key = key
        self.default = default
        self.words = words

    @property
    def is_required(self) -> bool:
        return self.default is _MISSING


def field(*, default: Any = _MISSING, key: str = "", **words: Any) -> Any:
    """Return the declaration of a key; one without a default must be written.

    A default is shared by all models that have it: it is never changed. `key` is what authors
    write where Python has the name for itself.
    """
    return Key(key, default, words)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Model:
    """A mapping that takes its own keys, and others (`extra`) only if it is open.

    `rules` are words of JSON Schema about the mapping as a whole. Two models are equal if they say
    the same; `written` are the names of the fields that were said, and not left to their defaults.
    """

    keys: ClassVar[dict[str, Key]] = {}
    rules: ClassVar[Mapping[str, Any]] = {}
    is_open: ClassVar[bool] = False
    _names: ClassVar[dict[str, str]] = {}
    _defaults: ClassVar[dict[str, Any]] = {}

    written: frozenset[str]
    extra: dict[str, Any]

    def __init_subclass__(
        cls, rules: Mapping[str, Any] | None = None, is_open: bool = False
    ) -> None:
        keys: dict[str, Key] = {}
        for base in reversed(cls.__mro__):
            keys |= base.__dict__.get("keys", {})
        for name in cls.__annotations__:
            told = cls.__dict__[name]
            told.key = told.key or name
            keys[name] = told
            delattr(cls, name)
        cls.keys = keys
        cls._names = {each.key: name for name, each in keys.items()}
        cls._defaults = {name: each.default for name, each in keys.items() if not each.is_required}
        cls.is_open = is_open
        if rules is not None:
            cls.rules = rules

    def __init__(self, **told: Any) -> None:
        self.__dict__.update(self._defaults, written=frozenset(told), extra={})
        self.__dict__.update(told)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Return the model of a mapping by the keys that authors write; it has been checked."""
        made, names = cls.__new__(cls), cls._names
        held, extra, written = made.__dict__, dict[str, Any](), list[str]()
        held.update(cls._defaults)
        for key, value in told.items():
            name = names.get(key)
            if name is None:
                extra[key] = value
            else:
                held[name] = value
                written.append(name)
        held["extra"], held["written"] = extra, frozenset(written)
        return made

    @classmethod
    def types(cls) -> dict[str, Any]:
        """Return the type of each field as it was declared, with its words."""
        hints: dict[str, Any] = {}
        models: list[type] = [each for each in cls.__mro__ if issubclass(each, Model)]
        for each in reversed(models):
            hints |= _declared(each)
        return {name: hints[name] for name in cls.keys}

    def but(self, **changed: Any) -> Self:
        """Return a copy with some fields changed."""
        made = self.__class__.__new__(self.__class__)
        made.__dict__.update(self.__dict__, **changed)
        return made

    def plain(self, *, leave_out: Collection[str] = (), nulls: bool = True) -> dict[str, Any]:
        """Return all that the model says as JSON by the keys of authors, defaults included.

        `leave_out` names fields, and without `nulls` none that is null is told at any depth.
        """
        told = {
            each.key: _plain(value, nulls)
            for name, each in self.keys.items()
            if name not in leave_out and ((value := self.__dict__[name]) is not None or nulls)
        }
        return {**told, **self.extra}

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.written))

    def __repr__(self) -> str:
        said = (f"{name}={self.__dict__[name]!r}" for name in self.keys if name in self.written)
        return f"{type(self).__name__}({', '.join(said)})"


@cache
def _declared(model: type) -> dict[str, Any]:
    """Return the types of the fields that a model adds to those it has from others."""
    told = SimpleNamespace(__annotations__=model.__annotations__)
    return get_type_hints(told, vars(sys.modules[model.__module__]), include_extras=True)


def _plain(value: Any, nulls: bool) -> Any:
    if isinstance(value, Model):
        return value.plain(nulls=nulls)
    if isinstance(value, dict):
        return {key: _plain(each, nulls) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, nulls) for each in value]
    return value
