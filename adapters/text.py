"""`text.render@1`: a text from a template with loops and conditions, at a cost that has an end."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from adapters.contract import (
    Adapter,
    Call,
    ErrorClass,
    Failed,
    Json,
    Operation,
    Outcome,
    Succeeded,
)
from adapters.manifest.text import MANIFEST
from adapters.settings import AdapterSettings, read
from adapters.template.budget import LimitError, TemplateError, ValueFault

_SLICE = 0.002


class TextSettings(AdapterSettings):
    """There is nothing to set."""


class Render:
    """The operation."""

    manifest = MANIFEST

    async def invoke(self, call: Call) -> Outcome:
        """Return the text, or where the template or a value is at fault."""
        template, values = call.arguments.get("template"), call.arguments.get("values", {})
        if not isinstance(template, str) or not isinstance(values, Mapping):
            message = "template must be a string and values a mapping"
            return Failed("text.invalid", message, ErrorClass.PERMANENT)
        try:
            async with asyncio.timeout(call.timeout.total_seconds()):
                text = await _render(template, values)
            return Succeeded({"text": text}, _Files(text, call.folder))
        except TemplateError as error:
            return Failed("text.template", str(error), ErrorClass.PERMANENT)
        except ValueFault as error:
            return Failed("text.value", str(error), ErrorClass.PERMANENT)
        except LimitError as error:
            return Failed("text.limit", str(error), ErrorClass.PERMANENT)
        except TimeoutError:
            message = f"not rendered within {call.timeout.total_seconds():g} s"
            return Failed("text.timeout", message, ErrorClass.TRANSIENT)


class _Files(Mapping[str, Path]):
    """The text as a file, which is written by whoever asks for it: mostly nobody does."""

    def __init__(self, text: str, folder: Callable[[], Path]) -> None:
        self._text = text
        self._folder = folder

    def __getitem__(self, name: str) -> Path:
        if name != "file":
            raise KeyError(name)
        path = self._folder() / name
        path.write_text(self._text, encoding="utf-8", newline="")
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(("file",))

    def __len__(self) -> int:
        return 1


class Text:
    """The adapter; it holds nothing."""

    def operations(self) -> Sequence[Operation]:
        """Return the one operation."""
        return (Render(),)

    async def open(self) -> None:
        """Do nothing: there is nothing to get ready."""

    async def close(self) -> None:
        """Do nothing: there is nothing to let go."""


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if anything is set."""
    read(TextSettings, settings)
    return Text()


async def _render(template: str, values: Mapping[str, Json]) -> str:
    """Render a slice of time at a time, so that the event loop is never held for long."""
    from adapters.template.parsing import parse
    from adapters.template.render import render

    loop, pieces = asyncio.get_running_loop(), list[str]()
    until = loop.time() + _SLICE
    for piece in render(parse(template), values):
        pieces.append(piece)
        if loop.time() > until:
            await asyncio.sleep(0)
            until = loop.time() + _SLICE
    return "".join(pieces)
