"""`http.download@1`: a whole file that is the right one, or a failure that says why not."""

import asyncio
import gzip
import hashlib
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.contract import Call, ErrorClass, Failed, Json, Operation, Outcome, Succeeded
from adapters.http import Http, HttpSettings, create
from tests.adapters.servers import Handler, Seen, Server, answer, serve
from tests.adapters.speaking import call, failed, opened

CSV = b"id,name\n1,ann\n"
TYPE = "Content-Type: text/csv; charset=utf-8"
SHA = hashlib.sha256(CSV).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "call"
    path.mkdir()
    return path


def asking(server: Server) -> AbstractAsyncContextManager[Operation]:
    """Give the operation, which may ask this server and nobody else."""
    return opened(create({"allow_hosts": [server.host]}), "http.download@1")


def fetch(
    folder: Path, handler: Handler, timeout: float = 5, /, **arguments: Json
) -> tuple[Outcome, list[Seen]]:
    """Return what a download leads to, and what the server has seen."""

    async def story() -> tuple[Outcome, list[Seen]]:
        async with serve(handler) as server, asking(server) as get:
            given: dict[str, Json] = {"url": f"{server.url}/file.csv", **arguments}
            made = replace(call(timeout, **given), folder=lambda: folder)
            return await get.invoke(made), server.seen

    return asyncio.run(story())


def refusal(
    folder: Path, handler: Handler, timeout: float = 5, /, **arguments: Json
) -> tuple[str, ErrorClass]:
    """Return type and class of the failure that a download must lead to."""
    found = failed(fetch(folder, handler, timeout, **arguments)[0])
    return found.type, found.error_class


def test_each_piece_of_a_file_is_progress(folder: Path) -> None:
    """
    A download is heard whenever a piece of the file has come in.
    """
    beats: list[int] = []

    async def story() -> Outcome:
        async with serve(lambda _: answer(200, CSV, (TYPE,))) as server, asking(server) as get:
            made = call(5, url=f"{server.url}/file.csv")
            return await get.invoke(
                replace(made, folder=lambda: folder, beat=lambda: beats.append(1))
            )

    assert isinstance(asyncio.run(story()), Succeeded)
    assert beats


def test_a_file_is_downloaded(folder: Path) -> None:
    """
    The answer is in the file, byte by byte; size, digest and media type are outputs.
    """
    outcome, (seen,) = fetch(
        folder, lambda _: answer(200, CSV, (TYPE, "ETag: x")), query={"day": "2026-03-28"},
        headers={"X-Tenant": "acme"}, auth={"bearer": "token-1"},
    )  # fmt: skip

    assert isinstance(outcome, Succeeded)
    assert CSV == outcome.files["file"].read_bytes()
    assert folder == outcome.files["file"].parent
    headers = {"content-type": "text/csv; charset=utf-8", "etag": "x", "content-length": "14"}
    expected = {
        "status": 200, "headers": headers, "bytes": 14, "sha256": SHA, "media_type": "text/csv",
    }  # fmt: skip
    assert expected == outcome.outputs
    assert ("GET", "/file.csv?day=2026-03-28") == (seen.method, seen.target)
    sent = {"x-tenant": "acme", "authorization": "Bearer token-1", "idempotency-key": "key-1"}
    assert sent == {name: seen.headers[name] for name in sent}


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (answer(200), b""),
        (answer(200, b"\x00\xff" * 3_000_000), b"\x00\xff" * 3_000_000),
        (answer(200, gzip.compress(CSV, mtime=0), ("Content-Encoding: gzip",)), CSV),
        (answer(200, b"{", ("Content-Type: application/json",)), b"{"),
    ],
)
def test_any_content(folder: Path, data: bytes, content: bytes) -> None:
    """
    Empty, large, compressed, of whatever type: a file is not looked into.
    """
    outcome, _ = fetch(folder, lambda _: data)

    assert isinstance(outcome, Succeeded)
    assert content == outcome.files["file"].read_bytes()
    assert hashlib.sha256(content).hexdigest() == outcome.outputs["sha256"]


@pytest.mark.parametrize(
    ("data", "arguments", "expected"),
    [
        (answer(200, b"x" * 1001), {}, ("http.too_large", ErrorClass.PERMANENT)),
        (answer(200, b"x" * 1001, length=False), {}, ("http.too_large", ErrorClass.PERMANENT)),
        (answer(200, gzip.compress(b"x" * 10_000_000, mtime=0), ("Content-Encoding: gzip",)), {},
         ("http.too_large", ErrorClass.PERMANENT)),
        (answer(200, b"xx", ("Content-Encoding: gzip",)), {},
         ("http.protocol", ErrorClass.PERMANENT)),
        (answer(206, b"half"), {}, ("http.status", ErrorClass.PERMANENT)),
        (answer(204), {}, ("http.status", ErrorClass.PERMANENT)),
        (answer(404), {}, ("http.status", ErrorClass.PERMANENT)),
        (answer(503), {}, ("http.status", ErrorClass.TRANSIENT)),
        (answer(402), {}, ("http.declined", ErrorClass.PERMANENT)),
        (answer(302, b"", ("Location: https://10.0.0.1/",)), {},
         ("http.blocked", ErrorClass.PERMANENT)),
        (answer(200, b"<html>", ("Content-Type: text/html",)),
         {"expect": {"media_type": "text/csv"}}, ("http.unexpected", ErrorClass.PERMANENT)),
        (answer(200, b"other"), {"expect": {"sha256": SHA}},
         ("http.unexpected", ErrorClass.PERMANENT)),
    ],
)  # fmt: skip
def test_no_file(
    folder: Path, data: bytes, arguments: dict[str, Json], expected: tuple[str, ErrorClass]
) -> None:
    """
    Too large, a part of it, another one than was expected: the failure says which.
    """
    assert expected == refusal(folder, lambda _: data, max_bytes=1000, **arguments)


