"""What a schedule starts: a clock that the test sets, real PostgreSQL, leaders that die."""

import asyncio
from datetime import datetime

import pytest

from tests.clockwork import DAY, HOUR, MINUTE, NIGHTLY, START, Away, Story, scheduling
from tests.webhooks.served import activate


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def test_a_run_starts_when_it_is_time(database_url: str) -> None:
    """
    Nothing starts a second too early; then one run starts, and knows for when it is.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate()
        await made.look()
        await made.look(utc("2026-03-28T01:29:59"))

        assert [] == made.runs()

        for _ in range(3):
            await made.look(utc("2026-03-28T01:30:00"))
        ((trigger, inputs),) = made.rows("SELECT trigger, inputs FROM runs")

        assert {
            "id": "nightly", "type": "schedule", "kind": "schedule", "event": {},
            "scheduled_at": "2026-03-28T02:30:00+01:00",
            "interval": {
                "start": "2026-03-27T02:30:00+01:00", "end": "2026-03-28T02:30:00+01:00",
            },
            "delivery": "load/nightly/2026-03-28T01:30:00Z",
        } == trigger  # fmt: skip
        assert {"day": "2026-03-27", "kind": "schedule"} == inputs
        assert [("load/nightly/2026-03-28T01:30:00Z", "started", "")] == made.decisions()

    asyncio.run(story())


def test_the_odd_nights_have_one_run(database_url: str) -> None:
    """
    On the night without a half past two there is one run, right after; on the night with two of
    them as well, and the days that they are for follow each other.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "30 2 * * *", timezone: Europe/Oslo, overlap: allow')
        await made.look()
        await made.pass_time(START + 3 * DAY)
        made.clock.now = utc("2026-10-23T12:00:00")
        await made.activate(
            'cron: "30 2 * * *", timezone: Europe/Oslo, overlap: allow, misfire: all'
        )
        await made.look()
        await made.pass_time(made.clock.now + 3 * DAY)
        days = [day for (day,) in made.rows("SELECT inputs ->> 'day' FROM runs ORDER BY id")]

        assert [
            "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00",
        ] == made.runs()[:3]  # fmt: skip
        assert [
            "2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00",
        ] == made.runs()[-3:]  # fmt: skip
        assert ["2026-03-27", "2026-03-28", "2026-03-29"] == days[:3]
        assert ["2026-10-23", "2026-10-24", "2026-10-25"] == days[-3:]

    asyncio.run(story())


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("overlap", ["allow", "queue", "skip", "cancel_running"])
def test_a_leader_that_dies_starts_nothing_twice(
    database_url: str, before: bool, overlap: str
) -> None:
    """
    Wherever the controller dies, the next one starts what is not yet started, and nothing else.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate(f'cron: "0 * * * *", misfire: skip, overlap: {overlap}')
        await made.look()
        made.clock.now = START + HOUR
        await made.dies(before)
        for minutes in (0, 1, 30):
            await made.look(START + HOUR + minutes * MINUTE)

        assert ["2026-03-27T13:00:00+00:00"] == made.runs()
        assert [("load/nightly/2026-03-27T13:00:00Z", "started", "")] == made.decisions()

        made.ended()
        await made.look(START + 2 * HOUR)

        assert ["2026-03-27T13:00:00+00:00", "2026-03-27T14:00:00+00:00"] == made.runs()

    asyncio.run(story())


def test_two_that_both_believe_to_lead_start_one_run(database_url: str) -> None:
    """
    A leader that was frozen and goes on beside its successor doubles nothing.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate("every: 1h, overlap: allow")
        await made.look()
        async with (
            scheduling(database_url, made.clock) as (one, _),
            scheduling(database_url, made.clock, duty="frozen") as (two, _),
        ):
            for _ in range(3):
                made.clock.now += HOUR
                await asyncio.gather(one.look(), two.look())

        assert 3 == len(made.runs()) == len(set(made.runs()))

    asyncio.run(story())


