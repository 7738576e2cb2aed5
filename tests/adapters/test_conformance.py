"""Every built-in operation keeps to what an operation promises."""

import asyncio
import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from adapters import conformance, echo, file, http, shell, table, text
from adapters.conformance import CANARY, Case
from adapters.contract import (
    Adapter,
    Json,
    Operation,
    Succeeded,
)
from tests.adapters.servers import Seen, Server, answer, json_answer, serve
from tests.adapters.speaking import named, opened

TABLE = Path(__file__).parent / "orders.csv"
SOON = timedelta(seconds=0.3)
Cases = Callable[[str], Sequence[Case]]


@dataclass(frozen=True, slots=True)
class Suite:
    """How to open an operation, its cases, and a call that waits for ever."""

    name: str
    adapter: Callable[[Server], Adapter]
    cases: Cases
    waits: Callable[[str], Case]

    def __str__(self) -> str:
        return self.name


async def far_side(seen: Seen) -> bytes:
    """Answer with the status in the path, and with everything that was sent; /hang never does."""
    if seen.target == "/hang":
        await asyncio.sleep(60)
    said = {"path": seen.target, "headers": seen.headers, "body": seen.body.decode()}
    status = int(seen.target.split("/")[1].split("?")[0] or 200)
    if status >= 900:
        return answer(200, b"{", ("Content-Type: application/json",))
    return json_answer(orjson.dumps(said), status)


def echo_cases(_: str) -> Sequence[Case]:
    return (
        Case("a message", {"message": {"a": [1, None]}}),
        Case("null", {"message": None, "delay": "10ms"}),
        Case("no span", {"message": 1, "delay": "soon"}, "echo.invalid", valid=False),
        Case("too long", {"message": 1, "delay": "61s"}, "echo.invalid"),
        Case("too slow", {"message": 1, "delay": "5s"}, "echo.timeout", timeout=SOON),
    )


def text_cases(_: str) -> Sequence[Case]:
    values: Json = {"secret": CANARY, "xs": [1]}
    return (
        Case("a template", {"template": "{{ a }}", "values": {"a": 1}}),
        Case("a fault", {"template": "{% include 'x' %}"}, "text.template"),
        Case("a value", {"template": "{{ secret + 1 }}", "values": values}, "text.value"),
        Case("a limit", {"template": "{{ range(10**9) }}"}, "text.template"),
        Case("a range", {"template": "{{ range(99999) | join }}"}, "text.limit"),
        Case("no template", {"template": 1}, "text.invalid", valid=False),
    )


def http_cases(url: str) -> Sequence[Case]:
    secret: dict[str, Json] = {
        "headers": {"X-Api-Key": CANARY},
        "auth": {"bearer": CANARY},
        "url": f"{url}/500/{CANARY}?token={CANARY}",
    }
    return (
        Case("a request", {"url": f"{url}/200", "json": {"a": 1}, "method": "POST"}),
        Case("a status", secret, "http.status", error_class="transient"),
        Case("a write", {**secret, "method": "POST"}, "http.status", error_class="unknown"),
        Case(
            "a password",
            {**secret, "auth": {"basic": {"username": "ann", "password": CANARY}}},
            "http.status",
        ),
        Case("declined", {**secret, "url": f"{url}/402"}, "http.declined"),
        Case("no JSON", {**secret, "url": f"{url}/900"}, "http.protocol"),
        Case("too large", {**secret, "url": f"{url}/200", "max_bytes": 1}, "http.too_large"),
        Case("slow", {**secret, "url": f"{url}/hang"}, "http.timeout", timeout=SOON),
        Case("blocked", {**secret, "url": f"http://10.0.0.1/{CANARY}"}, "http.blocked"),
        Case("refused", {**secret, "url": f"http:///{CANARY}"}, "http.invalid"),
        Case("a header", {"url": url, "headers": {"Host": CANARY}}, "http.invalid"),
        Case("no method", {"url": url, "method": "BREW"}, "http.invalid", valid=False),
    )


