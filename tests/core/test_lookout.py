"""What two looks at the same files come to: walks through folders that come, change and go."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import lookout
from engine.core.lookout import Change, Look, Sighting, compare, first, pause
from engine.core.values import Json, parse_duration

SETTINGS: Mapping[str, Json] = {
    "connection": {
        "name": "inbox", "adapter": "file", "secrets": ["place"],
        "with": {"root": "incoming", "folder": "{{ secrets.place }}"},
    },
    "paths": ["*.csv"], "changes": ["created"], "every": "1m",
}  # fmt: skip


def seen(path: str, version: str, told: str = "") -> Sighting:
    return Sighting(path, len(version), f"2026-01-01T00:00:0{len(version)}+00:00", version, told)


def folder(**versions: str) -> dict[str, Sighting]:
    return {path: seen(path, version) for path, version in versions.items()}


def after(known: Mapping[str, Sighting], look: Look) -> dict[str, Sighting]:
    """Return what is known after a look."""
    told = {**known, **{each.path: each for each in look.changed}}
    return {path: each for path, each in told.items() if path not in look.forgotten}


def walk(*looks: Mapping[str, Sighting]) -> list[list[tuple[str, str]]]:
    """Return what is told at each look after the first."""
    known = after({}, first(looks[0]))
    told = []
    for found in looks[1:]:
        look = compare(known, found)
        known = after(known, look)
        told.append([(each.sighting.path, each.kind) for each in look.changes])
    return told


A, B, NONE = folder(a="x"), folder(a="xy"), folder()
WALKS = [
    ("there from the beginning", [A, A, A], [[], []]),
    ("it comes", [NONE, A, A, A], [[], [("a", "created")], []]),
    ("it grows", [NONE, A, B, B], [[], [], [("a", "created")]]),
    ("it changes", [A, B, B, B], [[], [("a", "changed")], []]),
    ("it changes, and back", [A, B, A, A], [[], [], []]),
    ("it goes", [A, NONE, NONE, NONE], [[], [("a", "deleted")], []]),
    ("it goes before it was told of", [NONE, A, NONE, NONE], [[], [], []]),
    ("it is away once", [A, NONE, A, A], [[], [], []]),
    ("another takes its place", [A, NONE, B, B], [[], [], [("a", "changed")]]),
    ("it comes back", [A, NONE, NONE, A, A], [[], [("a", "deleted")], [], [("a", "created")]]),
]  # fmt: skip


@pytest.mark.parametrize(("looks", "told"), [each[1:] for each in WALKS], ids=[w[0] for w in WALKS])
def test_what_is_told(
    looks: Sequence[Mapping[str, Sighting]], told: Sequence[Sequence[tuple[str, str]]]
):
    """
    What was the same in two looks in a row is told once, if it is not what was told before.
    """
    assert list(told) == walk(*looks)


VERSIONS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "xy", "xyz"]))


@given(st.lists(VERSIONS, min_size=1, max_size=12))
def test_what_is_told_is_what_happened(states: list[dict[str, str]]):
    """
    Whatever happens, and then stays so: what is told leads from the first folder to the last.
    """
    looks = [folder(**each) for each in [*states, states[-1], states[-1]]]
    known = after({}, first(looks[0]))
    model = {path: each.version for path, each in looks[0].items()}
    for before, found in pairwise(looks):
        look = compare(known, found)
        known = after(known, look)
        for each in look.changes:
            path, is_known = each.sighting.path, each.sighting.path in model
            assert before.get(path) == found.get(path)
            assert is_known is (each.kind != "created")
            if each.kind == "deleted":
                del model[path]
            else:
                assert model.get(path) != found[path].version
                model[path] = found[path].version

    assert states[-1] == model
    assert set(known) == set(model)


def test_the_oldest_is_told_of_first():
    """
    Changes come in the order in which the files were modified, then by path.
    """
    found = folder(a="xyz", c="x", b="x")
    look = compare({path: replace(each) for path, each in found.items()}, found)

    assert ["b", "c", "a"] == [each.sighting.path for each in look.changes]


def test_what_a_run_reads_of_a_file():
    """
    Of a file that is gone, how it was last.
    """
    (gone,) = compare({"a": seen("a", "", "xy")}, {}).changes
    (come,) = compare(folder(a="x"), folder(a="x")).changes

    assert Change("deleted", seen("a", "", "xy")) == gone
    assert {
        "path": "a", "change": "deleted", "size": 0, "modified": "2026-01-01T00:00:00+00:00",
        "version": "xy",
    } == gone.about()  # fmt: skip
    assert "x" == come.about()["version"]


PAUSES = [("1m", 1, "2m"), ("1m", 3, "8m"), ("1m", 4, "10m"), ("1s", 999, "10m"), ("1h", 5, "1h")]


@pytest.mark.parametrize(("every", "faults", "expected"), PAUSES)
def test_looks_that_fail_become_rare(every: str, faults: int, expected: str):
    """
    Each time twice as long, up to ten minutes, or the interval where that is longer.
    """
    assert parse_duration(expected) == pause(parse_duration(every), faults)
    assert pause(timedelta(days=3650), faults) == timedelta(days=3650)


def test_what_the_adapter_is_asked():
    """
    Its arguments are the connection's; a path is never a template, whatever stands in it.
    """
    step = lookout.listing(SETTINGS)
    names = {"paths": ["{{ x }}"], "after": "{{ secrets.place }}", "secrets": {"place": "orders"}}

    assert {
        "root": "incoming", "folder": "orders", "paths": ["{{ x }}"],
        "after": "{{ secrets.place }}",
    } == step.arguments.evaluate(names)  # fmt: skip
    assert {"place"} == step.secrets
    assert {"paths", "after"} == lookout.listing({"connection": {}}).arguments.evaluate(
        names
    ).keys()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("more", "is_other"),
    [({"every": "5m"}, False), ({"changes": ["deleted"]}, False), ({"paths": ["*"]}, True),
     ({"connection": {"name": "inbox", "with": {}}}, True)],
)  # fmt: skip
def test_what_lets_it_begin_anew(more: Mapping[str, Json], is_other: bool):
    """
    Other globs, or another place, mean other files.
    """
    told = lookout.definition({**SETTINGS, **more})

    assert is_other is (told != lookout.definition(SETTINGS))
