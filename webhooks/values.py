"""A value that a run passes by reference, as a download: for whoever may read the run."""

import asyncio
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from engine.artifacts import Artifacts
from engine.core.spilled import MEDIA_TYPE
from engine.core.values import Json
from engine.errors import NotFound
from webhooks.doors import doors


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
                content = await asyncio.to_thread(artifacts.content, reference)
                kept = {"Content-Disposition": f'attachment; filename="{digest[:12]}.json"'}
                return Response(content, headers=kept, media_type=MEDIA_TYPE)
    raise NotFound(f"no step of run {run} has passed on a value {digest[:64]} by reference")
