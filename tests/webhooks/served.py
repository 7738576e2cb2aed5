"""A server of the edge on loopback, with specs made active as the reconciler does it."""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
import psycopg

from engine import operations
from engine.core.codec import encode
from engine.core.plan import FORMAT, Plan
from engine.core.trigger import followed
from engine.settings import Settings
from engine.source import File, compile_files
from engine.store import leases, plans, sources, workflows
from engine.store.plans import StoredPlan
from engine.store.pool import connect
from engine.store.workflows import Activation, Active
from policies.authorizer import Authorizer
from webhooks.serve import Server, _listen, opened

SECRET = "a-secret-of-the-test"
OLD_SECRET = "an-older-secret-of-it"
PAYLOADS = Path(__file__).parent / "payloads"
POLICY = Authorizer()


def settings(state: Path, database: str, redis: str | None, **more: Any) -> Settings:
    """Return settings with one source `shop`, whose secrets lie in files."""
    for name, text in (("now", SECRET), ("old", OLD_SECRET)):
        (state / name).write_text(text)
    now, old = f"file:{state / 'now'}", f"file:{state / 'old'}"
    source = {
        "name": "shop",
        "namespace": "shop",
        "url": str(state),
        "webhook_secrets": (now, old),
    }
    told: dict[str, Any] = {
        "state": state / "state",
        "database_url": database,
        "redis_url": redis,
        "sources": (source, {**source, "name": "quiet", "webhook_secrets": ()}),
        "secrets": {"shop": {"hook": now, "hook_old": old}},
        **more,
    }
    return Settings.model_validate(told)


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A server in a thread of its own. Use it as a context."""

    settings: Settings
    policy: Authorizer = POLICY
    port: int = 0
    token: str = ""
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _server: Server | None = None

    def __enter__(self) -> "Served":
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)
        self.token = (self.settings.state / "token").read_text().strip()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.leave()
        self._thread.join(20)

    async def _serve(self) -> None:
        listener = _listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        async with opened(self.settings, self.policy) as doors:
            self._server = Server(doors)
            serving = asyncio.create_task(self._server.serve([listener]))
            while not self._server.started:
                await asyncio.sleep(0.005)
            self._ready.set()
            await serving

    def activate(
        self, files: Mapping[str, str], namespace: str = "shop", source: str = "shop"
    ) -> str:
        """Make these specs the active ones, and return the commit's name."""
        return asyncio.run(activate(str(self.settings.database_url), files, namespace, source))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request on a connection of its own; pieces of a body as chunks."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            link.request(method, path, body, dict(headers or {}))
            answer = link.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            link.close()

    def api(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a request to the API with the token."""
        told = {"Authorization": f"Bearer {self.token}"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            data, told["Content-Type"] = orjson.dumps(body), "application/json"
        return self.send(method, f"/api/v1{path}", data, told)

    def push(self, body: bytes, delivery: str = "", secret: str = SECRET, source: str = "shop",
             **headers: str) -> Answer:  # fmt: skip
        """Post a body as GitHub does."""
        told = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-Hub-Signature-256": f"sha256={sign(body, secret)}",
        }
        if delivery:
            told["X-GitHub-Delivery"] = delivery
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", f"/hooks/github/{source}", body, told)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, read straight from the database."""
        with psycopg.connect(str(self.settings.database_url)) as connection:
            done = connection.execute(statement.encode(), values)
            return done.fetchall() if done.description else []

    def raw(self, data: bytes, patience: float = 30) -> bytes:
        """Send bytes as they are and return what comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as link:
            link.sendall(data)
            told = b""
            try:
                while chunk := link.recv(65536):
                    told += chunk
            except TimeoutError:
                told += b"<open>"
            return told


@contextmanager
def behind(url: str) -> Iterator[None]:
    """Be a worker and a controller, as far as PostgreSQL can see, while the context lasts."""
    with ExitStack() as stack:
        worker = stack.enter_context(psycopg.connect(url, autocommit=True))
        row = worker.execute(
            "INSERT INTO workers (pool, host, pid, backend)"
            " VALUES ('default', 'here', 1, pg_backend_pid()) RETURNING id"
        ).fetchone()
        assert row is not None
        worker.execute("SELECT pg_advisory_lock(7318, %s)", row)
        leader = stack.enter_context(psycopg.connect(url, autocommit=True))
        for duty in leases.DUTIES:
            leader.execute("SELECT pg_advisory_lock(7319, %s)", [crc32(duty.encode()) & 0x7FFFFFFF])
        yield
        worker.execute("DELETE FROM workers WHERE id = %s", row)


def are_open(port: int, links: Sequence[socket.socket]) -> bool:
    """True if a server's end of any of these connections is open, as the kernel has it."""
    ours = {(port, each.getsockname()[1]) for each in links}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, state, *_ = line.split()
        ends = tuple(int(each.rpartition(":")[2], 16) for each in (here, there))
        if state == "01" and ends in ours:
            return True
    return False


async def activate(url: str, files: Mapping[str, str], namespace: str, source: str) -> str:
    """Compile files and activate them in one transaction."""
    told = [File(path, "", text.encode()) for path, text in files.items()]
    compiled = compile_files(told, operations.catalogue({}))
    errors = [each for each in compiled.diagnostics if each.severity == "error"]
    assert [] == errors
    commit = hashlib.sha1("".join(files.values()).encode(), usedforsecurity=False).hexdigest()
    await put_active(url, compiled.plans.values(), commit, namespace, source)
    return commit


async def put_active(
    url: str, made: Iterable[Plan], commit: str, namespace: str, source: str
) -> None:
    """Make these plans the active ones of a source, in one transaction."""
    told = list(made)
    async with await connect(url, "test") as connection, connection.transaction():
        declared = {
            "name": source,
            "namespace": namespace,
            "environment": "test",
            "url": "https://u:hidden@git.example/shop",
            "ref": "refs/heads/main",
            "root": ".",
            "verify": "none",
        }
        await sources.declare(connection, declared)
        row = await sources.read(connection, source)
        assert row is not None
        stored = [StoredPlan(each.digest, FORMAT, encode(each)) for each in told]
        await plans.insert(connection, stored)
        active = [
            Active(namespace, each.name, source, commit, each.digest, each.file, each.title)
            for each in told
        ]
        kept = {each.name for each in active}
        before = await workflows.all_of(connection, namespace)
        gone = [each.name for each in before if each.source == source and each.name not in kept]
        follows = [(each.name, name) for each in told for name in sorted(followed(each.triggers))]
        wanted = Activation(namespace, source, row.active, commit, active, gone, follows)
        assert await workflows.activate(connection, wanted)


def sign(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def standard(body: bytes, secret: str = SECRET, identity: str = "msg_1", at: float | None = None,
             ) -> dict[str, str]:  # fmt: skip
    """Return the headers of a Standard Webhooks request."""
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), f"{identity}.{stamp}.".encode() + body, "sha256").digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(made).decode()}",
    }


def payload(name: str) -> bytes:
    """Return one of GitHub's example payloads."""
    return (PAYLOADS / f"{name}.json").read_bytes()
