"""The examples at work: the real engine and its adapters, and small servers for all they call.

Of a spec's text only hosts and short pauses are changed, so that its servers are on loopback and
nobody waits; what takes days is waited for by a clock that is put forward.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from engine.artifacts import Artifacts
from engine.core.plan import Plan
from engine.core.values import Json
from engine.core.whole import WholeRun
from engine.executor import Executor
from engine.guard import guarding
from engine.operations import catalogue, open_operations
from engine.secrets import Secrets
from engine.settings import Settings
from engine.source import Beside, File, compile_files
from engine.store import approvals, inbox, outbox
from engine.store.approvals import Approval
from engine.store.inbox import Telling
from engine.store.outbox import Sending
from engine.store.starts import NewRun
from policies.authorizer import Authorizer
from tests.adapters.servers import Handler, Server, serve
from tests.heart import House, house, owning, performing
from tests.test_relay import relaying
from tests.webhooks.served import put_active

SPECS = Path(__file__).parents[2] / "specs"
COMMIT = "c0ffee" * 6 + "c0ff"
PATIENCE = 60.0
_HOST = re.compile(r"https://([a-z0-9]+)\.acme\.internal")
_QUICK = (("initial: [0-9]+[sm]", "initial: 10ms"), ("every: [0-9]+s", "every: 10ms"))


@dataclass
class Clock:
    """A clock that goes as ours does, and can be put forward."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    """All that is there while an example runs."""

    here: House
    server: Server
    plans: Mapping[str, Plan]
    clock: Clock = field(default_factory=Clock)

    async def start(self, workflow: str, inputs: Mapping[str, Json], event: Json = None) -> UUID:
        """Start a run as the intake does, and return its id."""
        trigger: Json = {"id": "test", "type": "api", "kind": "api", "event": event or {}}
        made = self.plans[workflow]
        terms = WholeRun(made).terms(inputs, trigger)
        group = None if terms.group is None else f"local:{terms.group}"
        run = NewRun(uuid7(), "local", workflow, "", COMMIT, made.digest, trigger, inputs,
                     priority=terms.priority, fair_key=terms.fair_key, group=group,
                     rules=terms.rules)  # fmt: skip
        await self.here.keep(made)
        cursor = await self.here.connection.execute("SELECT number FROM activation")
        for (number,) in await cursor.fetchall():
            assert await self.here.starts.write(number, [run]) is not None
        return run.id

    async def emit(self, kind: str, data: Json) -> None:
        """Let an event come in from outside."""
        event: Json = {"id": str(uuid4()), "type": kind, "source": "test", "data": data}
        await outbox.send(self.here.connection, [Sending(None, "local", "emitted", "", event)])

    async def asked(self, run: UUID) -> Approval:
        """Return the one decision that people are asked for."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await approvals.listed(self.here.connection, run, 9)):
                await asyncio.sleep(0.01)
        return found[0]

    async def decide(self, run: UUID, approved: bool = True, **form: Json) -> None:
        """Answer what people are asked for."""
        asked = await self.asked(run)
        digest = str(asked.body["asked"])
        data: Json = {"by": "ann", "approved": approved, "asked": digest, "form": form, "note": ""}
        async with self.here.connection.transaction():
            told = [Telling(run, "decided", asked.path, digest, data)]
            await inbox.tell(self.here.connection, told)

    async def pass_time(self, run: UUID, by: timedelta) -> None:
        """Put the clock forward once a run waits and nobody owns it any more."""
        await self.until(run, "waiting")
        async with asyncio.timeout(PATIENCE):
            while (await self.here.row(run))["owner"] is not None:
                await asyncio.sleep(0.01)
        self.clock.ahead += by
        due = "UPDATE runs SET due_at = wake_at - %s WHERE id = %s"
        await self.here.connection.execute(due, (self.clock.ahead, run))

    async def until(self, run: UUID, *statuses: str) -> str:
        return await self.here.until(run, *statuses, patience=PATIENCE)

    async def ended(self, run: UUID) -> Mapping[str, Any]:
        """Return the row of a run once it has ended."""
        await self.until(run, "succeeded", "failed", "cancelled", "compensated")
        return await self.here.row(run)

    async def events(self) -> list[tuple[str, Any]]:
        """Return the type and data of every event that was kept, oldest first."""
        async with asyncio.timeout(PATIENCE):
            while await outbox.take(self.here.connection, 1):
                await asyncio.sleep(0.01)
        cursor = await self.here.connection.execute("SELECT type, data FROM events ORDER BY at, id")
        return [(row[0], row[1]) for row in await cursor.fetchall()]

    def calls(self, start: str = "") -> list[str]:
        """Return method and target of every request that came, those below `start` alone."""
        told = [f"{each.method} {each.target}" for each in self.server.seen]
        return [each for each in told if each.partition(" ")[2].startswith(start)]


def compiled(change: Callable[[str], str]) -> Mapping[str, Plan]:
    """Return the plans of all specs, each text changed; there must be no finding."""
    found = {str(each.relative_to(SPECS)): each.read_text() for each in SPECS.rglob("*.*")
             if each.is_file()}  # fmt: skip
    specs = [File(path, "", change(text).encode()) for path, text in found.items()
             if path.endswith(".yaml")]  # fmt: skip
    beside = Beside({path: File(path, path, text.encode()) for path, text in found.items()})
    made = compile_files(specs, catalogue(), beside=beside)

    assert [] == made.diagnostics
    return made.plans


@asynccontextmanager
async def world(
    url: str, folder: Path, handler: Handler, secrets: Mapping[str, str],
    adapters: Mapping[str, Any] | None = None, change: Callable[[str], str] = str,
) -> AsyncIterator[World]:  # fmt: skip
    """Give a world in which `https://x.acme.internal/y` is `/x/y` of one server.

    URL in a secret or setting is the server's. `adapters` are settings beside those of http;
    `change` is done to the specs' texts too.
    """
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve(handler))
        told = Settings.model_validate({
            "state": folder, "secrets": {"local": _written(folder, secrets, server.url)},
            "adapters": {"http": {"allow_hosts": ["127.0.0.1"]}, **_at(adapters or {}, server.url)},
        })  # fmt: skip
        plans = compiled(lambda text: change(_brought_home(text, server.url)))
        await put_active(url, plans.values(), COMMIT, "local", "examples")
        made = World(await stack.enter_async_context(house(url)), server, plans)
        operations = await stack.enter_async_context(open_operations(told.adapters, url))
        guard = await stack.enter_async_context(guarding(url))
        works = Executor(operations, Authorizer(), Secrets(told), Artifacts(folder / "artifacts"),
                         guard=guard)  # fmt: skip
        await stack.enter_async_context(owning(url, clock=made.clock, hears=True, made=works))
        await stack.enter_async_context(performing(url, pools=None, made=works))
        await stack.enter_async_context(relaying(url))
        yield made


def _written(folder: Path, secrets: Mapping[str, str], url: str) -> dict[str, str]:
    """Write secrets into files; return where each is to be had."""
    for name, value in secrets.items():
        (folder / name).write_text(value.replace("URL", url))
    return {name: f"file:{folder / name}" for name in secrets}


def _at(adapters: Mapping[str, Any], url: str) -> Any:
    return json.loads(json.dumps(adapters).replace("URL", url))


def _brought_home(text: str, url: str) -> str:
    for pattern, quick in _QUICK:
        text = re.sub(pattern, quick, text)
    return _HOST.sub(rf"{url}/\1", text)
