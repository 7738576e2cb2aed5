"""The pages: what is active, what is in the way, what has run. Read only, without JavaScript."""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from engine.errors import NotFound
from engine.health import Health
from engine.store import reviews, sources, views, workflows
from engine.store.reviews import ReviewRow
from engine.store.views import Wanted
from policies.facts import Action, Actor, Resource
from webhooks import body, health
from webhooks.api.reviews import whole
from webhooks.api.runs import named
from webhooks.auth import session
from webhooks.auth.guard import namespaces
from webhooks.auth.token import is_token
from webhooks.doors import doors
from webhooks.values import download

_FOLDER = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
_PAGES.filters["json"] = lambda told: orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()
_PAGES.filters["instant"] = lambda told: told.strftime("%Y-%m-%d %H:%M:%S")
_STYLE = (_FOLDER / "static" / "sark.css").read_bytes()
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_FORM_LIMIT = 4096
_LATEST = 50
_View: TypeAlias = Callable[[Request], Awaitable[Response]]


async def home(request: Request) -> Response:
    """`GET /`: sources, workflows and the latest runs; or the form that asks for the token."""
    actor = session.actor(request)
    if actor is None:
        return _login(401, wrong=False)
    seen = await health.look(doors(request))
    if seen.status == "unready":
        return _away(seen)
    runs_in = await namespaces(request, actor, "run.read", "run")
    sources_in = await namespaces(request, actor, "source.read", "source")
    workflows_in = await namespaces(request, actor, "workflow.read", "workflow")
    async with doors(request).pool.connection() as connection:
        watched = await sources.all_of(connection)
        active = await workflows.all_of(connection)
        latest = await views.runs(connection, Wanted(runs_in), None, _LATEST)
    return _page(
        "home.html",
        reasons=seen.reasons,
        sources=[each for each in watched if each.namespace in sources_in],
        workflows=[each for each in active if each.namespace in workflows_in],
        runs=latest,
    )


def _or_missing(view: _View) -> _View:
    """Let a page that is not there be a page too: whoever meets it sits at a browser."""

    @wraps(view)
    async def seen(request: Request) -> Response:
        try:
            return await view(request)
        except NotFound as gone:
            return _page("missing.html", 404, told=str(gone))

    return seen


@_or_missing
async def run(request: Request) -> Response:
    """`GET /runs/{id}`: one run and its steps."""
    actor = session.actor(request)
    if actor is None:
        return _login(401, wrong=False)
    identity, missing = named(request)
    seen = await health.look(doors(request))
    if seen.status == "unready":
        return _away(seen)
    found = await doors(request).history.run(identity)
    if found is None or not _may_read(request, actor, found.row):
        raise NotFound(missing)
    return _page(
        "run.html", reasons=seen.reasons, run=found.row, steps=found.steps, paused=found.paused
    )


async def value(request: Request) -> Response:
    """`GET /runs/{id}/values/{digest}`: an output of a step that is passed by reference."""
    actor = session.actor(request)
    if actor is None:
        return _login(401, wrong=False)
    identity, missing = named(request)
    found = await doors(request).history.run(identity)
    if found is None or not _may_read(request, actor, found.row):
        raise NotFound(missing)
    return await download(request, found.steps, str(identity))


@_or_missing
async def review(request: Request) -> Response:
    """`GET /reviews/{source}/{number}`: what a pull request would change, in full."""
    number = whole(request.path_params["number"])
    async with doors(request).pool.connection() as connection:
        row = await reviews.of_number(connection, request.path_params["source"], number)
    return await _reviewed(request, [] if row is None else [row])


@_or_missing
async def plan(request: Request) -> Response:
    """`GET /plans/{digest}`: the reviews of a plan, by 8 digits or more of it."""
    digest = request.path_params["digest"]
    found: list[ReviewRow] = []
    if _DIGEST.fullmatch(digest):
        async with doors(request).pool.connection() as connection:
            found = await reviews.of_plan(connection, digest)
    return await _reviewed(request, found)


async def _reviewed(request: Request, found: list[ReviewRow]) -> Response:
    """Show the reviews of sources that the actor may read."""
    actor = session.actor(request)
    if actor is None:
        return _login(401, wrong=False)
    seen = await namespaces(request, actor, "source.read", "source")
    async with doors(request).pool.connection() as connection:
        mine = {each.name for each in await sources.all_of(connection) if each.namespace in seen}
    told = [each for each in found if each.source in mine]
    if not told:
        raise NotFound("there is no such review")
    return _page("review.html", reviews=told)


async def login(request: Request) -> Response:
    """`POST /login`: give a session for the token."""
    session.check_origin(request)
    data = await body.read(request, _FORM_LIMIT, body.FORM)
    given = parse_qs(data.decode("utf-8", "replace")).get("token", [""])[0].strip()
    if not is_token(request, given):
        return _login(401, wrong=True)
    answer = RedirectResponse("/", 303)
    session.begin(request, answer)
    return answer


async def logout(request: Request) -> Response:
    """`POST /logout`: end the session in this browser."""
    session.check_origin(request)
    answer = RedirectResponse("/", 303)
    session.end(request, answer)
    return answer


async def style(_: Request) -> Response:
    """`GET /static/sark.css`: the one style sheet."""
    kept = {"Cache-Control": "public, max-age=3600"}
    return Response(_STYLE, headers=kept, media_type="text/css")


def _may_read(request: Request, actor: Actor, row: views.RunRow) -> bool:
    resource = Resource("run", row.workflow, row.namespace)
    return doors(request).policy.decide(actor, Action("run.read"), resource).allowed


def _login(status: int, *, wrong: bool) -> Response:
    return _page("login.html", status, wrong=wrong)


def _away(seen: Health) -> Response:
    """Say what is away, in a browser's words and a program's."""
    return _page("away.html", 503, health.RETRY, reasons=seen.reasons)


def _page(
    name: str, status: int = 200, headers: Mapping[str, str] | None = None, **names: object
) -> Response:
    return HTMLResponse(_PAGES.get_template(name).render(names), status, headers)
