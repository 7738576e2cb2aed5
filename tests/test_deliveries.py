"""What is kept of a delivery, what it is known by, and what it leaves alone when it comes again."""

import asyncio
from contextlib import AsyncExitStack
from importlib.resources import files
from uuid import UUID, uuid4

import orjson
import pytest

from engine.core.values import Json
from engine.intake import Delivered, Delivery, Intake, Kind
from engine.intake import intake as committer
from engine.relay import Relay
from engine.store import approvals, deliveries, leases, outbox, views
from engine.store.outbox import Sending
from engine.store.pool import connect
from engine.store.views import Wanted
from tests.holding import come, counting, decisions, leading, make_due, opened, rows, texts
from tests.webhooks.served import activate
from tests.webhooks.test_gates import spec

ONCE = spec()["paid.yaml"].replace("\ninputs:", "\nidempotency: {key: KEY}\ninputs:")
BY_TEXT = {"paid.yaml": ONCE.replace("KEY", '"{{ inputs.text }}"')}
HEARS = """
apiVersion: sark/v1
kind: Workflow
name: hears
triggers:
  paid: {type: event, event: paid, with: {text: "{{ event.data.n }}"}}
idempotency: {key: "{{ inputs.text }}"}
inputs:
  text: {type: string}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.text }}"}}
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a commit take its time: these tests are of what it writes."""
    monkeypatch.setattr(committer, "_PATIENCE", 60.0)
    monkeypatch.setattr(committer, "_ABANDON", 90.0)


def emitted(number: str, identity: UUID | None = None) -> Sending:
    """Return an event from outside as the relay takes it."""
    data: dict[str, Json] = {
        "id": str(identity or uuid4()), "type": "paid", "subject": None, "source": "till",
        "data": {"n": number, "note": "\0"},
    }  # fmt: skip
    return Sending(None, "shop", "emitted", "", data)


async def follow(url: str, *told: Sending) -> None:
    """Let a relay follow what was sent."""
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(await connect(url, "relay"))
        intake = await stack.enter_async_context(opened(url))
        await outbox.send(link, told)
        await Relay(await leases.lead(link, "relay"), intake, None).follow()


def test_a_taken_key_makes_no_run_that_is_told(database_url: str):
    """
    Where the workflow's idempotency key is taken, the sender is told of no run, and the decision
    says which one is in the way.
    """

    async def play() -> list[Delivered]:
        told = {"paid.yaml": ONCE.replace("KEY", "one")}
        await activate(database_url, told, "shop", "shop")
        async with opened(database_url) as intake:
            return [await come(intake, 1), await come(intake, 2)]

    first, second = asyncio.run(play())

    assert [(run,) for run in first.runs] == rows(database_url, "SELECT id FROM runs")
    assert Delivered((), False) == second
    ((said, reason),) = rows(
        database_url, "SELECT said, reason FROM decisions WHERE delivery = 'd-2'"
    )
    assert ("duplicate", f"idempotency.key: run {first.runs[0]} of shop/paid has it") == (
        said,
        reason,
    )


def test_what_comes_together_is_told_of_the_run_of_its_turn(database_url: str):
    """
    Of events that come at once one has the key; the decisions of all others name its run, one of
    another workflow that shares its keys, too.
    """
    shared = ONCE.replace("KEY", "one, scope: namespace, on_duplicate: reject")
    other = HEARS.replace('key: "{{ inputs.text }}"', "key: one, scope: namespace")

    async def play() -> None:
        await activate(database_url, {"paid.yaml": shared, "hears.yaml": other}, "shop", "shop")
        async with opened(database_url) as intake:
            await asyncio.gather(*(come(intake, number) for number in range(6)))
        await follow(database_url, emitted("7"))

    asyncio.run(play())

    ((run,),) = rows(database_url, "SELECT id FROM runs")
    told = rows(
        database_url, "SELECT workflow, said, reason FROM decisions ORDER BY workflow, said"
    )
    reason = f"idempotency.key: run {run} of shop/paid has it"
    duplicates = [("hears", "duplicate", reason), *[("paid", "duplicate", reason)] * 5]
    assert [*duplicates, ("paid", "started", "")] == told


