"""What a step does, in a few words."""

from datetime import timedelta

from engine.core.anatomy import Part
from engine.core.plan import (
    Approve,
    Await,
    Block,
    Call,
    Case,
    Emit,
    Fail,
    ForEach,
    Handler,
    Race,
    Repeat,
    Rollback,
    Set,
    Start,
    Step,
    Switch,
    Uses,
    Verb,
    Wait,
)
from engine.core.rendering.excerpt import visible
from engine.core.run import Role
from engine.core.values import canonical, format_duration


def kind(step: Step) -> str:
    """Return the verb of a step, by the word of the language."""
    return _KINDS[type(step.verb)]


_KINDS: dict[type, str] = {
    Uses: "uses", Set: "set", Call: "call", Start: "call", Block: "block", ForEach: "for_each",
    Repeat: "repeat", Switch: "switch", Race: "race", Wait: "wait", Await: "await",
    Approve: "approve", Emit: "emit", Fail: "fail", Rollback: "rollback",
}  # fmt: skip


def what(verb: Verb) -> str:
    """Return what a verb does, on one line that steers no terminal."""
    match verb:
        case Uses(operation):
            told = operation
        case Set(values):
            told = f"set {', '.join(each.name for each in values)}"
        case Emit(type_):
            told = f"emit {type_}"
        case Fail(type_):
            told = f"fail {type_}"
        case Rollback(steps):
            told = f"rollback {', '.join(steps)}"
        case Wait() | Await() | Approve():
            told = _waiting(verb)
        case _:
            told = _opening(verb)
    return visible(told)


def heading(part: Part) -> str:
    """Return what a scope is to what it hangs on; nothing for the only body of a step."""
    match part.role, part.source:
        case Role.CASE, Case(value=value, condition=None):
            told = canonical(value).decode() if not isinstance(value, str) else value
        case Role.CASE, Case(condition=str() as condition):
            told = f"if {condition}"
        case Role.HANDLER, Handler() as handler:
            told = _handler(handler)
        case _:
            told = _HEADINGS.get(part.role, part.label)
    return visible(told)


_HEADINGS = {
    Role.FALLBACK: "fallback",
    Role.FINALLY: "finally",
    Role.UNDO: "compensate",
    Role.ALERT: "on_compensation_failure",
    Role.BODY: "",
}


def span(duration: timedelta, longest: timedelta) -> str:
    """Return a duration as the language writes it; one at its limit says so."""
    if duration >= longest:
        return "no limit"
    if duration >= timedelta(minutes=1):
        duration = timedelta(seconds=round(duration.total_seconds()))
    return format_duration(duration)


def cut(text: str, longest: int) -> str:
    """Return the text, or its beginning with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _waiting(verb: Wait | Await | Approve) -> str:
    match verb:
        case Wait(duration=str() as duration):
            return f"wait {duration}"
        case Wait(until=until):
            return f"wait until {until}"
        case Await(within=within, event=event):
            return f"await {event or 'a callback'}, {format_duration(within)}"
        case _:
            many = f"{verb.min} of " if verb.min > 1 else ""
            return f"approve by {many}{', '.join(verb.by)}, {format_duration(verb.expires)}"


def _opening(verb: Call | Start | Block | ForEach | Repeat | Switch | Race) -> str:
    match verb:
        case Call(workflow):
            return f"call {workflow}"
        case Start(workflow):
            return f"start {workflow}"
        case ForEach(over, name, max_items=most, max_parallel=at_once):
            return f"for each {name} of {over}, at most {most}, {min(most, at_once)} at once"
        case Repeat(until=until, max_times=most):
            return f"repeat until {until}, at most {most} times"
        case Switch(value=str() as value):
            return f"switch {value}"
        case _:
            return verb.__class__.__name__.lower()


def _handler(handler: Handler) -> str:
    words = [
        handler.type,
        f"of {handler.step}" if handler.step else "",
        handler.error_class,
        f"if {handler.condition}" if handler.condition else "",
        "then recover" if handler.recover else "",
    ]
    return " ".join(["on_failure", *filter(None, words)])
