"""The process that makes plans: bounded, killed when it must be, and believed nothing."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from engine.core.review import Annotation, Conclusion, Head, Links, Place
from engine.core.whatif import Stored
from engine.review import judging
from engine.review.task import Answer, Asked, Running, Task, Unjudged, decode

GOOD = Answer(
    "d", Conclusion.SUCCESS, "a title", "a comment", "a text", "s", ["w"], {"rule": "acme/pay"},
    [Annotation("a.yaml", 1, "failure", "code", "words")], ["w"],
)  # fmt: skip


def task(name: str) -> Task:
    return Task(
        Place(name), "shop", Head("main"), Head(""), None, None, Path("/nowhere"), {}, Asked(7),
        Running({}, {}, {}), (), Links(""), datetime.now(UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("sleeps", "was not made within"),
        ("eats", "more memory"),
        ("floods", "has answered what is no plan"),
        ("babbles", "has answered what is no plan"),
        ("fails", "ended with 1"),
        ("writes", "ended with"),
    ],
)
def test_a_process_that_comes_to_no_plan_is_given_up(
    monkeypatch: pytest.MonkeyPatch, does: str, why: str
):
    """
    Whatever a stranger's files make of it, it is ended, and not a word of his is repeated.
    """
    monkeypatch.setattr(judging, "_PROGRAM", "tests.review.rogue")
    seconds = 1.0 if does == "sleeps" else 60.0
    with pytest.raises(Unjudged, match=why) as told:
        asyncio.run(judging.judge(task(does), seconds=seconds))

    assert "ann" not in str(told.value)


@pytest.mark.parametrize(("does", "title"), [("dies",) * 2, ("dawdles",) * 2, ("recalls", "w")])
def test_what_comes_of_recorded_runs_keeps_no_plan_from_being_told(
    monkeypatch: pytest.MonkeyPatch, does: str, title: str
):
    """
    The process is handed the runs that it asks for; if nothing comes of it, its plan stands.
    """
    monkeypatch.setattr(judging, "_PROGRAM", "tests.review.rogue")
    monkeypatch.setattr(judging, "REPLAY_SECONDS", 0.5 if does == "dawdles" else 60.0)

    async def recall(names: Sequence[str]) -> Stored:
        return Stored(left=dict.fromkeys(names, 1))

    assert title == asyncio.run(judging.judge(task(does), recall)).title


def test_an_answer_is_what_it_was():
    """
    A plan that comes up from the process is read as it was written.
    """
    assert GOOD == decode(GOOD.encode())


@pytest.mark.parametrize(
    "wrong",
    [
        {"conclusion": "great"}, {"title": 7}, {"title": "x" * 501}, {"workflows": "w"},
        {"workflows": [7]}, {"asks": []}, {"asks": {"rule": 7}}, {"annotations": [{}]},
        {"annotations": [{"path": "a", "line": 0, "level": "x", "title": "", "message": ""}]},
        {"annotations": [{"path": "a", "line": True, "level": "x", "title": "", "message": ""}]},
        {"replays": ["w"] * 11}, {"replays": [7]}, {"comment": "x" * 100_000}, {"digest": None},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(wrong: dict[str, object]):
    """
    What is not of the right kind or length is no answer, whoever had the process in his hands.
    """
    with pytest.raises(Unjudged):
        decode(orjson.dumps({**orjson.loads(GOOD.encode()), **wrong}))