def test_what_cannot_be_started_now_is_started_later(database_url: str) -> None:
    """
    PostgreSQL is away for a moment: the start comes late, and comes.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *", misfire: skip')
        await made.look()
        async with scheduling(database_url, made.clock, Away) as (scheduler, _):
            made.clock.now += HOUR
            await scheduler.look()

            assert [] == made.runs()

            made.clock.now += 5 * MINUTE
            await scheduler.look()

            assert ["2026-03-27T13:00:00+00:00"] == made.runs()

    asyncio.run(story())


MISSED: list[tuple[str, list[int], list[tuple[int, str]]]] = [
    ("skip", [], [(17, "it was missed, as were all from 2026-03-27T13:00:00+00:00 on"
                       " (misfire: skip)")]),
    ("latest", [17], [(16, "it was missed, as were all from 2026-03-27T13:00:00+00:00 on"
                           " (misfire: latest)")]),
    ("all", [13, 14, 15, 16, 17], []),
    ("all, catchup_limit: 4", [14, 15, 16, 17], [(13, "it was missed (misfire: all)")]),
]  # fmt: skip


@pytest.mark.parametrize(("misfire", "hours", "skipped"), MISSED)
def test_what_was_missed_is_made_up_for_as_the_trigger_says(
    database_url: str, misfire: str, hours: list[int], skipped: list[tuple[int, str]]
) -> None:
    """
    After five hours without a controller nothing, the last, or every start is made up for; what
    is not has a decision that says why.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate(f'cron: "0 * * * *", overlap: allow, misfire: {misfire}')
        await made.look()
        for _ in range(2):
            await made.look(START + 5.5 * HOUR)

        told = [(each, reason) for each, said, reason in made.decisions() if said == "skipped"]
        name = "load/nightly/2026-03-27T{}:00:00Z/skipped"
        assert [f"2026-03-27T{hour}:00:00+00:00" for hour in hours] == made.runs()
        assert [(name.format(hour), reason) for hour, reason in skipped] == told

    asyncio.run(story())


def test_the_next_run_waits_for_the_one_before(database_url: str) -> None:
    """
    With `queue` each start has its run, one after the other, though the workflow itself lets any
    number of runs go on.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *"')
        await made.look()
        for hour in (1, 2, 3):
            await made.look(START + hour * HOUR)

        assert ["2026-03-27T13:00:00+00:00"] == made.runs()

        for hour in (14, 15):
            made.ended("failed")
            for _ in range(2):
                await made.look()

            assert f"2026-03-27T{hour}:00:00+00:00" == made.runs()[-1]
            assert hour - 12 == len(made.runs())

    asyncio.run(story())


def test_a_start_is_left_out_while_the_run_before_goes_on(database_url: str) -> None:
    """
    With `skip` there is a decision and no run; the first start after the end has a run again.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *", overlap: skip')
        await made.look()
        for hour in (1, 2):
            await made.look(START + hour * HOUR)
        made.ended()
        await made.look(START + 3 * HOUR)

        assert ["2026-03-27T13:00:00+00:00", "2026-03-27T15:00:00+00:00"] == made.runs()
        assert (
            "load/nightly/2026-03-27T14:00:00Z/skipped", "skipped",
            "the run before still goes on (overlap: skip)",
        ) == made.decisions()[1]  # fmt: skip

    asyncio.run(story())


def test_the_run_before_is_ended_for_the_next(database_url: str) -> None:
    """
    With `cancel_running` the run before is asked to end, and the last start waits until it has.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *", overlap: cancel_running')
        await made.look()
        for hour in (1, 2, 3):
            await made.look(START + hour * HOUR)
        ((cancel,),) = made.rows("SELECT cancel FROM runs")

        assert "schedule" == cancel["by"]
        assert ("skipped", "a later start has come (overlap: cancel_running)") == (
            made.decisions()[1][1:]
        )

        made.ended("cancelled")
        await made.look()

        assert ["2026-03-27T13:00:00+00:00", "2026-03-27T15:00:00+00:00"] == made.runs()

    asyncio.run(story())


def test_a_schedule_begins_with_its_activation(database_url: str) -> None:
    """
    Neither a new schedule nor one that says another time makes up for a past that it did not
    have; a change of anything else leaves it where it was.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *", misfire: all')
        await made.look(START + 30 * MINUTE)
        await made.activate('cron: "15 * * * *", misfire: all')
        await made.look(START + 5.5 * HOUR)

        assert [] == made.runs()

        await made.activate('cron: "15 * * * *", misfire: all, catchup_limit: 9, overlap: allow')
        await made.look(START + 7.5 * HOUR)

        assert ["2026-03-27T18:15:00+00:00", "2026-03-27T19:15:00+00:00"] == made.runs()

    asyncio.run(story())


