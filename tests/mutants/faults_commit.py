"""Faults between documents: what a spec names in others, how they start each other, choices."""

import re
from collections.abc import Iterator

from tests.mutants.fault import Change, Spec, fault, plain
from tests.mutants.tree import Data, Path, typo, without

_HEAD: dict[str, Data] = {"apiVersion": plain("sark/v1"), "kind": plain("Workflow")}


def _and(spec: Spec, document: dict[str, Data]) -> Change:
    """Return the file with another document at its end."""
    assert isinstance(spec.root, list)
    return spec.written([*spec.root, document], (len(spec.root), "name"))


def duplicate_names(spec: Spec) -> Iterator[Change]:
    assert isinstance(spec.root, list)
    for number, document in enumerate(spec.root):
        if isinstance(document, dict):
            yield _and(spec, document)
            for other in ("hello", "world"):
                if document["kind"] == "Workflow" and document["name"] != other:
                    yield spec.put((number, "name"), plain(other))


def look_alikes(spec: Spec) -> Iterator[Change]:
    say: Data = {"say": {"uses": plain("echo.say@1"), "with": {"message": plain("a")}}}
    for _, document in spec.documents():
        name = str(document["name"])
        for one, other in (("o", "0"), ("l", "1")):
            if one in name:
                told = plain(name.replace(one, other, 1))
                yield _and(spec, {**_HEAD, "name": told, "steps": say})


def unknown_workflows(spec: Spec) -> Iterator[Change]:
    for path, body in spec.bodies("call"):
        yield spec.put((*path, "call"), plain(typo(str(body["call"]))))
    for path, trigger in spec.triggers():
        if "workflow" in trigger:
            yield spec.put((*path, "workflow"), plain("nobody"))
    for start, document in spec.documents("WorkflowTest"):
        yield spec.put((*start, "workflow"), plain(typo(str(document["workflow"]))))
    for start, _ in spec.documents():
        yield from _step(spec, start, {"call": plain("nobody")})


def _step(spec: Spec, start: Path, step: Data) -> Iterator[Change]:
    if isinstance(spec.at((*start, "steps")), dict):
        yield spec.put((*start, "steps", "added"), step)


def unknown_pools(spec: Spec) -> Iterator[Change]:
    yield from _named(spec, "pool")


def unknown_breakers(spec: Spec) -> Iterator[Change]:
    yield from _named(spec, "circuit")


def _named(spec: Spec, key: str) -> Iterator[Change]:
    for path, step in spec.steps():
        if "uses" in step:
            yield spec.put((*path, key), plain(typo(str(step.get(key, "warehouse")))))


