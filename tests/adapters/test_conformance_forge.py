"""The operations on GitHub and on containers keep to what an operation promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from adapters import conformance, container, github
from adapters.conformance import CANARY, Case
from adapters.contract import Adapter, Json, Operation
from tests.adapters.commenting import COMMENT, FILES, STATUS
from tests.adapters.containing import BUILD, RUN
from tests.adapters.engine import image_of, standing
from tests.adapters.forge import GitHub, bad_gateway, refusal
from tests.adapters.servers import Handler, Seen, json_answer, serve
from tests.adapters.speaking import opened

SOON = timedelta(seconds=0.3)


@dataclass(frozen=True, slots=True)
class Suite:
    """An operation's cases, the first a success, and calls that wait for ever."""

    cases: Sequence[Case]
    waits: Sequence[Case]
    sends_key: bool = True


def _github(given: dict[str, Json]) -> Suite:
    """Return the cases of an operation on GitHub; the repository's name chooses the answer."""
    secret = {**given, "auth": CANARY}
    return Suite(
        (
            Case("works", given),
            Case("refused", {**secret, "repo": "acme/refused"}, "github.status"),
            Case("limited", {**secret, "repo": "acme/limited"}, "github.rate_limit"),
            Case(
                "down",
                {**secret, "repo": "acme/down"},
                "github.status",
                error_class="transient",
            ),
            Case("no JSON", {**secret, "repo": "acme/protocol"}, "github.protocol"),
            Case("slow", {**secret, "repo": "acme/hang"}, "github.timeout", timeout=SOON),
            Case("no repository", {**secret, "repo": "acme"}, "github.invalid", valid=False),
            Case("no token", {**given, "auth": f"{CANARY}\n"}, "github.invalid"),
        ),
        (Case("waits", {**given, "repo": "acme/hang"}),),
    )


def _answers(kept: GitHub) -> Handler:
    """Return a GitHub whose repositories other than acme/web have troubles of their own."""
    troubles = {
        "refused": refusal(404, f"Not Found {CANARY}"),
        "limited": refusal(403, "secondary rate limit"),
        "down": bad_gateway(),
        "protocol": json_answer(b'{"id": "x"}'),
    }

    async def answer(seen: Seen) -> bytes:
        name = seen.target.split("/")[3]
        if name == "hang":
            await asyncio.sleep(60)
        return troubles[name] if name in troubles else kept(seen)

    return answer


_NOWHERE = image_of("nowhere")
_SAYS: Json = ["sh", "-c", 'echo "$TOKEN" >&2; exit 1']
SUITES = {
    "github.comment@1": _github(dict(COMMENT)),
    "github.files@1": _github(dict(FILES)),
    "github.status@1": _github(dict(STATUS)),
    "container.run@1": Suite(
        (
            Case("a program", {**RUN}),
            Case("a code", {**RUN, "argv": _SAYS, "env": {"TOKEN": CANARY}}, "container.exit"),
            Case("nothing", {**RUN, "argv": ["/nowhere"]}, "container.spawn"),
            Case("a limit", {**RUN, "argv": ["hog"]}, "container.limit"),
            Case("no image", {**RUN, "image": _NOWHERE}, "container.image"),
            Case("a tag", {**RUN, "image": "alpine:3"}, "container.invalid", valid=False),
            Case("two lines", {**RUN, "env": {"A": f"{CANARY}\n"}}, "container.invalid"),
            Case("slow", {**RUN, "argv": ["sleep", "60"]}, "container.timeout", timeout=SOON),
        ),
        tuple(
            Case(f"waits, network {network}", {**RUN, "argv": ["sleep", "60"], "network": network})
            for network in ("none", "default")
        ),
    ),
    "container.build@1": Suite(
        (
            Case("a commit", BUILD),
            Case(
                "a failure",
                {**BUILD, "file": "Dockerfile.fails", "auth": CANARY},
                "container.build",
            ),
            Case("a branch", {**BUILD, "ref": "main"}, "container.invalid", valid=False),
            Case("a way out", {**BUILD, "context": "a/.."}, "container.invalid"),
            Case(
                "slow",
                {**BUILD, "file": "Dockerfile.hangs"},
                "container.timeout",
                timeout=SOON,
            ),
        ),
        tuple(
            Case(
                f"waits, network {network}",
                {**BUILD, "file": "Dockerfile.hangs", "network": network},
            )
            for network in ("none", "default")
        ),
        sends_key=False,
    ),
}
each_suite = pytest.mark.parametrize("name", SUITES)