def test_a_schedule_is_its_workflow_s_and_not_its_file_s(database_url: str) -> None:
    """
    A file that moves takes the schedule along: what is due meanwhile is made up for, once.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *", misfire: all, overlap: allow')
        await made.look(START + 1.5 * HOUR)
        before = made.runs()
        await made.activate('cron: "0 * * * *", misfire: all, overlap: allow', "moved/load.yaml")
        await made.look(START + 3.5 * HOUR)

        assert 2 == len(made.runs()) - len(before)
        assert sorted(set(made.runs())) == made.runs()

    asyncio.run(story())


def test_a_schedule_that_is_gone_starts_nothing(database_url: str) -> None:
    """
    A commit without it ends it at once; one that brings it back begins anew.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate("every: 1h, misfire: all")
        await made.look()
        other = NIGHTLY.replace("nightly: {type: schedule, TIMES}", "by_hand: {type: manual}")
        await activate(database_url, {"load.yaml": other.replace("trigger.kind", "trigger.id")
                       .replace("trigger.interval.start | date", "'2026-01-01'")},
                       "shop", "shop")  # fmt: skip
        await made.look(START + 2 * HOUR)

        assert [] == made.rows("SELECT * FROM schedules")

        await made.activate("every: 1h, misfire: all")
        await made.look(START + 3.5 * HOUR)
        await made.look(START + 4 * HOUR)

        assert ["2026-03-27T16:00:00+00:00"] == made.runs()

    asyncio.run(story())


def test_a_start_that_fails_is_a_decision(database_url: str) -> None:
    """
    Inputs that do not fit start nothing, say why, and do not keep the next start away.
    """

    async def story() -> None:
        made = Story(database_url)
        day = "{{ trigger.interval.end | strftime('%d.%m.%Y') }}"
        await made.activate(f'cron: "0 * * * *", with: {{day: "{day}"}}')
        await made.look()
        for hour in (1, 2):
            await made.look(START + hour * HOUR)

        assert [] == made.runs()
        assert ["invalid", "invalid"] == [said for _, said, _ in made.decisions()]
        assert "inputs: /day: " in made.decisions()[0][2]

    asyncio.run(story())


def test_jitter_delays_a_start_and_keeps_its_instant(database_url: str) -> None:
    """
    A start with jitter comes within it, always as late, and is for the instant that was written.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *", jitter: 30m')
        await made.look()
        late = []
        for hour in (1, 2):
            async with scheduling(database_url, made.clock) as (scheduler, _):
                made.clock.now = START + hour * HOUR - MINUTE
                while len(made.runs()) < hour:
                    made.clock.now += MINUTE
                    await scheduler.look()
            late.append(made.clock.now - START - hour * HOUR)
            made.ended()

        assert ["2026-03-27T13:00:00+00:00", "2026-03-27T14:00:00+00:00"] == made.runs()
        assert late[0] == late[1] <= 30 * MINUTE

    asyncio.run(story())


def test_what_waits_is_forgotten_with_its_schedule(database_url: str) -> None:
    """
    Starts that wait for the run before do not outlive a change of when they are due.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *"')
        await made.look()
        for hour in (1, 2, 3):
            await made.look(START + hour * HOUR)
        await made.activate('cron: "30 * * * *"')
        await made.look()
        made.ended()
        await made.look(START + 3.25 * HOUR)

        assert ["2026-03-27T13:00:00+00:00"] == made.runs()

        await made.look(START + 3.5 * HOUR)

        assert ["2026-03-27T13:00:00+00:00", "2026-03-27T15:30:00+00:00"] == made.runs()

    asyncio.run(story())