def unknown_calendars(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        if trigger.get("type") == "schedule":
            yield spec.put((*path, "calendar"), plain("ofice-days"))


def unknown_connections(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        if "connection" in trigger:
            yield spec.put((*path, "connection"), plain("nowhere"))


def unknown_environments(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents("Environment"):
        told = document.get("promotion")
        if isinstance(told, dict):
            yield spec.put((*start, "promotion", "from"), plain(typo(str(told["from"]))))
        else:
            yield spec.put((*start, "promotion"), {"from": plain("nowhere")})


def unverifiable_promotions(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents("Environment"):
        told = document.get("promotion")
        if isinstance(told, dict):
            yield spec.put((*start, "promotion", "verify"), [plain(typo("smoke"))])


def connections_without_files(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents("Connection"):
        if str(document["adapter"]).startswith("file"):
            yield spec.put((*start, "adapter"), plain("http"))


def call_faults(spec: Spec) -> Iterator[tuple[str, Change]]:
    for path, body in spec.bodies("call"):
        given = body.get("with")
        for name in given if isinstance(given, dict) else ():
            yield "missing", spec.without((*path, "with", name))
            yield "wrong", spec.put((*path, "with", name), [plain("1")])
        yield "unknown", spec.put((*path, "with", "colour"), plain("red"))


def calls_lacking(spec: Spec) -> Iterator[Change]:
    yield from (change for kind, change in call_faults(spec) if kind == "missing")


def calls_with_more(spec: Spec) -> Iterator[Change]:
    yield from (change for kind, change in call_faults(spec) if kind == "unknown")


def calls_of_wrong_type(spec: Spec) -> Iterator[Change]:
    yield from (change for kind, change in call_faults(spec) if kind == "wrong")


def triggers_lacking(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        given = trigger.get("with")
        for name in given if isinstance(given, dict) else ():
            told = spec.at((path[0], "inputs", name))
            if isinstance(told, dict) and "default" not in told:
                yield spec.without((*path, "with", name))


def triggers_with_more(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        if "with" in trigger:
            yield spec.put((*path, "with", "colour"), plain("red"))


def triggers_of_wrong_type(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        given = trigger.get("with")
        for name in given if isinstance(given, dict) else ():
            yield spec.put((*path, "with", name), [plain("1")])


def unknown_trigger_types(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        yield spec.put((*path, "type"), plain(typo(str(trigger["type"]))))


def bad_crons(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        if "cron" in trigger:
            for wrong in ("* * *", "every day", "0 0 * * * *"):
                yield spec.put((*path, "cron"), wrong)
        if trigger.get("type") == "schedule":
            yield spec.put((*path, "timezone"), plain("Europe/Olso"))


def cron_ranges(spec: Spec) -> Iterator[Change]:
    for path, trigger in spec.triggers():
        if "cron" in trigger:
            for wrong in ("61 * * * *", "0 25 * * *", "0 0 * 13 *", "*/0 * * * *", "0 0 * * MOO"):
                yield spec.put((*path, "cron"), wrong)


def call_cycles(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        yield from _step(spec, start, {"call": document["name"]})


def trigger_cycles(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        after: Data = {"type": plain("workflow"), "workflow": document["name"]}
        yield spec.put((*start, "triggers", "again"), after)
    for path, body in spec.bodies("emit"):
        told = body["emit"]
        event: Data = told.get("type", plain("a")) if isinstance(told, dict) else plain("a")
        loop: Data = {"type": plain("event"), "event": event}
        yield spec.put((path[0], "triggers", "again"), loop)


def silent_events(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        here = path[-1:] == ("event",) and isinstance(value, str)
        if here and str(value).startswith("acme.") and "given" not in path:
            payload = (*path[:-1], "payload")
            if not spec.has(payload):
                yield spec.put(path, plain(typo(str(value))))
    for start, _ in spec.documents():
        hears: Data = {"await": {"event": plain("acme.nobody"), "within": plain("1m")}}
        yield from _step(spec, start, hears)


def reserved_events(spec: Spec) -> Iterator[Change]:
    for path, _ in spec.bodies("emit"):
        if spec.has((*path, "emit", "type")):
            for told in ("github.push", "sark.objective.missed"):
                yield spec.put((*path, "emit", "type"), plain(told))
    for start, _ in spec.documents():
        yield from _step(spec, start, {"emit": {"type": plain("github.check_run")}})


def _switches(spec: Spec) -> Iterator[tuple[Path, dict[str, Data]]]:
    for path, value in spec.mappings():
        if path[-1] == "switch" and isinstance(value.get("cases"), dict):
            yield path, value


def missing_cases(spec: Spec) -> Iterator[Change]:
    for path, value in _switches(spec):
        if "else" in value:
            yield spec.without((*path, "else"))
            continue
        cases = value["cases"]
        for case in cases if isinstance(cases, dict) else ():
            yield spec.without((*path, "cases", case))


def unknown_cases(spec: Spec) -> Iterator[Change]:
    for path, value in _switches(spec):
        cases = value["cases"]
        for case in cases if isinstance(cases, dict) and "else" not in value else ():
            yield spec.renamed((*path, "cases", case), typo(case))
            yield spec.put((*path, "cases", "another"), {"steps": []})


def duplicate_cases(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-1:] == ("switch",) and isinstance(value, list):
            for choice in value:
                if isinstance(choice, dict) and "if" in choice:
                    yield spec.put(path, [choice, *value], (*path, 1))


def unreachable_branches(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-1:] == ("switch",) and isinstance(value, list) and "else" in value[-1]:
            late: Data = {"if": plain("run.id == 'x'"), "steps": []}
            yield spec.put(path, [*value, late], (*path, len(value) - 1))
        if path[-1:] == ("on_failure",) and isinstance(value, list):
            every: Data = {"match": {"any": plain("true")}, "steps": []}
            yield spec.put(path, [every, *value], (*path, 1))
    for start, document in spec.documents():
        every = {"match": {"any": plain("true")}, "steps": []}
        if "on_failure" not in document:
            yield spec.put((*start, "on_failure"), [every, every], (*start, "on_failure", 1))


def constant_conditions(spec: Spec) -> Iterator[Change]:
    for path, _ in spec.steps():
        yield spec.put((*path, "if"), plain("1 == 1"))


def unused_documents(spec: Spec) -> Iterator[Change]:
    for kind, more in (("Pool", {}), ("CircuitBreaker", {}), ("Calendar", {}),
                       ("Connection", {"adapter": plain("http")})):  # fmt: skip
        yield _and(spec, {**_HEAD, "kind": plain(kind), "name": plain("forgotten"), **more})


def bad_headings(spec: Spec) -> Iterator[Change]:
    assert isinstance(spec.root, list)
    for number, document in enumerate(spec.root):
        assert isinstance(document, dict)
        yield spec.put((number, "kind"), plain(typo(str(document["kind"]))))
        yield spec.put((number, "apiVersion"), plain("sark/v2"))
        yield spec.put((number, "name"), plain("Not A Name"))
        for key in ("kind", "name", "apiVersion"):
            yield spec.written(without(spec.root, (number, key)), (number,))


def missing_files(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-1:] == ("$ref",) and str(value).endswith(".json"):
            for wrong in (typo(str(value)[:-5]) + ".json", "../secret.json", "templates/"
                          "timeline.md.j2"):  # fmt: skip
                yield spec.put(path, plain(wrong))
        if path[-1:] == ("template",) and str(value).endswith(".j2"):
            yield spec.put(path, plain("templates/nothing.md.j2"))
    for start, _ in spec.documents():
        given: Data = {"template": plain("templates/nothing.md.j2")}
        yield from _step(spec, start, {"uses": plain("text.render@1"), "with": given})


def duplicate_routes(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        inputs = document.get("inputs")
        if isinstance(inputs, dict) and any("default" not in each for each in inputs.values()):
            continue
        hook: Data = {"type": plain("webhook"), "path": plain("/hooks/web-built"),
                      "auth": {"bearer": plain("key")}}  # fmt: skip
        yield spec.put((*start, "triggers", "again"), hook)


def over_budgets(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        calls = len(re.findall(r"'uses':", repr(document["steps"])))
        if calls:
            yield spec.put((*start, "budget"), {"adapter_calls": plain("0")})


FAULTS = (
    fault("duplicate-name", "Two documents of a kind have one name.", "duplicate-name",
          duplicate_names, near=None),
    fault("look-alike", "Two names look alike (a warning).", "look-alike", look_alikes, near=None),
    fault("unknown-workflow", "A workflow is named that is not there.",
          "unknown-workflow", unknown_workflows),
    fault("unknown-pool", "A pool is named that is not there.", "unknown-pool", unknown_pools),
    fault("unknown-breaker", "A circuit breaker is named that is not there.",
          "unknown-breaker", unknown_breakers),
    fault("unknown-calendar", "A calendar is named that is not there.",
          "unknown-calendar", unknown_calendars),
    fault("unknown-connection", "A connection is named that is not there.",
          "unknown-connection", unknown_connections),
    fault("unknown-environment", "A promotion comes from an environment that is not there.",
          "unknown-environment", unknown_environments),
    fault("unknown-verification", "A promotion waits for a workflow that is not there.",
          "unknown-workflow", unverifiable_promotions),
    fault("no-listing", "The connection of a file trigger leads to no files.",
          "no-listing", connections_without_files, near=None),
    fault("call-lacking-input", "A call lacks an input.", "missing-input", calls_lacking),
    fault("call-unknown-input", "A call gives an input that there is not.",
          "unknown-input", calls_with_more),
    fault("call-wrong-type", "A call gives an input of a wrong type.",
          "bad-input wrong-type", calls_of_wrong_type),
    fault("trigger-lacking-input", "A trigger lacks an input.", "missing-input", triggers_lacking),
    fault("trigger-unknown-input", "A trigger gives an input that there is not.",
          "unknown-input", triggers_with_more),
    fault("trigger-wrong-type", "A trigger gives an input of a wrong type.",
          "bad-input wrong-type", triggers_of_wrong_type),
    fault("trigger-type", "The type of a trigger is misspelt.",
          "unknown-type bad-value", unknown_trigger_types),
    fault("bad-schedule", "A schedule can never be, or its zone is misspelt.",
          "bad-value unknown-timezone", bad_crons),
    fault("cron-range", "A field of a cron is outside its range.", "bad-value", cron_ranges),
    fault("call-cycle", "A workflow calls itself.", "call-cycle", call_cycles, near=None),
    fault("trigger-cycle", "A workflow starts itself, by its end or an event.",
          "trigger-cycle", trigger_cycles, near=None),
    fault("silent-event", "An event is waited for that nobody emits (a warning).",
          "event-nobody-emits", silent_events),
    fault("reserved-event", "A step emits what only a forge or the engine tells.",
          "reserved-event", reserved_events),
    fault("missing-case", "A case of a `switch`, or its `else`, is gone.",
          "missing-case", missing_cases, near=None),
    fault("unknown-case", "A case is for a value that there cannot be.",
          "unknown-case", unknown_cases),
    fault("duplicate-case", "Two cases have one condition.", "duplicate-case", duplicate_cases,
          near=None),
    fault("unreachable", "Something stands where nothing comes (a warning).",
          "unreachable bad-value", unreachable_branches),
    fault("constant-condition", "A condition is the same in every run (a warning).",
          "constant-condition", constant_conditions),
    fault("unused-document", "Nothing names a document (a warning).",
          "unused-document", unused_documents),
    fault("bad-heading", "`kind`, `name` or `apiVersion` is wrong or gone.",
          "unknown-kind bad-value not-a-spec missing-key bad-name", bad_headings),
    fault("missing-file", "A file is named that is not there, or is another.",
          "missing-file bad-file", missing_files, near=4),
    fault("duplicate-route", "Two webhooks have one path.", "duplicate-route",
          duplicate_routes, near=None),
    fault("over-budget", "The worst case is over the budget.", "over-budget", over_budgets),
)  # fmt: skip
