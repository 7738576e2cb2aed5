"""What a recorded run takes under another plan."""

from collections.abc import Mapping
from dataclasses import replace

from engine.core.plan import Plan
from engine.core.values import Json
from engine.core.whatif import Kind, Verdict
from tests.core.runs import header, ok, step, whole
from tests.core.whatif.recording import judge, record, told


def taking(**inputs: Json) -> Plan:
    """Return a plan that takes these inputs and no others, all of them required."""
    closed: Json = {"type": "object", "additionalProperties": False,
                    "properties": inputs, "required": list(inputs)}  # fmt: skip
    return replace(whole(step("a")), inputs=closed)


def test_inputs_are_those_of_the_run_and_new_ones_have_their_defaults() -> None:
    """
    An input that is new has its default, one that is gone is left out, another type is refused.
    """
    text: Mapping[str, Json] = {"type": "string"}
    recording = record(taking(day=text, old=text), ok("a"), day="monday", old="x")

    same = judge(taking(day=text, region={**text, "default": "eu"}), recording)
    missing = judge(taking(day=text, region=text), recording)
    other = judge(taking(day={"type": "integer"}), recording)
    unfit = judge(taking(region={**text, "default": "{{ trigger.nothing }}"}), recording)

    assert Verdict(header().id, Kind.SAME) == same
    assert (Kind.FAILS, "", "the plan refuses its inputs") == told(missing)
    assert ["/inputs"] == [each.place for each in missing.differences]
    assert ["/inputs/day"] == [each.place for each in other.differences]
    assert (Kind.FAILS, "/inputs") == (unfit.kind, unfit.differences[0].place)
