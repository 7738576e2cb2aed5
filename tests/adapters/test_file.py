"""`file.list@1`: the files of a folder, page by page, and nothing from outside of it."""

import asyncio
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import conformance
from adapters import file as adapter
from adapters.conformance import Case
from adapters.contract import Failed, Json, Outcome, SettingError
from adapters.file import create, walk
from adapters.file.walk import Globs
from adapters.manifest import file as manifest
from engine.core.glob import matches
from tests.adapters.speaking import call, failed, opened, outputs
from tests.core.test_glob import CHEAT_SHEET


def listed(root: Path, mount: bool = False, /, **arguments: Json) -> Outcome:
    """Return what a listing of a root leads to."""

    async def story() -> Outcome:
        roots: Json = {"here": {"path": str(root), "mount": mount}}
        async with opened(create({"roots": roots})) as operation:
            return await operation.invoke(call(root="here", **arguments))

    return asyncio.run(story())


def paths(outcome: Outcome) -> list[str]:
    found: Any = outputs(outcome)["files"]
    return [each["path"] for each in found]


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_a_listing(tmp_path: Path) -> None:
    """
    Each file with its path, size, time and version; another version once it was written again.
    """
    fill(tmp_path, "b.csv", "a/c.csv")
    os.utime(tmp_path / "b.csv", ns=(0, 1_774_600_000_123_456_789))
    first = outputs(listed(tmp_path))["files"]

    assert isinstance(first, list)
    assert {
        "path": "b.csv", "size": 5, "modified": "2026-03-27T08:26:40.123456+00:00",
        "version": f"{1_774_600_000_123_456_789:x}-5",
    } == first[1]  # fmt: skip
    assert "a/c.csv" == first[0]["path"]

    (tmp_path / "b.csv").write_text("b.csv")
    again = outputs(listed(tmp_path))["files"]

    assert isinstance(again, list)
    assert [True, False] == [one == two for one, two in zip(first, again, strict=True)]


LISTINGS: list[tuple[dict[str, Json], list[str]]] = [
    ({}, ["a.b/4", "a/2", "a/b/3", "ab", "b/x/y/5", "b/x/y/6.csv"]),
    ({"paths": ["*"]}, ["ab"]),
    ({"paths": ["*/*"]}, ["a.b/4", "a/2"]),
    ({"paths": ["**", "!a/**"]}, ["a.b/4", "ab", "b/x/y/5", "b/x/y/6.csv"]),
    ({"paths": ["**", "!a/**", "a/b/*"]}, ["a.b/4", "a/b/3", "ab", "b/x/y/5", "b/x/y/6.csv"]),
    ({"paths": ["**/*.csv"]}, ["b/x/y/6.csv"]),
    ({"folder": "b/x", "paths": ["y/?"]}, []),
    ({"folder": "b/x/", "paths": ["y/[0-9]"]}, ["y/5"]),
    ({"folder": "b//x"}, ["y/5", "y/6.csv"]),
]


@pytest.mark.parametrize(("arguments", "expected"), LISTINGS)
def test_what_is_listed(tmp_path: Path, arguments: dict[str, Json], expected: list[str]) -> None:
    """
    Files that the globs want, in the order of their paths, from the folder on.
    """
    fill(tmp_path, "ab", "a/2", "a/b/3", "a.b/4", "b/x/y/5", "b/x/y/6.csv")

    assert expected == paths(listed(tmp_path, **arguments))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_are_all_of_it(tmp_path: Path, limit: int) -> None:
    """
    Page after page gives each file once, whatever the size of a page.
    """
    fill(tmp_path, "ab", "a/2", "a/b/3", "a.b/4", "a0", "b/x/y/5")
    found: list[str] = []
    after: Json = ""
    while after is not None:
        page = listed(tmp_path, limit=limit, after=after)
        assert len(paths(page)) <= limit
        found += paths(page)
        after = outputs(page)["next"]

    assert sorted(found) == found == paths(listed(tmp_path))
    assert 6 == len(found)


def test_a_page_has_a_size(tmp_path: Path) -> None:
    """
    Long names make a page shorter, so that a run can always keep it.
    """
    fill(tmp_path, *(f"{'x' * 200}/{'y' * 200}/{number:04}" for number in range(600)))
    page = outputs(listed(tmp_path))

    assert isinstance(page["files"], list)
    assert 300 < len(page["files"]) < 600
    assert page["files"][-1]["path"] == page["next"]


def test_nothing_leads_out(tmp_path: Path) -> None:
    """
    Symbolic links, pipes and sockets are no files, be they names, folders or the folder asked for.
    """
    outside = fill(tmp_path / "outside", "secret")
    root = fill(tmp_path / "root", "a")
    (root / "link").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))

        assert ["a"] == paths(listed(root))

    told = failed(listed(root, folder="folder"))
    assert "file.unreachable" == told.type
    assert "the folder folder cannot be read: it is no folder, or a symbolic link" in told.message


@pytest.mark.parametrize("folder", ["..", "a/../..", "/etc", "./a", "a\0b"])
def test_a_folder_is_below_its_root(tmp_path: Path, folder: str) -> None:
    """
    What would lead up, or anywhere else, is refused before anything is read.
    """
    assert "file.invalid" == failed(listed(tmp_path, folder=folder)).type


