"""Secrets by namespace, read when they are needed from the environment or a file, never kept."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import orjson

from engine.errors import Misconfigured
from engine.settings import Settings

_MASK = "***"
_SHORTEST_MASKED = 4


class Secrets:
    """What the configuration binds to each namespace. Its repr tells nothing."""

    def __init__(self, settings: Settings) -> None:
        self._bound = settings.secrets

    def names(self, namespace: str) -> frozenset[str]:
        """Return the names that a namespace may read."""
        return frozenset(self._bound.get(namespace, {}))

    def value(self, namespace: str, name: str) -> str:
        """Return a secret; raise Misconfigured, naming what must be set, if there is none."""
        reference = self._bound.get(namespace, {}).get(name)
        if reference is None:
            raise Misconfigured(
                f"namespace {namespace!r} has no secret {name!r}: "
                f'write [secrets.{namespace}] {name} = "env:..." into the configuration'
            )
        return resolve(reference, f"secret {name!r} of namespace {namespace!r}")

    def mask(self, text: str) -> str:
        """Return `text` without any secret of any namespace, in whatever common writing."""
        for namespace, bound in self._bound.items():
            for name in bound:
                try:
                    value = self.value(namespace, name)
                except Misconfigured:
                    continue
                for form in _forms(value):
                    text = text.replace(form, _MASK)
        return text


def resolve(reference: str, what: str) -> str:
    """Return what `env:NAME` or `file:PATH` holds; raise Misconfigured, never with the value."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        value = os.environ.get(place, "")
        missing = f"{what}: the variable {place} is not set"
    else:
        try:
            value = Path(place).read_text("utf-8").rstrip("\n")
        except OSError as error:
            raise Misconfigured(f"{what}: {place}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Misconfigured(f"{what}: {place} is not a text in UTF-8") from None
        missing = f"{what}: the file {place} is empty"
    if not value:
        raise Misconfigured(missing)
    return value


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which a secret is usually written: plain, JSON, base64, URL, hex."""
    if len(value) < _SHORTEST_MASKED:
        return
    raw = value.encode()
    yield value
    yield orjson.dumps(value).decode()[1:-1]
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield quote(value, safe="")
    yield raw.hex()
