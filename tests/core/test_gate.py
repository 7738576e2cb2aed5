"""What triggers ask of dedupe, rate, debounce and batch, and what held events come to."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from engine.core.plan import Rate, Trigger
from engine.core.trigger import BoundTrigger, Firing, Said
from engine.core.trigger.gate import NO_GATES, Batch, Debounce, Dedupe
from engine.core.values import Json
from tests.core.runs import SECOND
from tests.core.test_trigger import made

HOUR = timedelta(hours=1)
WITH: Json = {"who": "{{ event.body.name }}"}


def bound(settings: Mapping[str, Json], **more: Any) -> BoundTrigger:
    return BoundTrigger(Trigger("hook", "webhook", settings, **{"arguments": WITH, **more}), made())


def body(**told: Json) -> dict[str, Json]:
    return {"id": "d-1", "body": told}


def test_what_an_event_asks_for():
    """
    Keys and groups are read from the event, spans and numbers from the spec.
    """
    trigger = bound(
        {
            "dedupe": {"key": "{{ event.body.name }}", "window": "1h"},
            "rate": {"limit": 3, "per": "20s", "group": "g-{{ event.body.n }}"},
        }
    )
    (decision,) = trigger.decide(body(name="a", n=7))

    assert Said.STARTED == decision.said
    assert Dedupe("a", HOUR) == decision.gates.dedupe
    assert Rate("g-7", 3, 20 * SECOND) == decision.gates.rate


@pytest.mark.parametrize(
    ("settings", "hold"),
    [
        (
            {"debounce": {"key": "{{ event.body.name }}", "for": "20s", "max_wait": "1h"}},
            Debounce("a", 20 * SECOND, HOUR),
        ),
        ({"batch": {"max_items": 5, "max_wait": "1h"}}, Batch("", 5, HOUR)),
    ],
)
def test_what_waits_is_not_asked_for_its_inputs(
    settings: Mapping[str, Json], hold: Debounce | Batch
):
    """
    An event that is to wait keeps what its run will read; `with` comes when it leaves.
    """
    (decision,) = bound(settings, arguments={"who": "{{ event.nothing }}"}).decide(body(name="a"))

    assert (Said.HELD, None) == (decision.said, decision.inputs)
    assert hold == decision.gates.hold
    assert {"event": body(name="a")} == decision.gates.names


@pytest.mark.parametrize("key", ["dedupe", "debounce", "batch"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "key must give a text; it gave null"),
        (["a"], "key must give a text; it gave an array"),
        ("", "key gave 0 characters; it may have 1 to 500"),
        ("x" * 501, "key gave 501 characters; it may have 1 to 500"),
        ("a\0b", "key gave a text with a NUL in it"),
    ],
)
def test_what_is_no_key_is_an_error(key: str, value: Json, reason: str):
    """
    A key that is no short text is an error that says so, and never the same as another's.
    """
    spans: dict[str, Json] = {"window": "1h", "for": "1s", "max_wait": "1h", "max_items": 2}
    trigger = bound({key: {"key": "{{ event.body.key }}", **spans}})
    (decision,) = trigger.decide(body(name="a", key=value))

    assert (Said.ERROR, f"{key}.{reason}") == (decision.said, decision.reason)
    assert NO_GATES == decision.gates


@pytest.mark.parametrize(("value", "key"), [(7, "7"), (True, "true"), (1.5, "1.5"), ("x", "x")])
def test_a_number_is_a_key(value: Json, key: str):
    """
    Numbers and booleans are compared by their text.
    """
    trigger = bound({"dedupe": {"key": "{{ event.body.key }}", "window": "1h"}})
    (decision,) = trigger.decide(body(name="a", key=value))

    assert Dedupe(key, HOUR) == decision.gates.dedupe


def test_items_have_keys_of_their_own():
    """
    Each item of a `fan_out` has its own key, and keeps itself and its event.
    """
    settings: dict[str, Json] = {
        "fan_out": "event.body.all",
        "debounce": {"key": "{{ item.k }}", "for": "1s", "max_wait": "1h"},
    }
    event = body(all=[{"k": "a"}, {"k": "b"}, {}])
    told = bound(settings).decide(event)

    holds = [each.gates.hold.key for each in told if each.gates.hold is not None]
    assert ["a", "b"] == holds
    assert {"event": event, "item": {"k": "b"}} == told[1].gates.names
    assert (2, Said.ERROR) == (told[2].item, told[2].said)


def fired(settings: Json, *held: Mapping[str, Json], **more: Any) -> tuple[Firing, ...]:
    return bound(settings if isinstance(settings, Mapping) else {}, **more).fire(held)


def test_a_batch_is_one_run():
    """
    The events of a batch are read as `event.items`, in the order in which they came.
    """
    (firing,) = fired(
        {"batch": {"max_items": 5, "max_wait": "1h"}},
        {"event": body(name="a")},
        {"event": body(name="b")},
        arguments={"who": "{{ event.items[1].body.name }}", "count": "{{ event.items | length }}"},
    )

    assert ((0, 1), {"items": [body(name="a"), body(name="b")]}) == (firing.places, firing.event)
    assert {"who": "b", "count": 2, "where": "none"} == firing.decision.inputs


def test_a_batch_of_items_reads_the_items():
    """
    Where a trigger fans out, what a batch gathers are the items, and nothing else is kept.
    """
    settings: dict[str, Json] = {
        "fan_out": "event.body.all",
        "batch": {"max_items": 5, "max_wait": "1h"},
    }
    told = bound(settings).decide(body(all=[{"name": "a"}, {"name": "b"}]))
    (firing,) = fired(
        settings,
        *(each.gates.names for each in told),
        arguments={"who": "{{ event.items[0].name }}"},
    )

    assert {"items": [{"name": "a"}, {"name": "b"}]} == firing.event
    assert Said.STARTED == firing.decision.said


def test_of_a_debounce_the_last_counts():
    """
    The last event starts the run, with its own item; what came before is in no firing.
    """
    (firing,) = fired(
        {"debounce": {"for": "1s", "max_wait": "1h"}},
        {"event": body(name="a")},
        {"event": body(name="b"), "item": "x"},
        arguments={"who": "{{ event.body.name }}{{ item }}"},
    )

    assert ((1,), body(name="b")) == (firing.places, firing.event)
    assert firing.decision.inputs is not None
    assert "bx" == firing.decision.inputs["who"]


def test_a_trigger_that_holds_no_more_takes_all():
    """
    If the trigger has lost its `debounce` or `batch` meanwhile, each event starts a run.
    """
    told = fired({}, {"event": body(name="a")}, {"event": body(name="b")})

    assert [(0,), (1,)] == [each.places for each in told]
    assert ["a", "b"] == [each.decision.inputs["who"] for each in told if each.decision.inputs]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"who": "{{ event.body.nothing.there }}"}, Said.ERROR),
        ({"whom": "x"}, Said.INVALID),
        ({"who": "{{ item }}"}, Said.ERROR),
    ],
)
def test_what_leaves_may_err(arguments: Json, said: Said):
    """
    A held event whose `with` errs, or does not fit, is said to when it leaves.
    """
    (firing,) = fired(
        {"debounce": {"for": "1s", "max_wait": "1h"}}, {"event": body(name="a")},
        arguments=arguments,
    )  # fmt: skip

    assert said == firing.decision.said


def test_items_of_a_batch_that_became_a_debounce():
    """
    Held items without their event are read as items all the same.
    """
    (firing,) = fired(
        {"debounce": {"for": "1s", "max_wait": "1h"}}, {"item": "x"},
        arguments={"who": "{{ item }}"},
    )  # fmt: skip

    assert ({}, Said.STARTED) == (firing.event, firing.decision.said)
