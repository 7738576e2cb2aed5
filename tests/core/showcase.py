"""A plan with one of everything, for whoever looks at whole plans."""

from dataclasses import replace
from datetime import timedelta

from engine.core.plan import (
    Approve,
    Assignment,
    Await,
    Block,
    Branch,
    Call,
    Case,
    Emit,
    Fail,
    Fallback,
    ForEach,
    Handler,
    Plan,
    Race,
    Repeat,
    Retry,
    Rollback,
    Start,
    Switch,
    Trigger,
    Wait,
)
from tests.core.runs import HOUR, assign, edge, only, scope, step, uses

FOUR = Retry(max_attempts=4)
READS = edge(0, "done", data=True, inferred=True)
FOLLOWS = edge(0, "done", inferred=True)

_item = scope(
    step("fetch", retry=FOUR),
    step("check", READS, verb=uses()),
    step("store", edge(1), compensation=only(uses(), retry=FOUR)),
)
_zones = Switch(
    (Case(only(uses()), "eu"), Case(scope(step("a"), step("b", edge(0), verb=Wait("10m"))), 7)),
    "inputs.zone", only(Fail("acme.zone", "no such zone")),
)  # fmt: skip
_conditions = Switch((Case(only(Emit("acme.big")), condition="inputs.n > 9"),))
_race = Race((Branch("cdn", only(uses())), Branch("origin", scope(step("warm")))))
_block = Block(
    replace(
        scope(step("send", fallback=Fallback(body=only(uses())))),
        finally_=scope(step("tidy")),
        handlers=(Handler(only(uses()), condition="error.class == 'x'", recover=True),),
    )
)
_steps = scope(
    step("start_here", optional=True),
    step("load", edge(0), verb=ForEach("inputs.all", "each", _item, 50, max_parallel=4)),
    step("agreed", edge(0), verb=Approve(("group:a", "group:b"), HOUR, 2)),
    step("route", edge(1), edge(2, "succeeded"), verb=_zones),
    step("sized", edge(3), verb=_conditions, condition="inputs.n > 1"),
    step("poll", edge(3), verb=Repeat(only(uses(), retry=FOUR), "self.outputs.x", 30)),
    step("fast", edge(3), edge(4), verb=_race, join=1),
    step("alarm", edge(1, "failed"), verb=Emit("acme.failed")),
    step("undo", edge(5), verb=Rollback(("load",)), pivot=True),
    step("report", READS, FOLLOWS, verb=_block),
    step("other", verb=Call("other", {}, {}, only(uses(), compensation=only(uses())))),
    step("spawn", verb=Start("third", {})),
    step("later", verb=Wait(until="{{ inputs.at }}")),
    step("heard", verb=Await(timedelta(hours=2), "acme.done")),
    step("called", verb=Await(HOUR, callback={})),
    step("values", verb=assign(x=1, y=2), fallback=Fallback((Assignment("x", 1, {}),))),
    step("single", verb=Approve(("ann",), HOUR)),
)
_handlers = (
    Handler(scope(step("declined")), type="acme.declined", step="load"),
    Handler(scope(step("sorry")), error_class="transient"),
)
SHOWCASE = Plan(
    "showcase", "showcase.yaml", {"type": "object"},
    replace(_steps, finally_=scope(step("ended")), handlers=_handlers),
    triggers=(Trigger("nightly", "schedule", {}), Trigger("manual", "manual", {})),
    secrets=("token",),
    on_compensation_failure=only(uses()),
    title="One of everything",
)  # fmt: skip
