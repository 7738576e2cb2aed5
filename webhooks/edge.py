"""The application: from a request to its answer, whatever happens on the way."""

import time
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from webhooks import problem, shield
from webhooks.address import needs_token
from webhooks.auth import token
from webhooks.doors import Doors
from webhooks.outflow import Outflow
from webhooks.router import Router

_READS = frozenset({"GET", "HEAD"})
_PUT_OFF = "too many large answers wait for slow readers; ask again, or for less"
_SOON = {"Retry-After": "1"}


class Edge:
    """Serves one process's requests.

    A handler returns what is answered and sends nothing itself. So its errors are told, its
    headers laid on and its time counted here, in one frame, where a stack of middleware would
    send each message through all of its layers: that was most of what a start cost the server.
    """

    def __init__(self, doors: Doors, router: Router, description: Mapping[str, object]) -> None:
        self.doors = doors
        self.description = description
        self._router = router
        self._outflow = Outflow()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        identity = shield.identity(scope["headers"])
        scope["request_id"] = identity.decode()
        scope["app"] = self
        request = Request(scope, receive)
        answer = await self._answer(request)
        if scope["method"] in _READS and not self._outflow.has_room(answer):
            answer = problem.answer(request, "sark.unavailable", _PUT_OFF, headers=_SOON)
        shield.cover(answer, identity, leaves=self.doors.drain.draining)
        shield.count(scope["method"], answer.status_code, time.perf_counter() - began)
        await self._outflow.send(answer, scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """Return the answer of the handler, or the error as a problem.

        Who has no token hears nothing of the API, not what is there nor how it is asked: an
        unknown path or method is 401 as well.
        """
        try:
            if needs_token(request.scope["path"]):
                request.scope["actor"] = token.known(request)
            return await self._router.find(request)(request)
        except Exception as error:
            return await problem.told(request, error)
