"""Reads an adapter's settings, and says plainly what is wrong with them."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from adapters.contract import Json, SettingError


class AdapterSettings(BaseModel):
    """What a settings model of an adapter starts from: closed, frozen, silent about values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _reference(value: str) -> str:
    if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", value) is None:
        raise ValueError("expected env:NAME or file:PATH; a secret itself never stands here")
    return value


# Where a secret is kept, as in the engine's own settings; `reveal` reads it.
Reference: TypeAlias = Annotated[str, AfterValidator(_reference)]
Model = TypeVar("Model", bound=AdapterSettings)


def read(model: type[Model], given: Mapping[str, Json]) -> Model:
    """Return `given` as `model`; raise SettingError with every problem, values left out."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        raise SettingError("; ".join(_explain(model, each) for each in details)) from None


def reveal(reference: str) -> str:
    """Return the secret that `env:NAME` or `file:PATH` holds now; raise SettingError if none."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        value, missing = os.environ.get(place, ""), f"the variable {place} is not set"
    else:
        missing = f"the file {place} is empty"
        try:
            value = Path(place).read_text("utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError):
            raise SettingError(f"the file {place} cannot be read as text") from None
    if not value:
        raise SettingError(missing)
    return value


def suggestion(wrong: str, known: list[str]) -> str:
    """Return `; did you mean "x"?`, or the known names where none comes near."""
    near = difflib.get_close_matches(wrong, known, n=1)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {', '.join(sorted(known))}" if known else ""


def _explain(model: type[AdapterSettings], detail: ErrorDetails) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = [each.alias or name for name, each in model.model_fields.items()]
        hint = suggestion(str(detail["loc"][-1]), known)
        return f'unknown setting "{where}"{hint}'
    return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
