"""Faults of safety: secrets, values of strangers, effects, bounds and time."""

import re
from collections.abc import Callable, Iterator

from tests.mutants.fault import Change, Spec, fault, plain
from tests.mutants.tree import Data, Path, put, typo

_SECRET = re.compile(r"(?<![\w.])secrets\.([a-z]\w*)")


def _with_secret(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Yield every workflow that has a secret, and how it is read."""
    for start, document in spec.documents():
        names = document.get("secrets")
        if isinstance(names, list) and names:
            yield start, f"secrets.{names[0]}"


def _steps_with_secret(spec: Spec) -> Iterator[tuple[Path, dict[str, Data], str]]:
    secrets = dict(_with_secret(spec))
    for path, step in spec.steps():
        if path[:1] in secrets and "callback" not in path:
            yield path, step, secrets[path[:1]]


def secrets_in_urls(spec: Spec) -> Iterator[Change]:
    """A URL of an operation that does not take secrets there: an address in a comment."""
    for path, _, secret in _steps_with_secret(spec):
        if spec.has((*path, "with", "body")) or spec.has((*path, "with", "text")):
            name = "body" if spec.has((*path, "with", "body")) else "text"
            yield spec.put((*path, "with", name), "https://x.example/?t={{ " + secret + " }}")


def secrets_in_bodies(spec: Spec) -> Iterator[Change]:
    for path, step, secret in _steps_with_secret(spec):
        if str(step.get("uses", "")).startswith("http.request"):
            yield spec.put((*path, "with", "json"), {"token": "{{ " + secret + " }}"})
            yield spec.put((*path, "with", "query"), {"token": "{{ " + secret + " }}"})


def secrets_in_conditions(spec: Spec) -> Iterator[Change]:
    for path, _, secret in _steps_with_secret(spec):
        yield spec.put((*path, "if"), plain(f"{secret} == 'x'"))


def secrets_in_outputs(spec: Spec) -> Iterator[Change]:
    for start, secret in _with_secret(spec):
        told: Data = {"type": plain("string"), "value": "{{ " + secret + " }}"}
        yield spec.put((*start, "outputs", "leak"), told)
        yield spec.put((*start, "outputs", "leak"), {"value": ["{{ " + secret + " | sha256 }}"]})


def secrets_in_events(spec: Spec) -> Iterator[Change]:
    yield from _added(spec, lambda s: {"emit": {"type": plain("acme.leak"), "data": {"a": s}}})
    yield from _added(spec, lambda s: {"emit": {"type": plain("acme.leak"), "subject": s}})


def secrets_in_messages(spec: Spec) -> Iterator[Change]:
    yield from _added(spec, lambda s: {"fail": {"type": plain("a.b"), "message": f"no {s}"}})
    yield from _added(spec, lambda s: {"uses": plain("echo.say@1"), "with": {"message": s}})
    yield from _added(spec, lambda s: {"approve": {"by": [plain("group:a")],
                                                   "expires": plain("1m"), "show": s}})  # fmt: skip


def secrets_in_sets(spec: Spec) -> Iterator[Change]:
    yield from _added(spec, lambda s: {"set": {"x": {"value": s}}})
    yield from _added(spec, lambda s: {"wait": {"for": s}})


def secrets_in_calls(spec: Spec) -> Iterator[Change]:
    yield from _added(spec, lambda s: {"call": plain("rollback-release"), "with": {"run": s}})


def _added(spec: Spec, make: Callable[[str], Data]) -> Iterator[Change]:
    for start, secret in _with_secret(spec):
        step = make("{{ " + secret + " }}")
        if isinstance(spec.at((*start, "steps")), dict):
            yield spec.put((*start, "steps", "added"), step)


def secrets_in_keys(spec: Spec) -> Iterator[Change]:
    for start, secret in _with_secret(spec):
        yield spec.put((*start, "concurrency"), {"group": "{{ " + secret + " }}"})
        yield spec.put((*start, "idempotency"), {"key": "{{ " + secret + " }}"})
    for path, step, secret in _steps_with_secret(spec):
        if str(step.get("uses", "")).startswith("http.request"):
            yield spec.put((*path, "idempotency"), {"key": "{{ " + secret + " }}"})


def undeclared_secrets(spec: Spec) -> Iterator[Change]:
    for path, text in spec.templates():
        for found in _SECRET.finditer(text):
            start, end = found.span(1)
            yield spec.put(path, text[:start] + typo(found[1]) + text[end:])


def unused_secrets(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        names = document.get("secrets")
        others = names if isinstance(names, list) else []
        yield spec.put((*start, "secrets"), [*others, plain("forgotten")])


def unused_inputs(spec: Spec) -> Iterator[Change]:
    for start, _ in spec.documents():
        told: Data = {"type": plain("string"), "default": plain("a")}
        yield spec.put((*start, "inputs", "forgotten"), told)


def templates_in_code(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        reads = ["run.id", *(f"inputs.{name}" for name in _names(document.get("inputs")))]
        for read in reads[:3]:
            text = "{{ " + read + " }}"
            yield spec.with_step(start, {"uses": plain("shell.run@1"), "with": {"script": text}})
            given: Data = {"dsn": "a", "statement": f"select '{text}'"}
            yield spec.with_step(start, {"uses": plain("sql.query@1"), "with": given})


def bad_templates(spec: Spec) -> Iterator[Change]:
    wrong = ("{% include 'x' %}", "{% endfor %}", "{{ 1 | nope }}", "{{ 1 + }}", "{% if 1 %}x")
    yield from _in_templates(spec, wrong)


def missing_names(spec: Spec) -> Iterator[Change]:
    wrong = ("{{ nobody }}", "{% for each in nobody %}x{% endfor %}", "{% if nobody %}x{% endif %}",
             "{{ 'x' ~ nobody.name }}", "{{ 1 | default(nobody) }}")  # fmt: skip
    yield from _in_templates(spec, wrong)


def _in_templates(spec: Spec, wrong: tuple[str, ...]) -> Iterator[Change]:
    """Yield what is wrong at the end of each template that is rendered, and in a new one."""
    for path, step in spec.steps():
        given = step.get("with")
        template = given.get("template") if isinstance(given, dict) else None
        if isinstance(template, str) and step.get("uses") == "text.render@1":
            for each in wrong:
                yield spec.put((*path, "with", "template"), f"{template}{each}\n")
    for start, _ in spec.documents():
        for each in wrong:
            given = {"template": each}
            yield spec.with_step(start, {"uses": plain("text.render@1"), "with": given})


def _names(value: "Data | None") -> list[str]:
    return list(value) if isinstance(value, dict) else []


def unsafe_retries(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        given = step.get("with")
        if isinstance(given, dict) and given.get("method") == "POST":
            root = spec.without((*path, "idempotency")) if "idempotency" in step else None
            change = Spec.read(spec.name, root.text.encode()) if root else spec
            yield change.put((*path, "retry"), {"max_attempts": plain("3")})
    for start, _ in spec.documents():
        for uses in ("shell.run@1", "smtp.send@1"):
            told: Data = {"argv": [plain("ls")]} if uses == "shell.run@1" else {
                "to": [plain("a@b.example")], "subject": plain("a")}  # fmt: skip
            yield spec.with_step(start, {"uses": plain(uses), "with": told,
                                      "retry": {"max_attempts": plain("2")}})  # fmt: skip


def unsafe_caches(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        given = step.get("with")
        writes = isinstance(given, dict) and given.get("method") in ("POST", "PUT", "DELETE")
        if writes or str(step.get("uses")) in ("shell.run@1", "smtp.send@1", "github.comment@1"):
            yield spec.put((*path, "cache"), {"ttl": plain("1h")})


def unsafe_undoing(spec: Spec) -> Iterator[Change]:
    for path, _step in spec.steps():
        if spec.has((*path, "compensate", "with", "method")):
            yield spec.put((*path, "compensate", "with", "method"), plain("POST"))


def lowered_effects(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        given = step.get("with")
        if isinstance(given, dict) and given.get("method") in ("POST", "PUT", "DELETE"):
            yield spec.put((*path, "effect"), plain("read"))


def unasked(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        needs = step.get("needs")
        for name in needs if _destroys(step) and needs else ():
            for other, asks in spec.steps():
                if "approve" in asks and str(name) in (other[-1], asks.get("id")):
                    yield spec.written(_unasked(spec, other, asks), path)
    for start, _ in spec.documents():
        added: dict[str, Data] = {"uses": plain("http.request@1"), "with": {
            "method": plain("DELETE"), "url": plain("https://a.example/all")}}  # fmt: skip
        if not isinstance(spec.at((*start, "steps")), list):
            yield spec.with_step(start, added)


def _destroys(step: dict[str, Data]) -> bool:
    """True for a call that destroys by itself; an author who writes `effect` has thought of it."""
    given = step.get("with")
    return isinstance(given, dict) and given.get("method") == "DELETE" and "effect" not in step


def _unasked(spec: Spec, path: Path, asks: dict[str, Data]) -> Data:
    """Return the file with a step that waits where somebody was asked."""
    others = {key: value for key, value in asks.items() if key != "approve"}
    form: Data = {"type": plain("object"), "value": "{{ {'ticket': run.id} }}"}
    return put(spec.root, path, {**others, "set": {"form": form}})


def unchecked(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        needs = step.get("needs")
        for name in needs if isinstance(needs, dict) else ():
            asks = (*path[:-1], name, "approve")
            if spec.has(asks) and spec.has((*path[:-1], name, "if")):
                yield spec.put((*path, "needs"), [plain(name)])


def no_compensation(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        if "rollback" in step:
            names = spec.at((*path, "rollback", "steps"))
            for name in names if isinstance(names, list) else ():
                for other, _ in spec.steps():
                    here = other[-1] == name or (spec.has((*other, "id")) and (
                        spec.at((*other, "id")) == name))  # fmt: skip
                    if here and spec.has((*other, "compensate")):
                        root = spec.without((*other, "compensate"))
                        yield Change(root.text, spec.places[path])


def late_compensation(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        if step.get("pivot") == "true":
            given = {"method": plain("PUT"), "url": plain("https://a.example/")}
            call: dict[str, Data] = {"uses": plain("http.request@1"), "with": {**given}}
            undo: Data = {**call, "needs": [plain(str(path[-1]))], "compensate": call}
            yield spec.put((*path[:-1], "added"), undo, (*path[:-1], "added", "compensate"))


def idle_compensation(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        given = step.get("with")
        if isinstance(given, dict) and given.get("method", "") == "GET":
            undo: Data = {"uses": plain("http.request@1"), "with": {"method": plain("DELETE"),
                          "url": plain("https://a.example/")}}  # fmt: skip
            yield spec.put((*path, "compensate"), undo)


def unbounded(spec: Spec) -> Iterator[Change]:
    for path, _ in spec.mappings():
        bounds = {"for_each": "max_items", "repeat": "max_times", "await": "within",
                  "approve": "expires"}  # fmt: skip
        bound = bounds.get(str(path[-1]))
        if bound and spec.has((*path, bound)):
            over = spec.at((*path, "over")) if spec.has((*path, "over")) else ""
            if not str(over).startswith(("[", "inputs.")):
                yield spec.without((*path, bound))
    for start, document in spec.documents():
        for name in _names(document.get("inputs")):
            many = spec.at((*start, "inputs", name))
            if isinstance(many, dict) and "maxItems" in many:
                each: Data = {
                    "over": plain(f"inputs.{name}"),
                    "max_items": plain("1"),
                    "uses": plain("echo.say@1"),
                    "with": {"message": "{{ item }}"},
                }
                yield spec.with_step(start, {"for_each": each})


def bad_durations(spec: Spec) -> Iterator[Change]:
    names = ("timeout", "within", "expires", "ttl", "every", "for", "window", "initial", "max",
             "attempt", "total", "max_elapsed", "lookback", "retain", "per")  # fmt: skip
    for path, value in spec.walk():
        if (
            path
            and path[-1] in names
            and "with" not in path
            and isinstance(value, str)
            and re.match(r"\d+[smhd]$", value)
        ):
            for wrong in ("5x", "5", "0s", "-3s", "20000d", "5 minutes"):
                yield spec.put(path, plain(wrong))


def long_timeouts(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        if isinstance(document.get("timeout"), str):
            for path, step in spec.steps():
                if path[:1] == start and "wait" in step and len(path) == 3:
                    yield spec.put((*path, "wait"), {"for": plain("300d")})
                if path[:1] == start and "uses" in step and len(path) == 3:
                    yield spec.put((*path, "timeout"), plain("300d"))


FAULTS = (
    fault("secret-in-text", "A secret goes into a text with an address in it.", "secret-leak",
          secrets_in_urls),
    fault("secret-in-body", "A secret goes into the body or query of a request.",
          "secret-leak", secrets_in_bodies),
    fault("secret-in-condition", "A condition reads a secret.", "secret-leak unknown-name",
          secrets_in_conditions),
    fault("secret-in-output", "A secret leaves the workflow.", "secret-leak unknown-name",
          secrets_in_outputs),
    fault("secret-in-event", "A secret is emitted.", "secret-leak unknown-name",
          secrets_in_events, near=6),
    fault("secret-in-message", "A secret goes into an error, a question or a log.",
          "secret-leak unknown-name", secrets_in_messages, near=6),
    fault("secret-in-value", "A secret goes into a `set` or a `wait`.",
          "secret-leak unknown-name", secrets_in_sets, near=6),
    fault("secret-in-call", "A secret is handed to another workflow.",
          "secret-leak unknown-name", secrets_in_calls, near=6),
    fault("secret-in-key", "A secret is part of a key or a group.",
          "secret-leak unknown-name", secrets_in_keys),
    fault("undeclared-secret", "A secret is read that is not declared.",
          "unknown-secret", undeclared_secrets),
    fault("unused-secret", "A secret is declared and not read (a warning).",
          "unused-secret", unused_secrets, near=4),
    fault("unused-input", "An input is declared and not read (a warning).",
          "unused-input", unused_inputs),
    fault("template-in-code", "Code has a template of the spec.", "template-in-code",
          templates_in_code, near=5),
    fault("bad-template", "A template that is rendered is none.", "bad-code",
          bad_templates, near=12),
    fault("missing-name", "A template that is rendered reads what it is not given.",
          "unknown-name", missing_names, near=12),
    fault("unsafe-retry", "A write that is not idempotent is retried.",
          "unsafe-retry", unsafe_retries, near=9),
    fault("unsafe-cache", "A write is cached.", "unsafe-cache", unsafe_caches),
    fault("unsafe-undoing", "What undoes a step may not be repeated.",
          "unsafe-retry", unsafe_undoing, near=6),
    fault("lowered-effect", "A write says that it reads.", "effect-lowered", lowered_effects),
    fault("unapproved", "Nobody is asked before something is destroyed (a warning).",
          "unapproved-destructive", unasked, near=4),
    fault("unchecked-approval", "A step runs also where nobody was asked (a warning).",
          "unchecked-approval", unchecked),
    fault("no-compensation", "`rollback` names a step that nothing undoes.",
          "no-compensation", no_compensation, near=4),
    fault("late-compensation", "Something is to be undone after a pivot (a warning).",
          "late-compensation", late_compensation),
    fault("idle-compensation", "A read is undone (a warning).",
          "idle-compensation", idle_compensation),
    fault("unbounded", "A loop or a wait has no bound, or one below its list's.",
          "unbounded missing-key bad-bound", unbounded, near=4),
    fault("bad-duration", "A span of time is none, or out of bounds.",
          "bad-value bad-duration wrong-type", bad_durations),
    fault("long-timeout", "A part lasts longer than the whole (a warning).",
          "timeout-order", long_timeouts),
)  # fmt: skip