@asynccontextmanager
async def adapting(name: str, folder: Path) -> AsyncIterator[tuple[Adapter, Callable[[], str]]]:
    """Give the adapter of an operation, not yet open, and all that its far side has heard."""
    async with AsyncExitStack() as stack:
        if name.startswith("github."):
            kept = GitHub()
            server = await stack.enter_async_context(serve(_answers(kept)))
            kept.url = server.url
            adapter = github.create({"api_url": server.url})
            yield adapter, lambda: str(server.seen).rstrip("]")
        else:
            engine = stack.enter_context(standing(folder))
            heard = folder / "heard"
            heard.touch()
            yield container.create({"command": engine.command}), heard.read_text


def keep(name: str, folder: Path, story: Callable[[Operation, Suite], Awaitable[None]]) -> None:
    """Hold an open operation to something."""

    async def whole() -> None:
        async with adapting(name, folder) as (adapter, _), opened(adapter, name) as operation:
            await story(operation, SUITES[name])

    asyncio.run(whole())


@each_suite
def test_every_case_leads_to_what_it_should(name: str, tmp_path: Path) -> None:
    """
    The manifest is consistent; outputs and errors are as it says, and no secret is shown.
    """

    async def story(operation: Operation, suite: Suite) -> None:
        conformance.check_description(operation.manifest)
        for case in suite.cases:
            await conformance.check_case(operation, case)

    keep(name, tmp_path, story)


@each_suite
def test_a_call_ends_by_itself_when_its_time_is_over(name: str, tmp_path: Path) -> None:
    """
    It says that the effect is unknown where it may not be repeated, and leaves nothing.
    """

    async def story(operation: Operation, suite: Suite) -> None:
        await conformance.check_case(operation, suite.cases[0])
        for case in suite.waits:
            await conformance.check_deadline(operation, case)

    keep(name, tmp_path, story)


@each_suite
def test_a_cancelled_call_leaves_nothing(name: str, tmp_path: Path) -> None:
    """
    No task, descriptor or process is left of a call that was cancelled while it waited.
    """

    async def story(operation: Operation, suite: Suite) -> None:
        await conformance.check_case(operation, suite.cases[0])
        await conformance.check_cancellation(operation, suite.waits[0])

    keep(name, tmp_path, story)


@each_suite
def test_an_adapter_that_is_closed_holds_nothing(name: str, tmp_path: Path) -> None:
    """
    Connections and processes go within a second.
    """

    async def story() -> None:
        async with adapting(name, tmp_path) as (adapter, _):
            (operation,) = (each for each in adapter.operations() if each.manifest.name == name)
            await conformance.check_closing(adapter, operation, SUITES[name].cases[0])

    asyncio.run(story())


@pytest.mark.parametrize("name", [name for name, suite in SUITES.items() if suite.sends_key])
def test_the_far_side_hears_the_key(name: str, tmp_path: Path) -> None:
    """
    GitHub finds it among the headers, a program in its environment. A build has none: it would
    make another image of the same commit.
    """

    async def story() -> None:
        async with adapting(name, tmp_path) as (adapter, told), opened(adapter, name) as operation:
            await conformance.check_key(operation, SUITES[name].cases[0], told)

    asyncio.run(story())


def test_which_arguments_may_be_secret() -> None:
    """
    Tokens and variables; no body, no build argument.
    """
    found = {
        each.name: conformance.secret_arguments(each)
        for each in (*github.MANIFESTS, *container.MANIFESTS)
    }

    token = frozenset({"/auth"})
    assert token == found["github.comment@1"] == found["github.status@1"]
    assert token == found["container.build@1"]
    assert frozenset({"/env/*"}) == found["container.run@1"]
