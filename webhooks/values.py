"""A value that a run passes by reference, as a download: for whoever may read the run."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.artifacts import Artifacts
from engine.core.spilled import MEDIA_TYPE
from engine.core.values import Json
from engine.errors import NotFound
from webhooks.doors import doors
from webhooks.outflow import PIECE


async def download(request: Request, steps: Sequence[Mapping[str, Json]], run: str) -> Response:
    """Return the value that the path tells by its digest; it must be one of these steps'.

    Raise NotFound if none of them gave it, or it is not kept any more.
    """
    digest = request.path_params["digest"]
    for step in steps:
        spilled = step["spilled"]
        assert isinstance(spilled, Mapping)
        for reference in spilled.values():
            if isinstance(reference, Mapping) and reference["artifact"] == digest:
                artifacts = Artifacts(doors(request).settings.artifact_folder)
                file = await asyncio.to_thread(artifacts.opened, reference)
                kept = {
                    "Content-Disposition": f'attachment; filename="{digest[:12]}.json"',
                    "Content-Length": str(reference["bytes"]),
                }
                return StreamingResponse(_pieces(file), headers=kept, media_type=MEDIA_TYPE)
    raise NotFound(f"no step of run {run} has passed on a value {digest[:64]} by reference")


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield what a file holds; none of it is read before the piece ahead of it has left."""
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
