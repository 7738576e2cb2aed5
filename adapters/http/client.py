"""The one HTTP client of a process: a session whose every connection passes the gate."""

import asyncio
import resource
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection

from adapters.contract import Call, Failed, Outcome, Succeeded
from adapters.egress.gate import Gate
from adapters.egress.names import Lookup, family_of
from adapters.http import download, failures, response
from adapters.http.request import InvalidError, Request, build, redirected

Build = Callable[[Call, str], Request]
Take = Callable[[Request, aiohttp.ClientResponse], Awaitable[Outcome]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LARGEST_ERROR = 64 * 1024
_LARGEST_HEADER = 16 * 1024
_MOST_HEADERS = 200
# Less than after what the hastiest servers close an idle connection (gunicorn: 2 s). What is sent
# over one that is just being closed is lost, and nobody can tell whether it was read.
_KEEP_ALIVE = 1.5
# Turns of the event loop that it takes to notice a closed connection, be it under TLS.
_TURNS = 4
_PROGRESS: ContextVar[SimpleNamespace] = ContextVar("progress")
_MOST_PLACES = 10_000


class _NotedRequest(aiohttp.ClientRequest):
    """A request that notes, for the attempt it belongs to, that it has left for the far side."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send it over a connection that stands."""
        _PROGRESS.get().sent = True
        return await super().send(conn)


class CheckedResolver(AbstractResolver):
    """Resolves names in threads of its own and hands on only addresses that the gate lets by.

    aiohttp connects to these very addresses, so a second answer of the name server (DNS
    rebinding) is never asked for between the check and the connection.
    """

    def __init__(self, gate: Gate, lookup: Lookup) -> None:
        self._gate = gate
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="sark-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the checked addresses; raise BlockedError if one of them may not be used."""
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(self._threads, self._lookup, host, port)
        if not answers:
            raise OSError(f"{host} has no address")
        self._gate.check_answers(_plain(host), port, answers)
        results = [_result(host, port, answer) for answer in dict.fromkeys(answers)]
        return [each for each in results if family in (socket.AF_UNSPEC, each["family"])]

    async def close(self) -> None:
        """Let go of the threads; a look-up under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class Client:
    """A session, and the gate in front of it."""

    session: aiohttp.ClientSession
    resolver: CheckedResolver
    gate: Gate
    agent: str
    passed: set[tuple[str | None, int | None]] = field(default_factory=set)

    async def request(self, call: Call) -> Outcome:
        """Make one attempt of `http.request@1`."""
        return await self._attempt(call, build, _take)

    async def download(self, call: Call) -> Outcome:
        """Make one attempt of `http.download@1`."""
        return await self._attempt(call, download.read, download.take)

    async def close(self) -> None:
        """Close every connection."""
        await self.session.close()
        await self.resolver.close()

    async def _attempt(self, call: Call, read: Build, take: Take) -> Outcome:
        """Make one attempt, redirects included, within the call's time; `take` reads the answer."""
        try:
            request = read(call, self.agent)
        except InvalidError as error:
            return failures.invalid(error)
        progress = SimpleNamespace(sent=False)
        _PROGRESS.set(progress)
        try:
            async with asyncio.timeout(call.timeout.total_seconds()):
                if not request.idempotent:
                    await _notice_closed_connections()
                return await self._follow(request, progress, take)
        except TimeoutError:
            return failures.timed_out(request, call.timeout, progress.sent)

    async def _follow(self, request: Request, progress: SimpleNamespace, take: Take) -> Outcome:
        """Ask, and ask again where the answer says so; every hop passes the gate."""
        hops = 0
        while True:
            try:
                self._check(request)
                result = await self._ask(request, take, hops < request.max_redirects)
            except download.StorageError as error:
                return failures.not_stored(request, str(error))
            except TimeoutError as error:
                if not isinstance(error, aiohttp.ClientError):
                    raise
                return failures.from_exception(request, error, progress.sent)
            except Exception as error:
                return failures.from_exception(request, error, progress.sent)
            if not isinstance(result, Request):
                return result
            request, hops = result, hops + 1

    def _check(self, request: Request) -> None:
        """Raise BlockedError unless the gate lets host and port by; it never changes its mind."""
        place = (request.url.raw_host, request.url.port)
        if place not in self.passed:
            self.gate.check_host(_plain(place[0] or ""), place[1] or 0)
            if len(self.passed) > _MOST_PLACES:
                self.passed.clear()
            self.passed.add(place)

    async def _ask(self, request: Request, take: Take, may_follow: bool) -> Outcome | Request:
        async with self.session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
        ) as answer:
            response.check_headers(answer)
            if answer.status in request.ok:
                return await take(request, answer)
            location = answer.headers.get("Location")
            if answer.status in _REDIRECTS and location is not None and request.max_redirects:
                return _next(request, answer.status, location, may_follow)
            body = await response.read(answer, _LARGEST_ERROR)
            return failures.from_status(request, answer, body, datetime.now(UTC))


def open_client(
    gate: Gate, lookup: Lookup, connections: int, context: ssl.SSLContext, agent: str
) -> Client:
    """Return a client on the running event loop. No proxy, cookie or netrc is ever used."""
    resolver = CheckedResolver(gate, lookup)
    connector = aiohttp.TCPConnector(
        limit=_room(connections),
        resolver=resolver,
        ssl=context,
        keepalive_timeout=_KEEP_ALIVE,
        socket_factory=lambda info: _socket(gate, info),
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0),
        request_class=_NotedRequest,
        trust_env=False,
        max_line_size=_LARGEST_HEADER,
        max_field_size=_LARGEST_HEADER,
        max_headers=_MOST_HEADERS,
    )
    return Client(session, resolver, gate, agent)


async def _take(request: Request, answer: aiohttp.ClientResponse) -> Outcome:
    data = await response.read_whole(answer, request.max_bytes)
    return Succeeded(response.outputs(answer, data))


def _next(request: Request, status: int, location: str, may_follow: bool) -> Failed | Request:
    if not may_follow:
        reason = f"more than max_redirects = {request.max_redirects} redirects"
        return failures.redirect(request, reason, status)
    try:
        return redirected(request, status, location)
    except InvalidError as error:
        return failures.redirect(request, str(error), status)


async def _notice_closed_connections() -> None:
    """Let the event loop hear of connections that were closed while it was busy elsewhere."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def _plain(host: str) -> str:
    """Return a host as the gate spells hosts: lower case, no dot at the end."""
    return host.lower().removesuffix(".")


def _result(host: str, port: int, answer: str) -> ResolveResult:
    family, flags = family_of(answer), socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=answer, port=port, family=family, proto=0, flags=flags)


def _socket(gate: Gate, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    """Return the socket for an address, after one more look at the address."""
    gate.check_socket(str(info[4][0]), int(str(info[4][1])))
    return socket.socket(info[0], info[1], info[2])


def _room(connections: int) -> int:
    """Return how many connections there may be, a quarter of all open files being left for others.

    The limit on open files is raised as far as that needs and the system allows: what a process
    is given unasked, often 1,024, is meant for programs that use select(2).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections * 4 // 3 + 1
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return connections if soft == resource.RLIM_INFINITY else min(connections, soft * 3 // 4)
