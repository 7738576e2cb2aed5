"""What must be so before a commit goes from one environment to another."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.core.promotion import Ran, pinned, same, soaked, stricter, verified

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE, TWO = "1" * 40, "2" * 40
HEAD = "apiVersion: sark/v1\nname: prod"


@pytest.mark.parametrize(
    ("soak", "verify", "expected"),
    [
        (None, (), (HOUR, ("smoke",), "")),
        (2 * HOUR, ("smoke", "load"), (2 * HOUR, ("smoke", "load"), "")),
        (
            timedelta(minutes=1),
            (),
            (HOUR, ("smoke",), "--soak 1m is less than the 1h that the document asks for"),
        ),
    ],
)
def test_a_flag_asks_for_more_and_never_for_less(soak, verify, expected):
    """
    What the document asks for is asked for; a flag adds to it, and one for less is told.
    """
    assert expected == stricter((HOUR, ["smoke"]), soak, verify)


@pytest.mark.parametrize(
    ("ago", "expected"), [(0, False), (3599, False), (3600, True), (-5, False)]
)
def test_a_commit_soaks_to_the_second(ago: int, expected: bool):
    """
    The time is over when it is over, whatever the clocks of two machines say of the beginning.
    """
    gate = soaked(NOW - timedelta(seconds=ago), NOW, HOUR)

    assert expected == gate.passed
    assert "of the 1h that are asked for" in gate.told


@pytest.mark.parametrize(
    ("runs", "verify", "passed", "told"),
    [
        ("", (), False, "no run has succeeded yet"),
        ("a:succeeded", (), True, "1 runs have succeeded, none has failed"),
        ("a:succeeded b:failed", (), False, "1 of 2 runs have failed: b (1)"),
        ("a:succeeded b:compensated", (), False, "1 of 2 runs have failed: b (1)"),
        ("a:succeeded b:failed", ("a",), True, "1 runs have succeeded, none has failed"),
        ("a:succeeded", ("a", "b"), False, "no run has succeeded yet of b"),
        ("a:running a:cancelled", ("a",), False, "no run has succeeded yet of a"),
        (
            " ".join(["a:failed"] * 7), (), False,
            "7 of 7 runs have failed: a (0), a (1), a (2), a (3), a (4) and 2 more",
        ),
    ],
)  # fmt: skip
def test_runs_speak_for_a_commit(runs: str, verify: tuple[str, ...], passed: bool, told: str):
    """
    Each workflow that is named has succeeded and none has failed; without names, whatever ran.
    """
    pairs = [each.split(":") for each in runs.split()]
    made = [Ran(str(number), name, status) for number, (name, status) in enumerate(pairs)]
    gate = verified(made, verify)

    assert (passed, told) == (gate.passed, gate.told)


@pytest.mark.parametrize(
    ("tried", "coming", "own", "passed", "differs", "told"),
    [
        ("a1 b1", "a1 b1", "a1 b1", True, (), "2 workflows are as they were tried"),
        ("a1 b1", "a1 b2", "a1 b1", True, ("b",), "but for what the environments say: b"),
        ("a1 b1", "a1 b1", "a1 b2", False, (), "compiles here to something else"),
        ("a1", "a1 b1", "a1 b1", False, (), "or other adapters: b"),
        ("a1 b1", "a1", "a1 b1", False, ("b",), "but for what the environments say: b"),
    ],
)
def test_plans_are_those_that_were_tried(tried, coming, own, passed, differs, told):
    """
    What would be live is what was tried, but for what the environments say, which is named.
    """
    sides = ({each[0]: each[1] for each in side.split()} for side in (tried, coming, own))
    gate, found = same(*sides)

    assert (passed, differs) == (gate.passed, found)
    assert told in gate.told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}\nvariables: {{}}\n", f"{HEAD}\nrevision: {TWO}\nvariables: {{}}\n"),
        (f"{HEAD}\nrevision: {ONE}  # live\n", f"{HEAD}\nrevision: {TWO}  # live\n"),
        (f'{HEAD}\nrevision:   "{ONE}"\n', f"{HEAD}\nrevision:   {TWO}\n"),
        (f"{HEAD}\nrevision: '{ONE}' # x\n", f"{HEAD}\nrevision: {TWO} # x\n"),
        (f"{HEAD}\nrevision:\n", f"{HEAD}\nrevision: {TWO}\n"),
        (f"{HEAD}\r\nlabels: {{}}\r\n", f"{HEAD}\r\nrevision: {TWO}\r\nlabels: {{}}\r\n"),
        (HEAD, f"{HEAD}\nrevision: {TWO}\n"),
        (f"revision: {ONE}", f"revision: {TWO}"),
    ],
)
def test_one_line_changes_and_no_other(text: str, expected: str):
    """
    Comments, quotes of others, line ends and the order of keys stay as somebody wrote them.
    """
    assert expected == pinned(text, TWO)


def test_what_is_not_written_in_lines_is_left_to_its_author():
    """
    A document on one line is not guessed at.
    """
    with pytest.raises(ValueError, match="no line that begins with `name:`"):
        pinned("{apiVersion: sark/v1, name: prod}\n", TWO)
