"""The files of pull requests: GitHub does not send them, so it is asked where they decide."""

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta

from adapters.contract import Call, ErrorClass, Operation, Succeeded
from engine.active import Hook
from engine.core import forge
from engine.core.values import Json
from engine.errors import Misconfigured, Unavailable
from engine.secrets import resolve
from engine.settings import Source

OPERATION = "github.files@1"
_LOG = logging.getLogger("sark.http")
# GitHub waits ten seconds for the answer to a delivery.
_PATIENCE = timedelta(seconds=7)


class Pulls:
    """Asks for files by the `api_token` of the source that was told of a pull request.

    There is no operation where no source has a token.
    """

    def __init__(self, operation: Operation | None) -> None:
        self._operation = operation

    async def complete(
        self, source: Source, event: Mapping[str, Json], hooks: Iterable[Hook]
    ) -> Mapping[str, Json]:
        """Return the event with its `files`, if they decide for one of the triggers.

        Without them where GitHub says no: that is an error of each such trigger. Raise Unavailable
        where it may say yes a little later.
        """
        if not any(forge.asks_files(each.settings, event) for each in hooks):
            return event
        token = _token(source)
        if token is None or self._operation is None:
            return event
        outcome = await self._operation.invoke(_call(event, token))
        if isinstance(outcome, Succeeded):
            return {**event, "files": outcome.outputs["files"]}
        told = f"files of pull request {event['number']} of source {source.name}: {outcome.message}"
        if outcome.error_class is not ErrorClass.PERMANENT:
            raise Unavailable(told, outcome.retry_after or timedelta(seconds=1))
        _LOG.warning("%s", told)
        return event


def _token(source: Source) -> str | None:
    if source.api_token is None:
        return None
    try:
        return resolve(source.api_token, f"sources.{source.name}.api_token")
    except Misconfigured as error:
        _LOG.warning("%s", error)
        return None


def _call(event: Mapping[str, Json], token: str) -> Call:
    repository = event["repository"]
    assert isinstance(repository, Mapping)
    arguments: dict[str, Json] = {
        "repo": repository.get("full_name"), "number": event["number"], "auth": token,
    }  # fmt: skip
    return Call("", "", 1, "", arguments, _PATIENCE)
