"""Reads an adapter's settings, and says plainly what is wrong with them."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from adapters.contract import Json, SettingError


class AdapterSettings(BaseModel):
    """What a settings model of an adapter starts from: closed, frozen, silent about values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Model = TypeVar("Model", bound=AdapterSettings)


def read(model: type[Model], given: Mapping[str, Json]) -> Model:
    """Return `given` as `model`; raise SettingError with every problem, values left out."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        raise SettingError("; ".join(_explain(model, each) for each in details)) from None


def suggestion(wrong: str, known: list[str]) -> str:
    """Return `; did you mean "x"?`, or the known names where none comes near."""
    near = difflib.get_close_matches(wrong, known, n=1)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {', '.join(sorted(known))}" if known else ""


def _explain(model: type[AdapterSettings], detail: ErrorDetails) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        hint = suggestion(str(detail["loc"][-1]), list(model.model_fields))
        return f'unknown setting "{where}"{hint}'
    return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