def download_cases(url: str) -> Sequence[Case]:
    secret: dict[str, Json] = {
        "headers": {"X-Api-Key": CANARY},
        "auth": {"bearer": CANARY},
        "url": f"{url}/500/{CANARY}?token={CANARY}",
    }
    other: Json = {"sha256": "0" * 64}
    return (
        Case("a file", {"url": f"{url}/200"}),
        Case("a status", secret, "http.status", error_class="transient"),
        Case("a part", {**secret, "url": f"{url}/206"}, "http.status", error_class="permanent"),
        Case("too large", {**secret, "url": f"{url}/200", "max_bytes": 1}, "http.too_large"),
        Case("another", {**secret, "url": f"{url}/200", "expect": other}, "http.unexpected"),
        Case("slow", {**secret, "url": f"{url}/hang"}, "http.timeout", timeout=SOON),
        Case("blocked", {**secret, "url": f"http://10.0.0.1/{CANARY}"}, "http.blocked"),
        Case("refused", {**secret, "url": f"http:///{CANARY}"}, "http.invalid"),
        Case("a method", {"url": f"{url}/200", "method": "POST"}, valid=False),
        Case("no size", {"url": f"{url}/200", "max_bytes": 0}, "http.invalid", valid=False),
    )


def table_cases(_: str) -> Sequence[Case]:
    return (
        Case("a table", {"file": str(TABLE)}),
        Case("no table", {"file": str(TABLE), "delimiter": "."}, "table.format"),
        Case("no file", {"file": f"/{CANARY}"}, "table.file"),
        Case("slow", {"file": pipe()}, "table.timeout", timeout=SOON),
        Case("no delimiter", {"file": "x", "delimiter": ""}, "table.invalid", valid=False),
    )


def file_cases(_: str) -> Sequence[Case]:
    return (
        Case("a folder", {"root": "here", "paths": ["*.csv"]}),
        Case("a page", {"root": "here", "limit": 2, "after": "engine.py"}),
        Case("no root", {"root": "there"}, "file.root"),
        Case("no folder", {"root": "here", "folder": "gone"}, "file.unreachable"),
        Case("a way out", {"root": "here", "folder": ".."}, "file.invalid"),
        Case("no set", {"root": "here", "paths": ["[z-a]"]}, "file.invalid"),
        Case("no globs", {"root": "here", "paths": []}, valid=False),
        Case("no name", {"root": 1}, "file.invalid", valid=False),
        Case("no time", {"root": "here"}, "file.timeout", timeout=timedelta(microseconds=1)),
    )


@functools.cache
def pipe() -> str:
    """Return a pipe that nobody writes to."""
    path = Path(tempfile.mkdtemp(prefix="sark-test-")) / "pipe"
    os.mkfifo(path)
    atexit.register(shutil.rmtree, path.parent)
    return str(path)


def shell_cases(_: str) -> Sequence[Case]:
    env: Json = {"TOKEN": CANARY}
    return (
        Case("a program", {"argv": ["echo", "a", 1]}),
        Case("JSON", {"script": "echo 1", "parse": "json"}),
        Case("a code", {"script": 'echo "$TOKEN"; exit 1', "env": env}, "shell.exit"),
        Case("a signal", {"script": "kill -9 $$", "env": env}, "shell.signal"),
        Case("an output", {"script": "cat", "parse": "json", "stdin": CANARY}, "shell.output"),
        Case("slow", {"argv": ["sleep", "60"]}, "shell.timeout", timeout=SOON),
        Case("nothing", {"argv": [f"/{CANARY}"]}, "shell.spawn"),
        Case("a name", {"argv": ["true"], "env": {"PATH": CANARY}}, "shell.invalid"),
        Case("both", {"argv": ["true"], "script": "true"}, "shell.invalid", valid=False),
    )


SUITES = (
    Suite("echo.say@1", lambda _: echo.create({}), echo_cases,
          lambda _: Case("waits", {"message": 1, "delay": "50s"}, timeout=timedelta(60))),
    Suite("text.render@1", lambda _: text.create({}), text_cases,
          lambda _: Case("waits", {})),
    Suite("http.request@1", lambda server: http.create({"allow_hosts": [server.host]}), http_cases,
          lambda url: Case("waits", {"url": f"{url}/hang"})),
    Suite("shell.run@1", lambda _: shell.create({}), shell_cases,
          lambda _: Case("waits", {"script": "setsid sleep 60 & sleep 60"})),
    Suite("http.download@1", lambda server: http.create({"allow_hosts": [server.host]}),
          download_cases, lambda url: Case("waits", {"url": f"{url}/hang"})),
    Suite("file.list@1", lambda _: file.create({"roots": {"here": {"path": str(TABLE.parent)}}}),
          file_cases, lambda _: Case("waits", {})),
    Suite("table.profile@1", lambda _: table.create({}), table_cases,
          lambda _: Case("waits", {"file": pipe()})),
)  # fmt: skip
each_suite = pytest.mark.parametrize("suite", SUITES, ids=str)
# A template cannot be made to wait, and a folder only in `test_file`.
_NEVER_WAIT = ("text.render@1", "file.list@1")
each_waiting_suite = pytest.mark.parametrize(
    "suite", [each for each in SUITES if each.name not in _NEVER_WAIT], ids=str
)


