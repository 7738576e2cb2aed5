"""The pages: what is active, what is in the way, what has run. Read without JavaScript."""

from pathlib import Path
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from engine import history, token
from engine.errors import NotFound
from engine.store import journal, sources, views, workflows
from webhooks import body
from webhooks.edge import Unauthenticated, edge_of, run_id

_FOLDER = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, trim_blocks=True
)
_FORM_LIMIT = 4096


def routes() -> list[Route]:
    return [
        Route("/", home, methods=["GET"]),
        Route("/login", login, methods=["POST"]),
        Route("/runs/{run}", run, methods=["GET"]),
        Route("/static/sark.css", style, methods=["GET"]),
    ]


async def home(request: Request) -> Response:
    """Show sources, workflows and the latest runs; or ask for the token."""
    edge = edge_of(request)
    try:
        await edge.allow(request, "run.read", "run", "*")
    except Unauthenticated:
        return HTMLResponse(_PAGES.get_template("login.html").render(), 401)
    async with edge.pool.connection() as connection:
        told = {
            "sources": await sources.all_of(connection),
            "workflows": await workflows.all_of(connection),
            "runs": await views.page(connection, views.Filter(limit=50)),
        }
    return HTMLResponse(_PAGES.get_template("home.html").render(told))


async def login(request: Request) -> Response:
    """Take the token from the form into a cookie that no script and no other site can use."""
    edge = edge_of(request)
    data = await body.read(request, _FORM_LIMIT)
    given = parse_qs(data.decode("utf-8", "replace")).get("token", [""])[0].strip()
    if not token.matches(given, edge.token_hash):
        page = _PAGES.get_template("login.html").render(wrong=True)
        return HTMLResponse(page, 401)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        "sark_token", given, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return answer


async def run(request: Request) -> Response:
    """Show one run and its steps."""
    edge = edge_of(request)
    await edge.allow(request, "run.read", "run", request.path_params["run"])
    identity = run_id(request.path_params["run"])
    async with edge.pool.connection() as connection:
        row = await views.run(connection, identity)
        if row is None:
            raise NotFound(f"there is no run {identity}")
        rows = await journal.read(connection, identity)
        steps = await history.steps(connection, row, rows)
    return HTMLResponse(_PAGES.get_template("run.html").render(run=row, steps=steps))


async def style(request: Request) -> Response:
    """Return the one style sheet."""
    return FileResponse(_FOLDER / "static" / "sark.css", media_type="text/css")
