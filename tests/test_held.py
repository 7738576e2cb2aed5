"""Events that wait for others, and the runs that they start together, with a real PostgreSQL."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from engine.core.trigger import ledger
from engine.intake import Delivered, Fire
from engine.intake import intake as committer
from engine.relay import Relay
from engine.store import gates as held
from engine.store import leases
from engine.store.pool import connect
from policies.facts import Action, Actor, Resource, Verdict
from tests.holding import (
    DEBOUNCE,
    Rung,
    come,
    counting,
    decisions,
    leading,
    make_due,
    opened,
    played,
    rows,
    texts,
)
from tests.webhooks.served import activate
from tests.webhooks.test_gates import spec


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a commit take its time: these tests are of what it writes."""
    monkeypatch.setattr(committer, "_PATIENCE", 60.0)
    monkeypatch.setattr(committer, "_ABANDON", 90.0)


def test_of_a_burst_the_last_starts_a_run(database_url: str):
    """
    Of three events one run comes, with what the last one brought; the others say which took
    their place, and the last one, sent again, names the run.
    """
    played(database_url, DEBOUNCE, 1, 2, 3)

    async def again() -> Delivered:
        async with opened(database_url) as intake:
            return await come(intake, 3)

    assert ["3"] == texts(database_url)
    told = {"d-1": "superseded", "d-2": "superseded", "d-3": "started"}
    assert told == decisions(database_url)
    ((run, about),) = rows(database_url, "SELECT id, trigger FROM runs")
    assert Delivered((run,), True) == asyncio.run(again())
    assert ("hook", "d-3") == (about["id"], about["delivery"])
    assert [] == rows(database_url, "SELECT 1 FROM held")


def test_a_batch_is_read_by_one_run(database_url: str):
    """
    Events of a key go together as `event.items`, in the order in which they came.
    """
    played(database_url, counting(), 1, 2)

    ((run, event),) = rows(database_url, "SELECT id, trigger->'event' FROM runs")
    assert ["1", "2"] == [each["body"]["n"] for each in event["items"]]
    assert {(run, "started")} == set(rows(database_url, "SELECT run_id, said FROM decisions"))
    reasons = rows(database_url, "SELECT DISTINCT reason FROM decisions")
    assert [("one of 2 events that one run reads",)] == reasons


def test_a_full_batch_goes_at_once(database_url: str):
    """
    The event that fills a batch rings for the relay; the next one begins another.
    """
    bell = Rung()

    async def play() -> None:
        await activate(database_url, counting(), "shop", "shop")
        async with opened(database_url, bell=bell) as intake, leading(database_url) as fire:
            for number in range(5):
                await come(intake, number)
            assert 1 == bell.relay
            pause = await fire(intake)
            assert pause is not None
            assert timedelta(minutes=30) < pause < timedelta(hours=1)

    asyncio.run(play())

    assert ["0+3"] == texts(database_url)
    assert [("a", 2)] == rows(database_url, "SELECT key, count(*) FROM held GROUP BY key")


def test_a_bunch_that_is_not_due_stays(database_url: str):
    """
    Who asks too early, as after a later event has come, starts nothing.
    """

    async def play() -> Delivered:
        await activate(database_url, DEBOUNCE, "shop", "shop")
        async with opened(database_url) as intake:
            await come(intake, 1)
            ((bunch,),) = rows(database_url, "SELECT bunch FROM held")
            return await intake.fire(Fire("shop", "paid", "hook", bunch))

    assert Delivered((), True) == asyncio.run(play())
    assert {"d-1": "held"} == decisions(database_url)


def changed(url: str, before: Mapping[str, str], after: Mapping[str, str], *numbers: int) -> None:
    """Let events come, another commit become active, and then what waits go."""

    async def play() -> None:
        await activate(url, before, "shop", "shop")
        async with opened(url) as intake, leading(url) as fire:
            for number in numbers:
                await come(intake, number)
            await activate(url, after, "shop", "shop")
            make_due(url)
            await fire(intake)

    asyncio.run(play())


OTHER = {"other.yaml": spec()["paid.yaml"].replace("name: paid", "name: other")}
RENAMED = {"paid.yaml": spec()["paid.yaml"].replace("  hook:", "  crook:")}


@pytest.mark.parametrize("after", [OTHER, RENAMED])
def test_a_trigger_that_has_gone_starts_nothing(database_url: str, after: Mapping[str, str]):
    """
    If the workflow or its trigger is gone by then, the event says so and waits no more.
    """
    changed(database_url, DEBOUNCE, after, 1)

    ((said, reason),) = rows(database_url, "SELECT said, reason FROM decisions")
    assert ("unmatched", "the trigger has gone while the event was held") == (said, reason)
    assert [] == texts(database_url)
    assert [] == rows(database_url, "SELECT 1 FROM held")


