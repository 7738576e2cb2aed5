"""Hosts whose clocks are hours wrong, and are set: only PostgreSQL's says what is due."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.stories.client import Client
from tests.stories.invariants import hold
from tests.stories.parts import CONFIG, Parts, until
from tests.stories.test_by_the_clock import OFTEN
from tests.stories.test_waits import PEOPLE, TOKENS

_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
_NAPS = 12
_SECONDS = 40
FILES = {
    "nap.yaml": f"""{_HEAD}nap
steps:
  - {{id: short, wait: {{for: 2s}}}}
  - {{id: long, wait: {{for: {_SECONDS}s}}}}
  - {{id: work, uses: shell.run@1, with: {{script: sleep 1}}, timeout: 60s}}
""",
    "ask.yaml": f"""{_HEAD}ask
steps:
  ask: {{approve: {{by: [group:sre], exclude: [], expires: 30m}}}}
""",
    "often.yaml": OFTEN.lstrip(),
}
# When PostgreSQL has seen each run come and end, by its own clock alone.
_WITNESS = """
    CREATE TABLE seen (id uuid, is_end boolean, at timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO seen VALUES (new.id, new.ended_at IS NOT NULL);
        RETURN NULL;
    END $$;
    CREATE TRIGGER sees AFTER INSERT OR UPDATE OF ended_at ON runs
        FOR EACH ROW EXECUTE FUNCTION see();
"""
_LASTED = """
    SELECT extract(epoch FROM min(at) FILTER (WHERE is_end) - min(at))::float
      FROM seen JOIN runs USING (id) WHERE workflow = 'nap' GROUP BY id
"""
_LATE = """
    SELECT extract(epoch FROM min(at) - (trigger ->> 'scheduled_at')::timestamptz)::float
      FROM seen JOIN runs USING (id) WHERE workflow = 'often' AND NOT is_end
     GROUP BY id, trigger ->> 'scheduled_at'
"""
_INSTANTS = "SELECT trigger ->> 'scheduled_at' FROM runs WHERE workflow = 'often'"
_PARKED = "SELECT 1 FROM runs WHERE workflow = 'nap' AND owner IS NULL AND started_at IS NOT NULL"


class Clocks(Parts):
    """Parts of which each has a clock of its own, that is wrong by as many seconds as is said."""

    def shift(self, **seconds: int) -> None:
        """Set clocks; `worker_1` is that of `worker-1`."""
        for name, value in seconds.items():
            file = self.folder / f"{name}.shift"
            file.with_suffix(".new").write_text(str(value))
            file.with_suffix(".new").rename(file)

    def told(self, name: str) -> dict[str, str]:
        """Return the environment of a process whose clock may be set."""
        paths = (str(Path(__file__).parent / "clocks"), os.environ.get("PYTHONPATH", ""))
        file = self.folder / f"{name.replace('-', '_')}.shift"
        return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "SHIFT": str(file)}

    def start(self) -> float:
        crew, self.crew = self.crew, ()
        super().start()
        self.crew = crew
        for each in crew:
            self.begin(each, **self.told(each))
        until(self._is_active, 120)
        return 0


@pytest.fixture
def clocks() -> Iterator[Clocks]:
    made = Clocks(FILES, ("server", "controller", "worker", "worker-1"), CONFIG + TOKENS)
    made.shift(server=-7200, controller=7200, worker=7200, worker_1=-7200)
    with made:
        yield made


def test_clocks_that_are_wrong_and_are_set(clocks: Clocks):
    """
    Each process has a clock that is two hours ahead or behind, and in the midst of it is set four
    hours back or on. What waits waits as long as it was to, neither less nor for hours; each
    instant of a schedule has one run, none of them early; a person may decide for as long as was
    said; no attempt is timed out, and no worker is taken for dead.
    """
    with psycopg.connect(clocks.database_url) as connection:
        connection.execute(_WITNESS)
    client = Client(clocks)
    naps = [client.start("nap") for _ in range(_NAPS)]
    ask = client.start("ask")
    until(lambda: len(clocks.rows(_PARKED)) > 1)
    clocks.shift(server=7200, controller=-7200, worker=-7200, worker_1=7200)
    until(lambda: clocks.rows("SELECT 1 FROM approvals"))
    clocks.sark("approve", ask, "ask", SARK_TOKEN=PEOPLE["ann"])
    ends = [clocks.wait_ended(each, 300)["status"] for each in [*naps, ask]]
    until(lambda: len(clocks.rows(_INSTANTS)) > 20)
    clocks.end("controller")
    hold(clocks, client.acknowledged)
    lasted = [row[0] for row in clocks.rows(_LASTED)]
    late = [row[0] for row in clocks.rows(_LATE)]
    instants = clocks.rows(_INSTANTS)

    assert {"succeeded"} == set(ends)
    assert [] == [each for each in lasted if not _SECONDS + 3 <= each < 3600]
    assert [] == [each for each in late if not 0 <= each < 3600]
    assert sorted(set(instants)) == sorted(instants)
    assert not any("is dead" in clocks.log(each) for each in ("worker", "worker-1"))