def test_the_file_that_was_expected(folder: Path) -> None:
    """
    Digest and media type are compared whatever their letters' case.
    """
    expect: Json = {"sha256": SHA.upper(), "media_type": "Text/CSV"}
    outcome, _ = fetch(folder, lambda _: answer(200, CSV, (TYPE,)), expect=expect)

    assert isinstance(outcome, Succeeded)


def test_a_length_that_is_too_much_is_not_waited_for(folder: Path) -> None:
    """
    A file that says that it is too large is refused before it is read.
    """
    endless = answer(200, b"x", ("Content-Length: 1001",), length=False)

    assert refusal(folder, lambda _: endless, 5, max_bytes=1000)[0] == "http.too_large"
    assert [] == list(folder.iterdir())


@asynccontextmanager
async def breaking(head: bytes, body: bytes, pause: float = 0) -> AsyncIterator[Server]:
    """Serve the beginning of an answer, then hang up, or wait."""
    server = Server()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + body)
        await writer.drain()
        await asyncio.sleep(pause)
        writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "body", "pause", "expected"),
    [
        (LONG, b"x" * 1_500_000, 0, "http.disconnected"),
        (CHUNKED, b"5\r\nhello\r\n", 0, "http.disconnected"),
        (CHUNKED, b"5\r\nhel", 0, "http.disconnected"),
        (LONG, b"x" * 1_500_000, 30, "http.timeout"),
    ],
)
def test_a_body_that_breaks_off(
    folder: Path, head: bytes, body: bytes, pause: float, expected: str
) -> None:
    """
    Half a file is none: the failure is transient, for the next attempt may get it all.
    """

    async def story() -> Failed:
        async with breaking(head, body, pause) as server, asking(server) as get:
            made = replace(call(1, url=server.url), folder=lambda: folder)
            return failed(await get.invoke(made))

    found = asyncio.run(story())
    assert (expected, ErrorClass.TRANSIENT) == (found.type, found.error_class)


def test_a_full_disk_is_transient(folder: Path) -> None:
    """
    A file that cannot be written is our own trouble, and is said to be.
    """
    before, previous = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        found = refusal(folder, lambda _: answer(200, b"x" * (3 << 20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)

    assert ("http.storage", ErrorClass.TRANSIENT) == found


def test_a_folder_that_cannot_be_made_is_transient() -> None:
    """
    The same where not even the folder of the attempt can be made.
    """

    def full() -> Path:
        raise OSError(28, os.strerror(28))

    async def story() -> Failed:
        async with serve(lambda _: answer(200, CSV)) as server, asking(server) as get:
            return failed(await get.invoke(replace(call(url=server.url), folder=full)))

    found = asyncio.run(story())
    assert ("http.storage", ErrorClass.TRANSIENT) == (found.type, found.error_class)
    assert "No space left on device" in found.message


def test_a_large_file_takes_little_memory(folder: Path) -> None:
    """
    A file is written as it comes: 200 MB cost a few.
    """
    size = 200_000_000

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 1_000_000):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
        writer.close()

    async def story() -> Outcome:
        listening = await asyncio.start_server(speak, "127.0.0.1", 0)
        server = Server(listening.sockets[0].getsockname()[1])
        async with asking(server) as get:
            made = replace(call(60, url=server.url), folder=lambda: folder)
            outcome = await get.invoke(made)
        listening.close()
        return outcome

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = asyncio.run(story())
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert isinstance(outcome, Succeeded)
    assert size == outcome.outputs["bytes"]
    assert grown < 50_000_000


def test_a_secret_that_is_echoed_is_not_shown(folder: Path) -> None:
    """
    What an answer says of itself is shown where it is not expected, and no secret with it.
    """
    outcome, _ = fetch(
        folder, lambda seen: answer(200, b"", (f"Content-Type: text/{seen.headers['x-key']}",)),
        headers={"X-Key": "hunter22"}, expect={"media_type": "text/csv"},
    )  # fmt: skip

    assert failed(outcome).message.endswith(
        "expect.media_type is text/csv, and the answer's is text/***"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "ftp://a.example/"},
        {"url": "http://a.example/../x"},
        {"url": "http://a.example/", "max_bytes": 0},
        {"url": "http://a.example/", "max_bytes": 10 * 1024**3 + 1},
        {"url": "http://a.example/", "expect": [1]},
    ],
)
def test_arguments_that_make_no_download(folder: Path, arguments: dict[str, Json]) -> None:
    """
    Nothing is resolved, connected or sent for a download that cannot be right.
    """

    def look_up(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host}:{port} was looked up")

    async def story() -> Failed:
        async with opened(Http(HttpSettings(), look_up), "http.download@1") as get:
            made: Call = replace(call(**arguments), folder=lambda: folder)
            return failed(await get.invoke(made))

    found = asyncio.run(story())
    assert ("http.invalid", ErrorClass.PERMANENT) == (found.type, found.error_class)


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.02, 0.05, 0.1])
def test_a_cancelled_download_ends_at_once(folder: Path, pause: float) -> None:
    """
    Whenever it is cancelled, in the middle of a piece too, it ends by that.
    """

    async def story() -> None:
        async with breaking(LONG, b"x" * 1_999_999, 30) as server, asking(server) as get:
            made = replace(call(url=server.url), folder=lambda: folder)
            task = asyncio.create_task(get.invoke(made))
            await asyncio.sleep(pause)
            task.cancel()
            async with asyncio.timeout(60):
                with pytest.raises(asyncio.CancelledError):
                    await task

    asyncio.run(story())