def test_a_key_is_free_again_when_its_time_is_over(database_url: str):
    """
    A start within `ttl` of the run that has the key makes none; the first one after it does, and
    has the key from then on.
    """
    aged = "UPDATE idempotency_keys SET created_at = created_at - %s::interval RETURNING run"

    async def play() -> list[Delivered]:
        told = {"paid.yaml": ONCE.replace("KEY", "one, ttl: 2h")}
        await activate(database_url, told, "shop", "shop")
        async with opened(database_url) as intake:
            made = [await come(intake, 1)]
            rows(database_url, aged, "1 hour")
            made.append(await come(intake, 2))
            rows(database_url, aged, "1 hour")
            return [*made, await come(intake, 3), await come(intake, 4)]

    first, second, third, fourth = asyncio.run(play())

    assert [(*first.runs,), (*third.runs,)] == rows(database_url, "SELECT id FROM runs ORDER BY id")
    assert (Delivered((), False), Delivered((), False)) == (second, fourth)
    assert [(*third.runs,)] == rows(database_url, "SELECT run FROM idempotency_keys")


def test_a_delivery_that_comes_again_takes_no_key(database_url: str):
    """
    A delivery that started nothing, sent again after the spec was mended, still starts nothing,
    and leaves the key to the next delivery.
    """
    deaf = BY_TEXT["paid.yaml"].replace("    with:", "    filter: event.body.k == 'b'\n    with:")

    async def play() -> None:
        await activate(database_url, {"paid.yaml": deaf}, "shop", "shop")
        async with opened(database_url) as intake:
            await come(intake, 1)
            await activate(database_url, BY_TEXT, "shop", "shop")
            await come(intake, 1)
            body = {"n": "1", "k": "a"}
            await intake.deliver(
                Delivery(
                    "shop/paid", "d-2", Kind.WEBHOOK, "shop", orjson.dumps(body),
                    {"id": "d-2", "headers": {}, "body": body},
                    hooks=frozenset({("paid", "hook")}),
                )
            )  # fmt: skip

    asyncio.run(play())

    assert {"d-1": "filtered", "d-2": "started"} == decisions(database_url)
    assert ["1"] == texts(database_url)


def test_a_batch_is_one_more_of_its_longest_chain(database_url: str):
    """
    Events of a chain that wait with others do not begin a new chain: it stays bounded.
    """

    async def play() -> None:
        await activate(database_url, counting(), "shop", "shop")
        async with opened(database_url) as intake, leading(database_url) as fire:
            await _chained(intake, 1, chain=7)
            await _chained(intake, 2, chain=1)
            make_due(database_url)
            await fire(intake)

    asyncio.run(play())

    assert [(7, 7)] == rows(database_url, "SELECT chain, (trigger->>'chain')::int FROM runs")


def test_a_chain_that_is_too_long_spoils_no_batch(database_url: str):
    """
    An event that would make a chain too long is refused when it comes; those that wait start.
    """

    async def play() -> None:
        await activate(database_url, counting(), "shop", "shop")
        async with opened(database_url) as intake, leading(database_url) as fire:
            for number, chain in ((1, 1), (2, 17), (3, 16)):
                await _chained(intake, number, chain)
            make_due(database_url)
            await fire(intake)

    asyncio.run(play())

    assert {"d-1": "started", "d-2": "denied", "d-3": "started"} == decisions(database_url)
    assert ["1+2"] == texts(database_url)


async def _chained(intake: Intake, number: int, chain: int) -> None:
    body = {"n": str(number), "k": "a"}
    await intake.deliver(
        Delivery(
            "shop/paid", f"d-{number}", Kind.WEBHOOK, "shop", orjson.dumps(body),
            {"id": f"d-{number}", "headers": {}, "body": body},
            hooks=frozenset({("paid", "hook")}), chain=chain,
        )
    )  # fmt: skip


def test_a_webhook_takes_no_event_its_name(database_url: str):
    """
    A request to a webhook whose path is `events`, under the id of an event, is not that event.
    """
    identity = uuid4()

    async def play() -> None:
        await activate(database_url, {"hears.yaml": HEARS}, "shop", "shop")
        async with opened(database_url) as intake:
            await intake.deliver(
                Delivery("shop/events", str(identity), Kind.WEBHOOK, "shop", b"{}", {})
            )
        await follow(database_url, emitted("1", identity))

    asyncio.run(play())

    assert ["1"] == texts(database_url)


