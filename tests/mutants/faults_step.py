"""Faults of steps: their verbs, what they call, their order and what they refer to."""

import re
from collections.abc import Iterator

from tests.mutants.fault import VERBS, Change, Spec, fault, plain
from tests.mutants.tree import Data, Path, typo

_STEP = re.compile(r"(?<![\w.])steps\.([a-z]\w*)")
_OUTPUT = re.compile(r"(?<![\w.])steps\.[a-z]\w*\.outputs\.([a-z]\w*)")
_INPUT = re.compile(r"(?<![\w.])inputs\.([a-z]\w*)")
_STATE = re.compile(r"(?<![\w.])steps\.[a-z]\w*\.(status|succeeded|failed|skipped|timed_out)\b")


def misspelt_verbs(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        for verb in sorted(VERBS & set(step)):
            yield spec.renamed((*path, verb), typo(verb))


def two_verbs(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        others: dict[str, Data] = {"wait": {"for": plain("1s")}, "set": {}, "call": plain("other")}
        for verb, value in others.items():
            if verb not in step:
                first = min(VERBS & set(step))
                both: dict[str, Data] = {}
                for key in step:
                    both |= {verb: value, key: step[key]} if key == first else {key: step[key]}
                yield spec.put(path, both, (*path, verb))


def no_verb(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        for verb in sorted(VERBS & set(step)):
            yield spec.without((*path, verb))


def misspelt_operations(spec: Spec) -> Iterator[Change]:
    for path, body in spec.bodies("uses"):
        name, _, _ = spec.scalar((*path, "uses")).partition("@")
        for wrong in (typo(name) + "@1", name + "@9", name, name + "@1.0", str(body["uses"]) + "x"):
            yield spec.put((*path, "uses"), plain(wrong))


def missing_arguments(spec: Spec) -> Iterator[Change]:
    needed = {"url", "argv", "message", "template", "statement", "dsn", "table", "file", "to",
              "subject", "repo", "sha", "context", "state", "number", "body", "ref"}  # fmt: skip
    for path, body in spec.bodies("uses"):
        given = body.get("with")
        if isinstance(given, dict) and "argv" not in given and "script" not in given:
            http = str(body["uses"]).startswith("http.")
            status = body["uses"] == "github.status@1"
            for name in sorted(needed & set(given)):
                if (name == "url" and not http) or (name == "context" and not status):
                    continue
                yield spec.without((*path, "with", name))


def unknown_arguments(spec: Spec) -> Iterator[Change]:
    for path, body in spec.bodies("uses"):
        given = body.get("with")
        if isinstance(given, dict):
            yield spec.put((*path, "with", "colour"), plain("red"))
            for name in given:
                yield spec.renamed((*path, "with", name), typo(name))


def bad_arguments(spec: Spec) -> Iterator[Change]:
    wrong: dict[str, Data] = {
        "method": plain("FETCH"), "url": plain("5"), "headers": [plain("a")], "argv": plain("ls"),
        "auth": plain("token"), "template": [plain("a")], "values": plain("7"), "to": plain("ann"),
        "statement": plain("7"), "number": plain("seven"), "ok_status": plain("200"),
        "network": plain("all"), "state": plain("fine"), "max_bytes": plain("-1"),
        "subject": {"a": plain("1")}, "image": plain("7"), "delay": plain("5"), "env": plain("a"),
    }  # fmt: skip
    for path, body in spec.bodies("uses"):
        given = body.get("with")
        for name in given if isinstance(given, dict) else ():
            is_text = isinstance(spec.at((*path, "with", name)), str)
            if name in wrong and not (name == "auth" and is_text):
                yield spec.put((*path, "with", name), wrong[name])


def misspelt_steps(spec: Spec) -> Iterator[Change]:
    yield from _in_reads(spec, _STEP)


def misspelt_outputs(spec: Spec) -> Iterator[Change]:
    yield from _in_reads(spec, _OUTPUT)


def misspelt_inputs(spec: Spec) -> Iterator[Change]:
    yield from _in_reads(spec, _INPUT)


def misspelt_results(spec: Spec) -> Iterator[Change]:
    yield from _in_reads(spec, _STATE)


def _in_reads(spec: Spec, pattern: re.Pattern[str]) -> Iterator[Change]:
    for path, text in spec.reads():
        for found in pattern.finditer(text):
            start, end = found.span(1)
            yield spec.put(path, _same(text, text[:start] + typo(found[1]) + text[end:]))


def _same(old: str, new: str) -> str:
    return type(old)(new)


def later_steps(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-1:] == ("steps",) and isinstance(value, list):
            for number in range(len(value) - 1):
                later = value[number + 1]
                if isinstance(later, dict) and isinstance(later.get("id"), str):
                    text = plain(f"steps.{later['id']}.succeeded")
                    yield spec.put((*path, number, "if"), text)


def self_references(spec: Spec) -> Iterator[Change]:
    for path, _step in spec.steps():
        name = _name(spec, path)
        yield spec.put((*path, "if"), plain(f"steps.{name}.succeeded"))
        yield spec.put((*path, "needs"), [plain(name)])


def _name(spec: Spec, path: Path) -> str:
    return str(path[-1]) if isinstance(path[-1], str) else spec.scalar((*path, "id"))


def _edges(spec: Spec) -> Iterator[tuple[Path, Path]]:
    """Yield step and predecessor, both of the same mapping."""
    for path, _ in spec.steps():
        inside = [text for at, text in spec.reads() if at[: len(path)] == path]
        names = {found[1] for text in inside for found in _STEP.finditer(text)}
        needs = spec.at((*path, "needs")) if spec.has((*path, "needs")) else []
        names |= set(map(str, needs))
        for name in sorted(names):
            other = (*path[:-1], name)
            if isinstance(path[-1], str) and spec.has(other) and other != path:
                yield path, other


def cycles_by_needs(spec: Spec) -> Iterator[Change]:
    for later, earlier in _edges(spec):
        yield spec.put((*earlier, "needs"), [plain(str(later[-1]))])


def cycles_by_reference(spec: Spec) -> Iterator[Change]:
    for later, earlier in _edges(spec):
        yield spec.put((*earlier, "if"), plain(f"steps.{later[-1]}.succeeded"))


def unknown_needs(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        needs = step.get("needs")
        if isinstance(needs, list):
            yield spec.put((*path, "needs", 0), plain(typo(str(needs[0]))))
        elif isinstance(needs, dict):
            for name in needs:
                yield spec.renamed((*path, "needs", name), typo(name))
        else:
            yield spec.put((*path, "needs"), [plain("nobody")])


def duplicate_steps(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-1:] == ("steps",) and isinstance(value, list):
            for number in range(1, len(value)):
                yield spec.put((*path, number, "id"), spec.at((*path, number - 1, "id")))
    for path, _ in spec.steps():
        holder = [part for part in path[:-2] if isinstance(part, str)]
        outer = [name for name in holder if spec.has((path[0], "steps", name))]
        if outer and isinstance(path[-1], int):
            yield spec.put((*path, "id"), plain(outer[0]))


def bad_results(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        needs = step.get("needs")
        for name in needs if isinstance(needs, list | dict) else ():
            names: dict[str, Data] = {str(each): plain("ok") for each in needs}  # type: ignore[union-attr]
            yield spec.put((*path, "needs"), {**names, str(name): plain("suceeded")},
                           (*path, "needs", str(name)))  # fmt: skip


def impossible_needs(spec: Spec) -> Iterator[Change]:
    """A `fail` never succeeds, and what a step reads was not skipped and has not failed."""
    for later, earlier in _edges(spec):
        texts = [text for at, text in spec.reads() if at[: len(later)] == later]
        body = spec.at(later)
        mark = f"steps.{earlier[-1]}.outputs"
        reads = any(mark in text and "default" not in text for text in texts)
        if reads and isinstance(body, dict) and "compensate" not in body:
            for state in ("failed", "skipped"):
                yield spec.put((*later, "needs"), {str(earlier[-1]): plain(state)})
    for path, step in spec.steps():
        if "fail" in step and isinstance(path[-1], str):
            waits: Data = {"wait": {"for": plain("1s")},
                           "needs": {path[-1]: plain("succeeded")}}  # fmt: skip
            yield spec.put((*path[:-1], "afterwards"), waits)


def bad_ids(spec: Spec) -> Iterator[Change]:
    for path, _ in spec.steps():
        for wrong in ("Bad-Id", "1st", "finally"):
            if isinstance(path[-1], str):
                yield spec.renamed(path, wrong)
            else:
                yield spec.put((*path, "id"), plain(wrong))


def bad_joins(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        needs = step.get("needs")
        count = len(needs) if isinstance(needs, list | dict) else 0
        for join in (str(count + 1), "some", "0"):
            yield spec.put((*path, "join"), plain(join))


def misplaced_modifiers(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        if "uses" not in step:
            yield spec.put((*path, "retry"), {"max_attempts": plain("2")})
            yield spec.put((*path, "cache"), {"ttl": plain("1h")})
            yield spec.put((*path, "idempotency"), {"key": plain("a")})


FAULTS = (
    fault("misspelt-verb", "A verb has two letters changed over.", "unknown-key no-verb",
          misspelt_verbs),
    fault("two-verbs", "A step has a second verb.", "two-verbs", two_verbs),
    fault("no-verb", "A step has lost its verb.", "no-verb", no_verb),
    fault("misspelt-operation", "An operation is misspelt, or has no such major.",
          "unknown-operation bad-value", misspelt_operations),
    fault("missing-argument", "A required argument is gone.", "missing-argument",
          missing_arguments),
    fault("unknown-argument", "An argument is misspelt, or there is one too many.",
          "unknown-argument", unknown_arguments),
    fault("bad-argument", "A constant argument does not fit its schema.",
          "bad-argument", bad_arguments),
    fault("misspelt-step", "An expression reads a step by a wrong name.",
          "unknown-step", misspelt_steps),
    fault("misspelt-output", "An expression reads an output by a wrong name.",
          "unknown-output", misspelt_outputs),
    fault("misspelt-input", "An expression reads an input by a wrong name.",
          "unknown-input", misspelt_inputs),
    fault("misspelt-result", "An expression reads the state of a step by a wrong name.",
          "unknown-property unknown-output", misspelt_results),
    fault("later-step", "A step of a list reads the one after it.", "later-step", later_steps),
    fault("self-reference", "A step waits for itself or reads itself.",
          "self-reference", self_references),
    fault("cycle-by-needs", "Two steps wait for each other by `needs`.",
          "cycle", cycles_by_needs, near=None),
    fault("cycle-by-reference", "Two steps wait for each other by what they read.",
          "cycle", cycles_by_reference, near=None),
    fault("unknown-needs", "`needs` names a step that is not there.",
          "unknown-step", unknown_needs),
    fault("duplicate-step", "Two steps of a scope, or of one around it, have one id.",
          "duplicate-step", duplicate_steps),
    fault("bad-result", "`needs` asks for a result that there is not.", "bad-value", bad_results),
    fault("impossible-needs", "`needs` asks for a result with which the step can never run.",
          "never-runs unreachable", impossible_needs),
    fault("bad-id", "A step has an id that is no name, or a reserved one.",
          "bad-name reserved-id bad-value", bad_ids),
    fault("bad-join", "`join` asks for more than all, none, or a word.",
          "bad-join bad-value wrong-type", bad_joins),
    fault("misplaced-modifier", "A modifier of `uses` stands beside another verb.",
          "misplaced-key", misplaced_modifiers),
)  # fmt: skip
