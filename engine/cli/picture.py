"""A plan as text and as a Mermaid graph; edges that the compiler inferred are told apart."""

from collections.abc import Iterator

from engine.core.plan import Plan, Scope, Step, Uses
from engine.core.values import format_duration


def as_text(plan: Plan) -> str:
    """Return the plan as lines for a terminal."""
    lines = [f"{plan.name}  {plan.file}", f"  plan       {plan.digest[:12]}"]
    lines += [f"  trigger    {each.id}: {each.type}" for each in plan.triggers]
    lines += ["  steps"]
    lines += _scope_lines(plan.root)
    if plan.finally_ is not None:
        lines += ["  finally", *_scope_lines(plan.finally_)]
    if plan.secrets:
        lines.append(f"  secrets    {', '.join(plan.secrets)}")
    return "\n".join(lines) + "\n"


def as_mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart: solid edges as written, dotted as inferred."""
    lines = ["flowchart LR", *_mermaid_scope(plan.root, "")]
    if plan.finally_ is not None:
        lines += ["  subgraph finally", *_mermaid_scope(plan.finally_, "finally_"), "  end"]
    return "\n".join(lines) + "\n"


def _scope_lines(scope: Scope) -> Iterator[str]:
    for step in scope.steps:
        after = ", ".join(
            scope.steps[edge.step].id + ("*" if edge.inferred else "") for edge in step.after
        )
        told = [_verb(step), f"after {after}" if after else "at once"]
        if step.condition:
            told.append(f"if {step.condition}")
        if step.retry.max_attempts > 1:
            told.append(f"up to {step.retry.max_attempts} attempts")
        told.append(f"timeout {format_duration(step.timeout.attempt)}")
        yield f"    {step.id:16} " + ", ".join(told)


def _mermaid_scope(scope: Scope, prefix: str) -> Iterator[str]:
    for step in scope.steps:
        yield f'    {prefix}{step.id}["{step.id}<br/><small>{_verb(step)}</small>"]'
    for step in scope.steps:
        for edge in step.after:
            arrow = "-.->" if edge.inferred else "-->"
            yield f"    {prefix}{scope.steps[edge.step].id} {arrow} {prefix}{step.id}"


def _verb(step: Step) -> str:
    return step.verb.operation if isinstance(step.verb, Uses) else "set"
