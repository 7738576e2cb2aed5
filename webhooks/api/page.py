"""Lists: a page of items, and an opaque cursor to the next."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request

from engine.core.wording import suggestion
from engine.errors import Invalid, NotFound
from webhooks.problem import Data

_LIMIT = 50
_MOST = 200


def query(request: Request) -> dict[str, str]:
    """Return the parameters; raise Invalid for one that the address has not, or told twice.

    Nothing has a NUL in its name, and PostgreSQL takes none: raise NotFound or Invalid for it.
    """
    if "\0" in request.scope["path"]:
        raise NotFound("there is nothing at this address")
    if not request.scope["query_string"]:
        return {}
    known = tuple(request.scope["known"])
    told: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            hint = suggestion(name, known) or f"known: {', '.join(known) or 'none'}"
            raise Invalid(f"there is no parameter {name!r}; {hint}", ((f"/{name}", "unknown"),))
        if name in told:
            raise Invalid(f"{name} is there twice", ((f"/{name}", "told twice"),))
        if "\0" in value:
            raise Invalid(f"{name} holds a NUL", ((f"/{name}", "no NUL"),))
        told[name] = value
    return told


def limit(told: dict[str, str]) -> int:
    """Return how many items a page shall have."""
    text = told.get("limit", str(_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _MOST):
        message = f"limit is a number from 1 to {_MOST}"
        raise Invalid(message, (("/limit", message),))
    return int(text)


def after(told: dict[str, str]) -> str:
    """Return what the page before ended with, or an empty string; raise Invalid for another's."""
    try:
        return base64.b64decode(told.get("cursor", ""), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_cursor() from None


def bad_cursor() -> Invalid:
    """Return the error for a cursor that no page of ours has given."""
    return Invalid("this cursor is none of ours", (("/cursor", "take it from `next`"),))


def page(items: Sequence[Any], last: str | None) -> Data:
    """Return a page; `last` is what it ended with where there is more."""
    following = None if last is None else base64.urlsafe_b64encode(last.encode()).decode()
    return Data({"items": items, "next": following})


def cut(
    items: Sequence[Any], told: dict[str, str], key: Callable[[Any], str],
    tell: Callable[[Any], Any] = lambda each: each,
) -> Data:  # fmt: skip
    """Return a page of a short list, which is all in memory, in the order of `key`.

    Only items of the page are told.
    """
    size, start = limit(told), after(told)
    left = sorted((each for each in items if key(each) > start), key=key)
    return page(
        [tell(each) for each in left[:size]], key(left[size - 1]) if len(left) > size else None
    )
