"""Faults of the text: what YAML allows and specs do not, and keys that are written wrong."""

import re
from collections.abc import Iterator

from tests.mutants.fault import VERBS, Change, Spec, fault, plain
from tests.mutants.tree import Data, typo

_NAMES = frozenset(
    [
        "inputs",
        "outputs",
        "triggers",
        "steps",
        "cases",
        "branches",
        "set",
        "collect",
        "form",
        "labels",
    ]
)
_OPEN = frozenset(
    [
        "with",
        "json",
        "data",
        "values",
        "params",
        "env",
        "form",
        "binds",
        "properties",
        "headers",
        "workers",
    ]
)
_OPEN_NAMES = _OPEN | {"variables", "artifacts", "needs", "replace_where", "mock", "outputs"}


def misspelt_keys(spec: Spec) -> Iterator[Change]:
    for path, value in spec.mappings():
        if path[-1] in _NAMES | _OPEN_NAMES:
            continue
        for key in value:
            if key not in VERBS and not _OPEN_NAMES & set(map(str, path)):
                yield spec.renamed((*path, key), typo(key))


def keys_of_other_kinds(spec: Spec) -> Iterator[Change]:
    kinds = ("Pool", "CircuitBreaker", "Calendar", "Connection", "Environment", "WorkflowTest")
    for kind in kinds:
        for path, document in spec.documents(kind):
            for key in document:
                yield spec.renamed((*path, key), typo(key))


def duplicate_keys(spec: Spec) -> Iterator[Change]:
    for path, value in spec.mappings():
        for key in list(value)[:2]:
            line = spec.places[(*path, key)]
            text = spec.text.splitlines()[line - 1]
            found = re.match(r"[ -]*", text)
            assert found is not None
            if text.strip("- ").startswith(f"{key}:"):
                yield spec.lines(line, text[: found.end()] + f"{key}: x", " " * found.end() +
                                 text[found.end():])  # fmt: skip


def tabs(spec: Spec) -> Iterator[Change]:
    for number, line in enumerate(spec.text.splitlines(), 1):
        if line.startswith("    ") and number % 5 == 0:
            yield spec.lines(number, "\t" + line.lstrip())


def anchors(spec: Spec) -> Iterator[Change]:
    yield from _before_values(spec, "&x ")


def tags(spec: Spec) -> Iterator[Change]:
    yield from _before_values(spec, "!!str ")


def _before_values(spec: Spec, mark: str) -> Iterator[Change]:
    for number, line in enumerate(spec.text.splitlines(), 1):
        name, found, value = line.partition(": ")
        if found and number % 5 == 1:
            yield spec.lines(number, f"{name}: {mark}{value}")


def aliases(spec: Spec) -> Iterator[Change]:
    for number, line in enumerate(spec.text.splitlines(), 1):
        name, found, _ = line.partition(": ")
        if found and number % 7 == 1:
            yield spec.lines(number, f"{name}: *x")


def merge_keys(spec: Spec) -> Iterator[Change]:
    for path, _ in spec.steps():
        yield spec.put((*path, "<<"), {"optional": plain("true")})


def old_booleans(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if isinstance(value, str) and value in ("true", "false") and "cases" not in path:
            for word in ("yes", "off"):
                yield spec.put(path, plain(word))
    for path, step in spec.steps():
        if "optional" not in step:
            yield spec.put((*path, "optional"), plain("yes"))


def ambiguous(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-2:-1] in (("json",), ("data",), ("params",)) and isinstance(value, str):
            for word in ("NO", "014", "2026-01-02", "12:30"):
                yield spec.put(path, plain(word))


def broken(spec: Spec) -> Iterator[Change]:
    for number, line in enumerate(spec.text.splitlines(), 1):
        if line.endswith('"') and number % 3 == 0:
            yield spec.lines(number, line[:-1])


def commented_out(spec: Spec) -> Iterator[Change]:
    yield Change("".join(f"# {line}\n" for line in spec.text.splitlines()), 1)


def unquoted(spec: Spec) -> Iterator[Change]:
    for path, value in spec.templates():
        if value.startswith("{{"):
            yield spec.put(path, plain(value))


def wrong_shapes(spec: Spec) -> Iterator[Change]:
    for path, value in spec.mappings():
        other: Data = plain("7") if path[-1] != "steps" else plain("text")
        if path[-1] in ("steps", "retry", "backoff", "match", "approve", "emit", "for_each"):
            yield spec.put(path, other)
        if value and path[-1] in ("repeat", "await", "wait", "cache", "finally", "block"):
            yield spec.put(path, [plain("a")])


FAULTS = (
    fault("misspelt-key", "A key of a workflow, at any depth, has two letters changed over.",
          "unknown-key missing-key bad-schema", misspelt_keys, near=6),
    fault("misspelt-key-of-kind", "The same in a pool, breaker, calendar, connection and so on.",
          "unknown-key missing-key not-a-spec", keys_of_other_kinds),
    fault("duplicate-key", "A mapping has a key twice.", "duplicate-key", duplicate_keys),
    fault("tab", "A line is indented by a tab.", "tab", tabs),
    fault("anchor", "A value has an anchor.", "anchor", anchors),
    fault("alias", "A value is an alias.", "alias", aliases),
    fault("tag", "A value has a tag.", "tag", tags),
    fault("merge-key", "A step has a merge key.", "merge-key", merge_keys),
    fault("old-boolean", "A boolean is written as in YAML 1.1.",
          "wrong-type ambiguous-scalar", old_booleans),
    fault("ambiguous-scalar", "A text in free JSON is something else for YAML 1.1.",
          "ambiguous-scalar", ambiguous),
    fault("open-quote", "A quoted text does not end.", "yaml-syntax", broken, near=None),
    fault("empty-file", "All of a file is a comment.", "empty-file", commented_out),
    fault("unquoted-template", "A template has lost its quotes.",
          "unquoted-template yaml-syntax", unquoted),
    fault("wrong-shape", "A mapping is a number, a text or a list.", "wrong-type", wrong_shapes),
)  # fmt: skip
