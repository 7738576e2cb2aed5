"""The documents that workflows share: what their models alone cannot say of them."""

from collections.abc import Iterable
from datetime import date

from engine.core import spec
from engine.core.commit.neighbour import Neighbours
from engine.core.compiler import connection, environment, timing
from engine.core.compiler.findings import Findings, Path, Place, listed, meant
from engine.core.facts import Catalogue
from engine.core.zone import zone


def check(
    findings: Findings, model: spec.Document, catalogue: Catalogue, neighbours: Neighbours
) -> None:
    """Find what is wrong with a document that is no workflow."""
    match model:
        case spec.Calendar():
            _check_calendar(findings, model)
        case spec.CircuitBreaker():
            timing.span(findings, model.window, ("window",))
            timing.span(findings, model.open_for, ("open_for",))
        case spec.Connection():
            _check_adapter(findings, model.adapter, ("adapter",), catalogue)
            connection.check(findings, model, catalogue)
        case spec.Pool():
            for index, name in enumerate(model.adapters or ()):
                _check_adapter(findings, name, ("adapters", index), catalogue)
        case spec.Environment():
            environment.check(findings, model, neighbours)
            connection.check_overlays(findings, model, catalogue, neighbours)
        case _:
            pass


def check_zones(findings: Findings, workflow: spec.Workflow) -> None:
    """Find time zones of a workflow that do not exist."""
    for name, trigger in workflow.triggers.items():
        if isinstance(trigger, spec.ScheduleTrigger):
            _check_zone(findings, trigger.timezone, ("triggers", name, "timezone"))
    for index, objective in enumerate(workflow.objectives):
        _check_zone(findings, objective.timezone, ("objectives", index, "timezone"))


def _check_zone(findings: Findings, name: str, path: Path) -> None:
    """Find a time zone that does not exist."""
    try:
        zone(name)
    except ValueError:
        message = f'there is no time zone "{name}"'
        hint = "write a name of the IANA database, such as Europe/Oslo or UTC"
        findings.error("unknown-timezone", message, Place(path), hint=hint)


def _check_calendar(findings: Findings, model: spec.Calendar) -> None:
    _check_zone(findings, model.timezone, ("timezone",))
    _check_dates(findings, model.except_, "except")
    _check_dates(findings, model.also, "also")
    for index, day in enumerate(model.also):
        if day in model.except_:
            message = f"{day} cannot be both in `except` and in `also`"
            where = Place(("except", model.except_.index(day)))
            place = Place(("also", index))
            related = [(where, "it is excepted here")]
            findings.error("bad-value", message, place, hint="take one out", related=related)


def _check_dates(findings: Findings, days: Iterable[str], key: str) -> None:
    for index, day in enumerate(days):
        try:
            date.fromisoformat(day)
        except ValueError:
            message = f'there is no day "{day}"'
            findings.error("bad-value", message, Place((key, index)), hint="write 2026-12-24")


def _check_adapter(findings: Findings, name: str, path: Path, catalogue: Catalogue) -> None:
    """Find the name of an adapter, or of an operation of one, that is not there."""
    known = catalogue.adapters
    if name not in known:
        adapters = {each for each in known if "." not in each}
        message = f'there is no adapter or operation "{name}"'
        findings.error(
            "unknown-adapter", message, Place(path), hint=meant(name, known),
            expected=listed(sorted(adapters), "no adapter"),
        )  # fmt: skip
