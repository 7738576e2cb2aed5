"""Models: what a document says, as its reader hands it on."""

import pytest

from engine.core import spec


def test_what_is_left_out_is_as_by_default() -> None:
    """
    A key that nobody wrote has its default, and it is known that nobody wrote it.
    """
    made = spec.Retry.of({"max_attempts": 2, "if": "error.status == 503"})

    assert (2, "error.status == 503", False) == (made.max_attempts, made.if_, made.unsafe)
    assert {"max_attempts", "if_"} == made.written
    assert spec.Backoff() == made.backoff


def test_an_open_model_keeps_what_else_was_written() -> None:
    """
    The JSON Schema beside `from` stays at hand, apart from the model's own keys.
    """
    made = spec.StepOutput.of({"type": "string", "from": "body.id"})

    assert ({"type": "string"}, "body.id") == (made.extra, made.from_)
    assert {"from": "body.id", "type": "string"} == made.plain()


def test_a_model_is_told_by_the_keys_of_authors() -> None:
    """
    What a model says is plain JSON: by the keys of the file, with or without what is null.
    """
    made = spec.Retry.of({"if": "true", "backoff": spec.Backoff.of({"max": "1m"})})

    backoff = {"initial": "1s", "factor": 2.0, "max": "1m", "jitter": "full"}
    told = {"max_attempts": 4, "backoff": backoff, "if": "true", "unsafe": False}
    assert told == made.plain(nulls=False)
    assert {**told, "max_elapsed": None} == made.plain()
    assert {"if": "true"} == made.plain(
        leave_out=("max_attempts", "backoff", "max_elapsed", "unsafe")
    )


def test_equal_models_say_the_same() -> None:
    """
    Models are equal by what they say, and not by where they come from.
    """
    one, other = spec.Timeout(attempt="5s"), spec.Timeout.of({"attempt": "5s"})

    assert one == other
    assert hash(one) == hash(other)
    assert one != other.but(attempt="6s")
    assert one != spec.Backoff()
    assert "Timeout(attempt='5s')" == repr(one)


def test_a_model_cannot_be_changed() -> None:
    """
    Whoever has read a document may rely on it.
    """
    with pytest.raises(AttributeError, match=r"Timeout\.attempt cannot be changed"):
        spec.Timeout().attempt = "5s"  # type: ignore[misc]


def test_what_a_model_holds_is_told_with_it() -> None:
    """
    Models in lists and mappings are told as JSON too.
    """
    expected = spec.Expect.of(
        {"steps": {"build": spec.ExpectedStep.of({"state": "failed", "flags": ["timed_out"]})}}
    )

    assert {
        "steps": {"build": {"state": "failed", "flags": ["timed_out"]}},
        "order": [],
        "outputs": {},
    } == expected.plain(nulls=False)
