"""`echo.say@1`: hands back what it was told. For first steps, tests and demonstrations."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

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
from adapters.manifest.echo import MANIFEST
from adapters.settings import AdapterSettings, read

LONGEST_DELAY = timedelta(seconds=60)
_DELAY = re.compile(r"(?:(\d{1,5})s)?(?:(\d{1,5})ms)?")


class EchoSettings(AdapterSettings):
    """There is nothing to set."""


class Say:
    """The operation."""

    manifest = MANIFEST

    async def invoke(self, call: Call) -> Outcome:
        """Return the message, after the delay if there is one."""
        given = call.arguments.get("delay")
        if given is not None and given != "0s":
            delay = _span(given)
            if delay is None or delay > LONGEST_DELAY:
                message = "delay must be a span such as 250ms or 2s, at most 60s"
                return Failed("echo.invalid", message, ErrorClass.PERMANENT)
            if delay >= call.timeout:
                await asyncio.sleep(call.timeout.total_seconds())
                message = f"the attempt's time of {call.timeout.total_seconds():g} s is over"
                return Failed("echo.timeout", message, ErrorClass.TRANSIENT)
            await asyncio.sleep(delay.total_seconds())
        return Succeeded({"message": call.arguments.get("message")})


class Echo:
    """The adapter; it holds nothing."""

    def operations(self) -> Sequence[Operation]:
        """Return the one operation."""
        return (Say(),)

    async def open(self) -> None:
        """Do nothing: there is nothing to get ready."""

    async def close(self) -> None:
        """Do nothing: there is nothing to let go."""


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if anything is set."""
    read(EchoSettings, settings)
    return Echo()


def _span(text: Json) -> timedelta | None:
    match = _DELAY.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        return None
    return timedelta(seconds=int(match[1] or 0), milliseconds=int(match[2] or 0))
