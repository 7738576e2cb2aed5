"""Runs that earlier versions have begun, rebuilt from what they wrote."""

import gc
import json

import pytest

from engine.core.run import Run, ScopeRun, StepRun, Undoing
from tests.core.histories import FOLDER, again, as_far_as, rebuilt

NAMES = sorted(str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_history_is_replayed_as_it_was(name: str) -> None:
    """
    The plan has the digest that it had, every row of the journal leads to the decision that it led
    to, and the run stands as it stood, as far as that version could tell: an upgrade takes no run
    in flight elsewhere.
    """
    told = json.loads((FOLDER / name).read_text())
    made = again(told)

    assert told["digest"] == made["digest"]
    assert told["decisions"] == as_far_as(told["decisions"], made["decisions"])
    assert told["state"] == as_far_as(told["state"], made["state"])


def test_the_histories_hold_every_kind_of_row() -> None:
    """
    No kind of event that a machine hears is left out of what is held.
    """
    rows = [row for name in NAMES for row in json.loads((FOLDER / name).read_text())["rows"]]

    assert {"succeeded", "failed", "alarm", "arrived", "decided", "lost", "severed", "cancel"} <= {
        row["kind"] for row in rows
    }
    assert len(NAMES) > 50


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_has_been_dissolved_is_gone(name: str) -> None:
    """
    Whatever a run was in the midst of, nothing of it is left to the collector of cycles, which
    would have to look through all that a worker holds.
    """
    told = json.loads((FOLDER / name).read_text())
    gc.collect()
    gc.disable()
    try:
        before = _parts_of_runs()
        run, decisions = rebuilt(told)
        run.dissolve()
        del run, decisions
        assert before == _parts_of_runs()
    finally:
        gc.enable()


def _parts_of_runs() -> int:
    return sum(isinstance(each, Run | ScopeRun | StepRun | Undoing) for each in gc.get_objects())
