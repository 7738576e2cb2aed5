"""What a worker and a controller tell of themselves, on ports of their own."""

import asyncio
import http.client
import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Misconfigured
from engine.health import Health
from engine.probe import FOLDER, listed, probing
from engine.settings import Settings

WELL = Health({"database": ""}, {"broker": ""}, {"duties": {"relay": "leads"}})
SLOW = Health({"database": ""}, {"broker": "Redis does not answer"})
ILL = Health({"database": "PostgreSQL does not answer"}, {"broker": "Redis does not answer"})


def settings(state: Path, port: int | None = 0) -> Settings:
    return Settings.model_validate({"state": state, "telemetry": {"port": port}})


def target(state: Path) -> tuple[str, int]:
    (file,) = (state / FOLDER).glob("*.json")
    ((told,), labels) = (json.loads(file.read_text())[0][key] for key in ("targets", "labels"))
    assert {"process": "worker"} == labels
    host, _, port = told.rpartition(":")
    return host, int(port)


def probed(state: Path, health: Health, ask: Callable[[str, int], Any]) -> Any:
    """Return what `ask` makes of a probe's address, asked in a thread of its own."""

    async def tell() -> Health:
        return health

    async def story() -> Any:
        async with probing(settings(state), "worker", tell):
            return await asyncio.to_thread(ask, *target(state))

    return asyncio.run(story())


def get(path: str, method: str = "GET") -> Callable[[str, int], tuple[int, Mapping[str, str], str]]:
    def ask(host: str, port: int) -> tuple[int, Mapping[str, str], str]:
        link = http.client.HTTPConnection(host, port, timeout=60)
        link.request(method, path)
        answer = link.getresponse()
        told = dict(answer.getheaders()), answer.read().decode()
        link.close()
        return answer.status, *told

    return ask


@pytest.mark.parametrize(
    ("health", "status", "word", "pause"),
    [(WELL, 200, "ready", None), (SLOW, 200, "degraded", None), (ILL, 503, "unready", "1")],
)
def test_how_it_is(tmp_path: Path, health: Health, status: int, word: str, pause: str | None):
    """
    Ready, slower, or not ready: with a status that a balancer reads, reasons, and a time to ask
    again.
    """
    code, headers, body = probed(tmp_path, health, get("/readyz"))
    told = json.loads(body)

    assert [status, word, pause] == [code, told["status"], headers.get("Retry-After")]
    assert [each for each in health.reasons if each not in body] == []
    assert "worker" == told["process"]
    assert health is not WELL or told["duties"] == {"relay": "leads"}


def test_what_it_has_counted(tmp_path: Path):
    """
    Metrics are told in Prometheus' text format, and that it is alive.
    """
    code, headers, body = probed(tmp_path, WELL, get("/metrics"))

    assert 200 == code
    assert headers["Content-Type"].startswith("text/plain")
    assert "sark_owned_runs " in body
    assert 200 == probed(tmp_path, ILL, get("/livez"))[0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("POST", "/metrics", 405), ("HEAD", "/metrics", 200)],
)
def test_nothing_else_is_answered(tmp_path: Path, method: str, path: str, status: int):
    """
    Another address is 404, another method 405.
    """
    code, _, body = probed(tmp_path, WELL, get(path, method))

    assert status == code
    assert len(body) < 3


@pytest.mark.parametrize(
    "sent", [b"x" * 100_000, b"GET /livez HTTP/1.1\r\n" * 5_000, b"\0" * 9_000 + b"\r\n\r\n", b""]
)
def test_who_floods_it_hears_nothing(tmp_path: Path, sent: bytes):
    """
    A head without an end is not read on, and the next request is answered.
    """

    def flood(host: str, port: int) -> tuple[bytes, int]:
        told = b""
        with socket.create_connection((host, port), timeout=60) as link:
            try:
                link.sendall(sent)
                link.shutdown(socket.SHUT_WR)
                told = link.recv(100)
            except OSError:
                pass
        return told, get("/livez")(host, port)[0]

    told, status = probed(tmp_path, WELL, flood)

    assert told[:13] in (b"", b"HTTP/1.1 404 ", b"HTTP/1.1 405 ")
    assert 200 == status


def test_no_more_than_a_few_are_held(tmp_path: Path):
    """
    A hundred connections that say nothing keep nobody else from asking for long.
    """

    def hold(host: str, port: int) -> int:
        held = [socket.create_connection((host, port), timeout=60) for _ in range(100)]
        for each in held[40:]:
            assert b"" == each.recv(1)
        for each in held:
            each.close()
        while True:
            try:
                return get("/livez")(host, port)[0]
            except (OSError, http.client.HTTPException):
                continue

    assert 200 == probed(tmp_path, WELL, hold)


def test_a_process_is_listed_while_it_lives(tmp_path: Path):
    """
    Its address lies in the state folder until it ends; what a dead one left is removed.
    """
    folder = tmp_path / FOLDER
    folder.mkdir()
    dead = folder / f"worker-{socket.gethostname()}-{2**22 + 1}.json"
    other = folder / "worker-elsewhere-1.json"
    for each in (dead, other):
        each.write_text("[]")
    with listed(tmp_path, "controller", "127.0.0.1:1"):
        during = {each.name.split("-")[0] for each in folder.iterdir()}

    assert {"worker", "controller"} == during
    assert [other] == list(folder.iterdir())


def test_a_state_folder_that_cannot_be_written_is_no_hindrance(tmp_path: Path):
    """
    The process works all the same; only nobody is told of its address.
    """
    (tmp_path / FOLDER).write_text("in the way")
    with listed(tmp_path, "worker", "127.0.0.1:1"):
        pass

    assert "in the way" == (tmp_path / FOLDER).read_text()


def test_without_a_port_nothing_is_opened(tmp_path: Path):
    """
    A process that was told of no port opens none.
    """

    async def story() -> None:
        async with probing(settings(tmp_path, None), "worker", _never):
            assert not (tmp_path / FOLDER).exists()

    asyncio.run(story())


def test_a_port_that_is_taken_is_named(tmp_path: Path):
    """
    Where somebody listens already the process does not start, and says how to go on.
    """

    async def story(port: int) -> None:
        async with probing(settings(tmp_path, port), "worker", _never):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=rf"port {port} .*SARK_TELEMETRY__PORT"):
            asyncio.run(story(port))


async def _never() -> Health:
    raise AssertionError("nobody asks")
