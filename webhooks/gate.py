"""Who has no token hears nothing of the API: not what is there, nor how it is asked."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from webhooks.address import needs_token
from webhooks.auth.token import known
from webhooks.problem import Refusal, on_refusal


class Gate:
    """Stands before the router, so that an unknown path or method is 401 as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if needs_token(scope["path"]):
            try:
                scope["actor"] = known(scope)
            except Refusal as refusal:
                answer = await on_refusal(Request(scope), refusal)
                return await answer(scope, receive, send)
        await self._app(scope, receive, send)
        return None