def test_what_cannot_be_listed(tmp_path: Path) -> None:
    """
    A root, or a folder of it, that is not there; globs that are none; too deep a tree.
    """
    fill(tmp_path, "/".join(["d"] * 40) + "/file")
    cases: list[tuple[Path, dict[str, Json], str, str]] = [
        (tmp_path / "gone", {}, "file.unreachable", "the root cannot be read: No such file"),
        (tmp_path, {"folder": "no"}, "file.unreachable", "the folder no cannot be read: No such"),
        (tmp_path, {"paths": ["[z-a]"]}, "file.invalid", "[z-a] is no set of characters"),
        (tmp_path, {"paths": ["**/*.csv"]}, "file.limit", "is over 32 folders deep"),
    ]
    for root, arguments, kind, words in cases:
        told = failed(listed(root, **arguments))
        assert (kind, True) == (told.type, words in told.message), told

    assert [] == paths(listed(tmp_path, paths=["d/d/*"]))


def test_too_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A folder with more names than are looked at is refused, however few of them are wanted.
    """
    fill(tmp_path, "a", "b", "c")
    monkeypatch.setattr(walk, "MOST_NAMES", 2)
    query = walk.Query(str(tmp_path), False, "", ["a"], 10, "")

    with pytest.raises(walk.Fault, match="over 2 names"):
        walk.page(query)


def test_a_root_that_must_be_mounted(tmp_path: Path) -> None:
    """
    A folder whose file system is not there yet is away, and not a folder without files.
    """
    assert "nothing is mounted on the root" in failed(listed(tmp_path, True)).message
    assert [] == paths(listed(Path("/proc"), True, paths=["nothing"]))


def test_odd_names_and_times(tmp_path: Path) -> None:
    """
    Any text is a name, braces and line breaks too; a name that is no UTF-8 is left out.
    """
    names = ["{{ secrets.x }}", "line\nbreak", "å", " ", "-rf"]
    fill(tmp_path, *names)
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT | os.O_WRONLY))
    os.utime(tmp_path / "å", ns=(0, -(10**18)))

    assert sorted(names) == paths(listed(tmp_path))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"roots": {"a": {"path": "relative"}}}, "expected an absolute path"),
        ({"roots": {"a": {"path": "/a", "mounted": True}}}, 'unknown setting "roots.a.mounted"'),
        ({"parallel": 0}, "parallel"),
    ],
)
def test_settings_are_checked(given: Mapping[str, Json], words: str) -> None:
    """
    A setting that is none is refused when the process starts, with its name.
    """
    with pytest.raises(SettingError, match=words):
        create(given)


def test_the_program_keeps_to_the_manifest() -> None:
    """
    What the page says of limits is what the program holds to.
    """
    told = (manifest.MOST_DEPTH, manifest.MOST_NAMES, manifest.MOST_BYTES)

    assert (walk.MOST_DEPTH, walk.MOST_NAMES, walk.MOST_BYTES) == told


_PIECES = ["*", "**", "**/", "?", "+", "a", "b", "/", "[ab]", "[a-c]", "\\*", "\\/", ".", "-"]
_GLOBS = st.builds(
    lambda pieces, sign: sign + "".join(pieces),
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=7), st.sampled_from(["", "!"]),
)  # fmt: skip


@settings(max_examples=500)
@given(st.lists(_GLOBS, min_size=1, max_size=3), st.text("ab/c.*-", min_size=1, max_size=8))
def test_globs_mean_what_they_mean_everywhere(globs: list[str], text: str) -> None:
    """
    A path of a file and one of a push are wanted by the same globs; no folder is left out early.
    """
    found = Globs(globs)
    reached = found.begin()
    for number, character in enumerate(text):
        assert not number or found.may_match(reached) or not matches(globs, text)
        reached = found.advance(reached, character)

    assert matches(globs, text) == found.matches(reached)


@pytest.mark.parametrize(("glob", "good", "bad"), CHEAT_SHEET)
def test_the_cheat_sheet(glob: str, good: list[str], bad: list[str]) -> None:
    """
    A glob wants what GitHub says it matches, and nothing more.
    """
    found = Globs([glob])

    assert all(found.matches(found.advance(found.begin(), text)) for text in good)
    assert not any(found.matches(found.advance(found.begin(), text)) for text in bad)


def test_a_disk_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A call ends by itself, or when it is cancelled, and leaves nothing; others go on meanwhile.
    """
    program = tmp_path / "hangs.py"
    program.write_text("import time\ntime.sleep(1000)\n")
    case = Case("hangs", {"root": "here"})

    async def story() -> None:
        roots: Json = {name: {"path": str(tmp_path)} for name in ("here", "there")}
        async with opened(create({"roots": roots, "parallel": 1})) as operation:
            first = await operation.invoke(call(root="here"))
            monkeypatch.setattr(adapter, "_PROGRAM", program)
            await conformance.check_deadline(operation, case)
            await conformance.check_cancellation(operation, case)
            stuck = asyncio.create_task(operation.invoke(call(root="here")))
            await asyncio.sleep(0.1)
            late = await operation.invoke(call(0.2, root="here"))
            monkeypatch.undo()
            other = await operation.invoke(call(root="there"))
            stuck.cancel()
            await asyncio.gather(stuck, return_exceptions=True)

        assert isinstance(late, Failed)
        assert ("file.timeout", ["hangs.py"]) == (late.type, paths(other))
        assert outputs(first)["next"] is None

    asyncio.run(story())


def test_a_program_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    That the folder was not read is said, and may be tried again.
    """
    program = tmp_path / "dies.py"
    program.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(adapter, "_PROGRAM", program)

    told = failed(listed(tmp_path))
    assert ("file.lost", "transient") == (told.type, told.error_class)
