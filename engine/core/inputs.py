"""What a workflow takes: its defaults filled in, and the whole checked."""

import json
from collections.abc import Mapping, Sequence

from engine.core import schema
from engine.core.expression import Compiled, compile_value
from engine.core.kind import kind
from engine.core.values import Json


class InputsError(ValueError):
    """Inputs do not fit; `problems` are pairs of JSON pointer and words."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{pointer or '/'}: {told}" for pointer, told in problems))
        self.problems = tuple(problems)


class BoundInputs:
    """What a workflow takes, by its schema, with its defaults ready to evaluate."""

    def __init__(self, declared: Json) -> None:
        self._validator = schema.validator(declared)
        told = declared.get("properties") if isinstance(declared, Mapping) else None
        self._defaults: dict[str, Compiled] = {
            name: compile_value(each["default"])
            for name, each in (told.items() if isinstance(told, Mapping) else ())
            if isinstance(each, Mapping) and "default" in each
        }

    def complete(self, given: Json, about: Json) -> Mapping[str, Json]:
        """Return what was given with the defaults of the rest; raise InputsError if it is unfit.

        A default may read `trigger`, which is `about`. What was given is data: a template in it
        stays text. Raise EvaluationError where a default has no value.
        """
        if not isinstance(given, Mapping):
            raise InputsError([("", "the inputs must be an object")])
        names = {"trigger": about}
        filled = {
            **{
                name: default.evaluate(names)
                for name, default in self._defaults.items()
                if name not in given
            },
            **given,
        }
        problems = self._validator.problems(filled)
        if problems:
            raise InputsError([(str(pointer), told) for pointer, told in problems])
        return filled


def typed(texts: Mapping[str, str], declared: Json) -> dict[str, Json]:
    """Return the values that texts mean to the schema of a workflow's inputs.

    What takes text alone gets the text as it is written, whatever it looks like.
    """
    known = declared.get("properties") if isinstance(declared, Mapping) else None
    properties = known if isinstance(known, Mapping) else {}
    return {name: _value(text, properties.get(name, True)) for name, text in texts.items()}


def _value(text: str, told: Json) -> Json:
    wanted = schema.types(told)
    if wanted == {"string"}:
        return text
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value if kind(value) in wanted or "string" not in wanted else text
