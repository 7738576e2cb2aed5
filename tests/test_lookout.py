"""What files start: a real folder, a clock that the test sets, leaders that die."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from tests.looking import ARRIVALS, Inbox


def inbox(url: str, folder: Path) -> Inbox:
    return Inbox(url, root=folder / "root")


def test_a_file_that_arrives_starts_a_run(database_url: str, tmp_path: Path) -> None:
    """
    It starts one run, once it was the same in two looks, and the run knows which file it is.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins()
        made.write("eu/1.csv", "a,b\n")
        made.write("notes.txt")
        await made.looks(1)

        assert [] == made.told()

        await made.looks(4)
        ((trigger, inputs),) = made.rows("SELECT trigger, inputs FROM runs")

        event = {
            "path": "eu/1.csv", "change": "created", "size": 4,
            "modified": "2026-03-27T08:26:41+00:00", "version": "18a0a6c6c3b7ca00-4",
        }  # fmt: skip
        assert {**event, "version": trigger["event"]["version"]} == trigger["event"]
        assert ("arrived", "file", "file") == (trigger["id"], trigger["type"], trigger["kind"])
        assert {"path": "eu/1.csv"} == inputs
        assert [(trigger["delivery"], "started", "")] == made.decisions()
        assert trigger["delivery"].startswith("load/arrived/2026-")
        assert trigger["delivery"].endswith("Z/eu/1.csv")

    asyncio.run(story())


def test_what_is_there_at_the_first_look_starts_nothing(database_url: str, tmp_path: Path) -> None:
    """
    Files that were there before the trigger are known, and so are they when it means others now.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        made.write("old.csv")
        await made.begins()
        await made.looks(3)
        made.write("older.txt")
        spec = ARRIVALS.replace('["**/*.csv"]', '["**/*.csv", "*.txt"]')
        await made.activate("every: 1m", spec)
        await made.looks(3)

        assert [] == made.told()

        made.write("new.txt")
        await made.looks(2)

        assert [("new.txt", "created")] == made.told()

    asyncio.run(story())


def test_a_file_that_is_still_written_waits(database_url: str, tmp_path: Path) -> None:
    """
    As long as each look sees more of it, nothing starts; then one run starts.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins()
        for count in range(1, 5):
            made.write("1.csv", "x" * count)
            await made.looks(1)

        assert [] == made.told()

        await made.looks(3)

        assert [("1.csv", "created")] == made.told()
        assert [(4,)] == made.rows("SELECT (trigger -> 'event' ->> 'size')::int FROM runs")

    asyncio.run(story())


CHANGES = [
    ("[created]", ["created"]),
    ("[changed]", ["changed"]),
    ("[deleted]", ["deleted"]),
    ("[created, changed, deleted]", ["created", "changed", "deleted"]),
]


@pytest.mark.parametrize(("changes", "expected"), CHANGES)
def test_a_trigger_hears_of_the_changes_that_it_names(
    database_url: str, tmp_path: Path, changes: str, expected: list[str]
) -> None:
    """
    A file comes, changes and goes: each is told if it is asked for, and then the file is forgotten.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins(f"changes: {changes}")
        made.write("1.csv")
        await made.looks(3)
        made.write("1.csv")
        await made.looks(3)
        made.remove("1.csv")
        await made.looks(3)

        assert [("1.csv", each) for each in expected] == made.told()
        assert [] == made.rows("SELECT FROM sightings")

    asyncio.run(story())


def test_a_file_that_comes_back_is_a_new_one(database_url: str, tmp_path: Path) -> None:
    """
    Gone for one look, as while another takes its place, it is the same; gone for two, it is new.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins("changes: [created, changed, deleted]")
        made.write("1.csv")
        await made.looks(2)
        made.remove("1.csv")
        await made.looks(1)
        made.moment -= 1_000_000_000
        made.write("1.csv")
        await made.looks(3)

        assert [("1.csv", "created")] == made.told()

        made.remove("1.csv")
        await made.looks(2)
        made.moment -= 1_000_000_000
        made.write("1.csv")
        await made.looks(2)

        assert ["created", "deleted", "created"] == [change for _, change in made.told()]

    asyncio.run(story())


def test_a_trigger_that_is_gone_is_forgotten(database_url: str, tmp_path: Path) -> None:
    """
    Nothing is kept of it; when it comes back, it begins anew.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins()
        made.write("1.csv")
        await made.looks(3)
        await made.activate("every: 1m", "apiVersion: sark/v1\nkind: Workflow\nname: load\n"
                            "steps: {say: {set: {x: {type: integer, value: 1}}}}\n")  # fmt: skip
        await made.looks(1)

        assert [] == made.rows("SELECT FROM lookouts") == made.rows("SELECT FROM sightings")

        made.write("2.csv")
        await made.activate()
        await made.looks(3)

        assert [("1.csv", "created")] == made.told()

    asyncio.run(story())


def test_who_is_to_be_looked_at_more_often_is(database_url: str, tmp_path: Path) -> None:
    """
    An interval that was made shorter holds at once; files that are known stay so.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins("every: 1d")
        made.write("1.csv")
        await made.looks(2)
        await made.activate("every: 1m")
        await made.looks(4)

        assert [("1.csv", "created")] == made.told()

    asyncio.run(story())


def test_the_gates_of_a_trigger_hold_for_files(database_url: str, tmp_path: Path) -> None:
    """
    A filter, a dedupe and a batch do with files what they do with all events.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins(
            'filter: event.size > 0, dedupe: {key: \'{{ event.path | replace("-copy", "") }}\'}'
        )
        for name, text in (("1.csv", "x"), ("1-copy.csv", "x"), ("none.csv", "")):
            made.write(name, text)
        await made.looks(2)
        said = [word for _, word, _ in made.decisions()]

        assert [("1.csv", "created")] == made.told()
        assert ["duplicate", "filtered", "started"] == sorted(said)

    asyncio.run(story())


def test_many_files_are_told_of_and_the_oldest_first(database_url: str, tmp_path: Path) -> None:
    """
    More than one page of files at once: each starts a run, in the order in which they came.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins()
        names = [f"{(number * 7) % 1201:04}.csv" for number in range(1201)]
        for name in names:
            made.write(name)
        await made.looks(2)

        assert [(name, "created") for name in names] == made.told()
        assert all(isinstance(each, UUID) for (each,) in made.rows("SELECT id FROM runs"))

    asyncio.run(story())


def test_a_connection_that_leads_nowhere_is_told_of(database_url: str, tmp_path: Path) -> None:
    """
    A root that the configuration does not name is an error of the trigger, and says what there is.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.activate("every: 1m", ARRIVALS.replace("root: incoming", "root: incomming"))
        await made.looks(2)

        ((reason,),) = [(each,) for each in made.faults()]
        assert reason.endswith(
            "[adapters.file] names no root 'incomming'; did you mean \"incoming\"? (file.root)"
        )

    asyncio.run(story())