def test_the_plan_of_the_moment_counts(database_url: str):
    """
    What is active when a bunch goes decides: another `with`, and whether all or the last count.
    """
    changed(database_url, counting(), spec("", "new {{ event.body.n }}"), 1, 2)

    assert ["new 1", "new 2"] == texts(database_url)
    assert {"d-1": "started", "d-2": "started"} == decisions(database_url)


def test_a_batch_that_became_a_debounce(database_url: str):
    """
    Of events that were gathered, the last counts if the trigger says so by now.
    """
    changed(database_url, counting(), DEBOUNCE, 1, 2)

    assert ["2"] == texts(database_url)
    assert {"d-1": "superseded", "d-2": "started"} == decisions(database_url)


def test_what_errs_when_it_goes_is_dead_lettered(database_url: str):
    """
    A `with` that errs then leaves an error with its reason, and nothing waits for ever.
    """
    played(database_url, spec("debounce: {for: 1h, max_wait: 1h}", "{{ event.body.nothing }}"), 1)

    ((said, reason),) = rows(database_url, "SELECT said, reason FROM decisions")
    assert ("error", True) == (said, "nothing" in reason)
    assert [] == texts(database_url)
    assert [] == rows(database_url, "SELECT 1 FROM held")


class Deny:
    """A policy that allows nothing."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict:
        return Verdict(False, f"{actor.id} may not {action.name}")


def test_a_policy_is_asked_when_it_goes(database_url: str):
    """
    What may not start then is denied.
    """
    played(database_url, DEBOUNCE, 1, policy=Deny())

    assert [("denied", "shop/paid may not run.start")] == rows(
        database_url, "SELECT said, reason FROM decisions"
    )


def test_a_key_of_the_workflow_counts_when_it_goes(database_url: str):
    """
    Where the workflow's idempotency key is taken by then, the event is a duplicate, and its
    decision names the run.
    """
    text = DEBOUNCE["paid.yaml"].replace("\ninputs:", "\nidempotency: {key: one}\ninputs:")

    async def play() -> None:
        await activate(database_url, {"paid.yaml": text}, "shop", "shop")
        async with opened(database_url) as intake, leading(database_url) as fire:
            for number, key in enumerate("ab"):
                await come(intake, number, key)
                make_due(database_url)
                await fire(intake)

    asyncio.run(play())

    assert {"d-0": "started", "d-1": "duplicate"} == decisions(database_url)
    ((run, text),) = rows(database_url, "SELECT id, inputs->>'text' FROM runs")
    assert "0" == text
    assert [("",), (f"idempotency.key: run {run} of shop/paid has it",)] == rows(
        database_url, "SELECT reason FROM decisions ORDER BY delivery"
    )


def test_no_more_wait_than_may(database_url: str, monkeypatch: pytest.MonkeyPatch):
    """
    Once as many of a trigger wait as may, the next is limited and says so.
    """
    monkeypatch.setattr(ledger, "MOST_HELD", 2)

    async def play() -> None:
        await activate(database_url, DEBOUNCE, "shop", "shop")
        async with opened(database_url) as intake:
            for number, key in enumerate("abcb"):
                await come(intake, number, key)

    asyncio.run(play())

    told = {"d-0": "held", "d-1": "superseded", "d-2": "limited", "d-3": "held"}
    assert told == decisions(database_url)


def test_the_relay_lets_go_what_is_due(database_url: str):
    """
    The relay's leader starts the run once it has been quiet, with nobody who asks.
    """

    async def play() -> None:
        quick = spec('debounce: {key: "{{ event.body.k }}", for: 200ms}')
        await activate(database_url, quick, "shop", "shop")
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(await connect(database_url, "relay"))
            intake = await stack.enter_async_context(opened(database_url))
            relay = Relay(await leases.lead(connection, "relay"), intake, None)
            task = asyncio.create_task(relay.serve(asyncio.Event()))
            await come(intake, 1)
            await come(intake, 2)
            async with asyncio.timeout(60):
                while rows(database_url, "SELECT 1 FROM held"):
                    await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())

    assert "2" == texts(database_url)[-1]


def test_old_keys_are_forgotten(database_url: str):
    """
    Keys and uses that hold nothing back are swept away; those that still count stay.
    """

    async def play() -> None:
        told = spec('dedupe: {key: "{{ event.body.k }}"}\nrate: {limit: 9, per: 1h}')
        await activate(database_url, told, "shop", "shop")
        async with opened(database_url) as intake, await connect(database_url, "test") as link:
            await come(intake, 1, "a")
            await come(intake, 2, "b")
            rows(database_url, "UPDATE dedupe_keys SET expires_at = '2020-01-01' WHERE key = 'a'")
            rows(database_url, "UPDATE trigger_rates SET idle_at = '2020-01-01'")
            await held.sweep(link)

    asyncio.run(play())

    assert [("b",)] == rows(database_url, "SELECT key FROM dedupe_keys")
    assert [] == rows(database_url, "SELECT 1 FROM trigger_rates")