@asynccontextmanager
async def running(suite: Suite) -> AsyncIterator[tuple[Operation, str]]:
    async with serve(far_side) as server, opened(suite.adapter(server), suite.name) as operation:
        yield operation, server.url


@each_suite
def test_the_manifest_is_consistent(suite: Suite) -> None:
    """
    Schemas are valid and closed, errors are described, roles and refinements name arguments.
    """
    operation = named(suite.adapter(Server(1)), suite.name)

    conformance.check_description(operation.manifest)


@each_suite
def test_every_case_leads_to_what_is_declared(suite: Suite) -> None:
    """
    Outputs are of their schema, errors are declared ones, and no error shows a key or a secret.
    """

    async def story() -> None:
        async with running(suite) as (operation, url):
            for case in suite.cases(url):
                await conformance.check_case(operation, case)

    asyncio.run(story())


@each_waiting_suite
def test_a_cancelled_call_leaves_nothing(suite: Suite) -> None:
    """
    No task, descriptor or process is left of a call that was cancelled while it waited.
    """

    async def story() -> None:
        async with running(suite) as (operation, url):
            first = suite.cases(url)[0]
            assert isinstance(await conformance.check_case(operation, first), Succeeded)
            await conformance.check_cancellation(operation, suite.waits(url))

    asyncio.run(story())


@each_waiting_suite
def test_a_call_ends_by_itself_when_its_time_is_over(suite: Suite) -> None:
    """
    It says that the effect is unknown where it may not be repeated, and leaves nothing.
    """

    async def story() -> None:
        async with running(suite) as (operation, url):
            first = suite.cases(url)[0]
            assert isinstance(await conformance.check_case(operation, first), Succeeded)
            for method in ("GET", "POST") if suite.name == "http.request@1" else (None,):
                waits = suite.waits(url)
                given = {**waits.arguments, "method": method} if method else waits.arguments
                await conformance.check_deadline(operation, replace(waits, arguments=given))

    asyncio.run(story())


@each_suite
def test_an_adapter_that_is_closed_holds_nothing(suite: Suite) -> None:
    """
    Connections, threads' files and processes go within a second.
    """

    async def story() -> None:
        async with serve(far_side) as server:
            adapter = suite.adapter(server)
            operation = named(adapter, suite.name)
            await conformance.check_closing(adapter, operation, suite.cases(server.url)[0])

    asyncio.run(story())


def test_the_far_side_hears_the_key(tmp_path: Path) -> None:
    """
    A server finds it among the headers, a program in its environment: one key a call, whatever
    the attempt.
    """

    async def story() -> None:
        async with serve(far_side) as server, opened(SUITES[2].adapter(server)) as operation:
            case = Case("a request", {"url": f"{server.url}/200", "method": "POST"})
            await conformance.check_key(operation, case, lambda: str(server.seen).rstrip("]"))
        async with opened(shell.create({})) as operation:
            heard = tmp_path / "heard"
            heard.touch()
            script = 'echo "$SARK_KEY" >> "$1"'
            case = Case("a script", {"script": script, "args": [str(heard)]})
            await conformance.check_key(operation, case, heard.read_text)

    asyncio.run(story())


def test_which_arguments_may_be_secret() -> None:
    """
    Credentials, headers and the URL (a webhook's address is a secret); env and stdin; no body.
    """
    found = {
        operation.manifest.name: conformance.secret_arguments(operation.manifest)
        for suite in SUITES
        for operation in suite.adapter(Server(1)).operations()
    }

    basic = {"/auth/basic/username", "/auth/basic/password"}
    assert {"/url", "/headers/*", "/auth/bearer"} | basic == found["http.request@1"]
    assert found["http.download@1"] == found["http.request@1"]
    assert {"/env/*", "/stdin"} == found["shell.run@1"]
    others = found["text.render@1"] | found["echo.say@1"] | found["table.profile@1"]
    others |= found["file.list@1"]
    assert frozenset() == others
