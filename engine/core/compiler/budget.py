"""What a run may cost at the worst, against what its author allows."""

from collections.abc import Iterator

from engine.core.compiler.findings import Place
from engine.core.compiler.world import World
from engine.core.plan import Plan
from engine.core.values import format_duration, parse_duration


def is_within(world: World, plan: Plan) -> bool:
    """True if the worst case of a plan keeps to its budget; what does not is a finding."""
    if world.workflow.budget is None:
        return True
    before = len(world.findings.all)
    for key, told, allowed in _overruns(world, plan):
        message = f"at worst a run has {told}; its budget is {allowed}"
        hint = "`sark plan` shows what each step may cost: lower its bounds, or raise the budget"
        world.findings.error("over-budget", message, Place(("budget", key)), hint=hint)
    return len(world.findings.all) == before


def _overruns(world: World, plan: Plan) -> Iterator[tuple[str, str, str]]:
    from engine.core import bounds  # loads the machine, which no other check needs

    budget, worst = world.workflow.budget, bounds.of(plan)
    assert budget is not None
    if budget.adapter_calls is not None and worst.adapter_calls > budget.adapter_calls:
        yield "adapter_calls", f"{worst.adapter_calls:,} adapter calls", f"{budget.adapter_calls:,}"
    if budget.fan_out is not None and worst.fan_out > budget.fan_out:
        yield "fan_out", f"{worst.fan_out:,} attempts at once", f"{budget.fan_out:,}"
    if budget.duration is not None and worst.duration > parse_duration(budget.duration):
        yield "duration", f"a duration of {format_duration(worst.duration)}", budget.duration
