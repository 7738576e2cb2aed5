"""The files of pull requests: GitHub does not send them, so it is asked where they decide."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from engine.active import Hook
from engine.core import forge
from engine.core.values import Json
from engine.errors import SarkError, Unavailable
from engine.forge.forges import Forges
from engine.settings import Source

_LOG = logging.getLogger("sark.http")
# GitHub waits ten seconds for the answer to a delivery.
_PATIENCE = 7.0


class Pulls:
    """Asks for files by the credential of the source that was told of a pull request."""

    def __init__(self, forges: Forges) -> None:
        self._forges = forges

    async def complete(
        self, source: Source, event: Mapping[str, Json], hooks: Iterable[Hook]
    ) -> Mapping[str, Json]:
        """Return the event with its `files`, if they decide for one of the triggers.

        Without them where GitHub says no: that is an error of each such trigger. Raise Unavailable
        where it may say yes a little later.
        """
        if not any(forge.asks_files(each.settings, event) for each in hooks):
            return event
        told = f"files of pull request {event['number']} of source {source.name}"
        try:
            files = await self._files(source, event)
        except TimeoutError:
            message = f"{told}: they are not here within {_PATIENCE:g} s"
            raise Unavailable(message, timedelta(seconds=1)) from None
        except Unavailable as error:
            raise Unavailable(f"{told}: {error}", error.after) from None
        except SarkError as error:
            _LOG.warning("%s: %s", told, error)
            return event
        return event if files is None else {**event, "files": list(files)}

    async def _files(self, source: Source, event: Mapping[str, Json]) -> Sequence[str] | None:
        """Return the files, None where nobody may ask."""
        repository, number = event["repository"], event["number"]
        assert isinstance(repository, Mapping)
        assert isinstance(number, int)
        asked = self._forges.at(source.name, str(repository.get("full_name")))
        if asked is None:
            return None
        async with asyncio.timeout(_PATIENCE):
            return await asked.files(number)
