"""Faults of names: letters that look like others, letters of another case, names outside a tree."""

import re
from collections.abc import Callable, Iterator

from tests.mutants.fault import Change, Spec, fault, plain
from tests.mutants.tree import Data, Path, typo

# Cyrillic letters that a reader takes for those of ASCII.
_FOREIGN = str.maketrans({"a": "\u0430", "c": "\u0441", "e": "\u0435", "o": "\u043e"})


def mixed_scripts(spec: Spec) -> Iterator[Change]:
    yield from _renamed(spec, lambda name: name.translate(_FOREIGN))


def other_cases(spec: Spec) -> Iterator[Change]:
    yield from _renamed(spec, str.capitalize)


def _renamed(spec: Spec, changed: Callable[[str], str]) -> Iterator[Change]:
    for start, document in spec.documents():
        name = str(document["name"])
        if changed(name) != name:
            yield spec.put((*start, "name"), plain(changed(name)))
        for key in ("inputs", "triggers"):
            names = document.get(key)
            for each in names if isinstance(names, dict) else ():
                if changed(each) != each:
                    yield spec.renamed((*start, key, each), changed(each))
    for path, _ in spec.steps():
        if isinstance(path[-1], str) and changed(path[-1]) != path[-1]:
            yield spec.renamed(path, changed(path[-1]))


def foreign_reads(spec: Spec) -> Iterator[Change]:
    for path, text in spec.reads():
        for found in re.finditer(r"\b(?:inputs|steps)\.(\w+)", text):
            start, end = found.span(1)
            told = found[1].translate(_FOREIGN)
            if told != found[1]:
                yield spec.put(path, text[:start] + told + text[end:])


def unknown_zones(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-1:] == ("timezone",) and isinstance(value, str):
            for wrong in (typo(value), "Mars/Olympus", "+01:00", "CEST"):
                yield spec.put(path, plain(wrong))


def unknown_adapters(spec: Spec) -> Iterator[Change]:
    for kind in ("Connection", "Pool"):
        for start, document in spec.documents(kind):
            yield from _adapters(spec, start, document)


def _adapters(spec: Spec, start: Path, document: dict[str, Data]) -> Iterator[Change]:
    if "adapter" in document:
        yield spec.put((*start, "adapter"), plain(typo(str(document["adapter"]))))
    told = document.get("adapters")
    for number, name in enumerate(told if isinstance(told, list) else ()):
        yield spec.put((*start, "adapters", number), plain(typo(str(name))))


FAULTS = (
    fault("mixed-script", "A name has letters of another script that look like its own.",
          "bad-name bad-value unknown-key look-alike", mixed_scripts),
    fault("other-case", "A name is written with a capital letter.",
          "bad-name bad-value unknown-key", other_cases),
    fault("foreign-read", "What is read is written with letters of another script.",
          "expression-syntax unknown-input unknown-step unknown-name", foreign_reads, near=4),
    fault("unknown-timezone", "A time zone is none of the IANA database.",
          "unknown-timezone bad-value", unknown_zones),
    fault("unknown-adapter", "A connection or a pool names an adapter that there is not.",
          "unknown-adapter", unknown_adapters),
)  # fmt: skip
