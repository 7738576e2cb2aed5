"""Small pieces of what a finding says."""

from collections.abc import Iterable
from difflib import get_close_matches

import orjson

MAX_SHOWN = 80


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?` for the nearest of `known`, or an empty string."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def shown(value: object) -> str:
    """Return a JSON value as text of at most 80 characters."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN + 1]
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