def test_an_event_that_was_delivered_before_the_upgrade(database_url: str):
    """
    An event that the version before has delivered and not yet forgotten starts nothing again.
    """
    identity, text = uuid4(), (files("engine.store") / "migrations/0017_deliveries.sql").read_text()

    async def play() -> None:
        await activate(database_url, {"hears.yaml": HEARS}, "shop", "shop")
        rows(database_url, "INSERT INTO deliveries VALUES ('shop/events', %s, 'paid', '{}')",
             str(identity))  # fmt: skip
        rows(database_url, "DROP INDEX deliveries_by_time")
        async with await connect(database_url, "test") as link:
            await outbox.send(link, [emitted("1", identity)])
            await link.execute(text.encode())
        await follow(database_url, emitted("2"))

    asyncio.run(play())

    assert ["2"] == texts(database_url)


def test_an_event_that_cannot_start_its_run_holds_up_no_other(database_url: str):
    """
    An event whose idempotency key would hold a NUL is an `error`; the one behind it starts.
    """

    async def play() -> None:
        await activate(database_url, {"hears.yaml": HEARS}, "shop", "shop")
        await follow(database_url, emitted("a\0"), emitted("2"))

    asyncio.run(play())

    assert ["2"] == texts(database_url)
    assert [("error", "idempotency.key gave a text with a NUL in it"), ("started", "")] == rows(
        database_url, "SELECT said, reason FROM decisions ORDER BY id"
    )


def test_old_deliveries_are_forgotten(database_url: str):
    """
    After 30 days a delivery goes with its decisions, so many at once at most; one that waits
    still, or is the first of a key that counts, stays.
    """
    dedupes = spec('dedupe: {key: "{{ event.body.k }}", window: 90d}')

    async def play() -> list[int]:
        told = []
        async with opened(database_url) as intake, await connect(database_url, "test") as link:
            await activate(database_url, dedupes, "shop", "shop")
            await come(intake, 1, "counts")
            await activate(database_url, counting(), "shop", "shop")
            await come(intake, 2, "waits")
            await activate(database_url, spec(), "shop", "shop")
            for number in (3, 4, 5):
                await come(intake, number)
            rows(database_url, "UPDATE deliveries SET received_at = now() - interval '31 days'"
                               " WHERE delivery <> 'd-5'")  # fmt: skip
            for _ in range(2):
                await deliveries.sweep(link, 1)
                ((count,),) = rows(database_url, "SELECT count(*) FROM deliveries")
                told.append(count)
            await deliveries.sweep(link)
        return told

    assert [4, 3] == asyncio.run(play())
    assert {"d-1": "started", "d-2": "held", "d-5": "started"} == decisions(database_url)


def test_a_start_that_may_be_made_again_is_not_forgotten(database_url: str):
    """
    A start that a schedule still has to note keeps its name, however long nobody led.
    """
    rows(
        database_url,
        "INSERT INTO deliveries VALUES ('shop:schedule', 'a/b/1', 'schedule', '{}',"
        " '2020-01-01'), ('shop:schedule', 'a/c/1', 'schedule', '{}', '2020-01-01')",
    )
    rows(database_url, "INSERT INTO schedules VALUES ('shop', 'a', 'b', '', now(), now(),"
                       " ARRAY[now()]), ('shop', 'a', 'c', '', now(), now(), '{}')")  # fmt: skip

    async def sweep() -> None:
        async with await connect(database_url, "test") as link:
            await deliveries.sweep(link)

    asyncio.run(sweep())

    assert [("a/b/1",)] == rows(database_url, "SELECT delivery FROM deliveries")


def test_a_nul_that_came_in_hides_nothing(database_url: str):
    """
    A run whose event or error holds a NUL is listed with its type of error, and its approvals
    know who has started it.
    """

    async def play() -> tuple[str | None, str | None]:
        await activate(database_url, spec(), "shop", "shop")
        async with opened(database_url) as intake, await connect(database_url, "test") as link:
            (run,) = (await come(intake, 1)).runs
            rows(database_url, """UPDATE runs SET
                error = '{"detail": "a\\u0000\\\\\\u0000", "type": "acme.no"}',
                trigger = '{"event": "\\u0000", "actor": "token:ann"}'""")  # fmt: skip
            (line,) = await views.runs(link, Wanted(["shop"]), None, 9)
            return line.error_type, await approvals.initiator(link, run)

    assert ("acme.no", "token:ann") == asyncio.run(play())
