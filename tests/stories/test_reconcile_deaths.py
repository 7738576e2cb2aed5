"""A controller that is killed in a pass: what was live is live, or the commit is, whole."""

import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from signal import SIGCONT, SIGSTOP

import pytest

from engine.source import File, compile_files
from tests.git.desk import CATALOGUE
from tests.git.repo import spec
from tests.git.standin import StandIn
from tests.stories.parts import Parts, until
from tests.stories.test_process_faults import Wire

_CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "git@here:REPOSITORY"
interval = "2s"
[telemetry]
port = 0
"""
_NAMES = ("a", "b", "c", "d")
_MANY_PACKS = """
for each in $(seq 41); do
    echo $each | git hash-object -w --stdin | git pack-objects -q objects/pack/pack
done
"""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a controller is killed: at a command of git's, or once it has sent such words.

    The last of the words reaches PostgreSQL if it is `passed`. `is_live` says what must be found
    of the commit at once. Without either it is killed as soon as the commit is live.
    """

    git: str = ""
    words: tuple[bytes, ...] = ()
    passed: bool = False
    is_live: bool = False
    state: str = ""


def _entry(state: str) -> tuple[bytes, ...]:
    """Return what a transaction sends that writes a state of a commit, as PostgreSQL reads it."""
    return (len(state).to_bytes(4) + state.encode(), b"COMMIT")


_COUNT, _END = b"UPDATE activation", b"COMMIT"
POINTS = {
    "before ls-remote": Point(git="before ls-remote"),
    "after ls-remote": Point(git="after ls-remote"),
    "after Seen": Point(words=_entry("Seen"), passed=True, state="Seen"),
    "during fetch": Point(git="during fetch", state="Seen"),
    "after fetch": Point(git="after fetch", state="Seen"),
    "before Fetched": Point(words=_entry("Fetched"), state="Seen"),
    "after Fetched": Point(words=_entry("Fetched"), passed=True, state="Fetched"),
    "while files are read": Point(git="before cat-file", state="Seen"),
    "after Compiled": Point(words=_entry("Compiled"), passed=True, state="Compiled"),
    "between two writes of the activation": Point(
        words=(_COUNT, b"INSERT INTO workflows"), passed=True, state="Authorised"
    ),
    "before the activation's COMMIT": Point(words=(_COUNT, _END), state="Authorised"),
    "before the reply to its COMMIT": Point(
        words=(_COUNT, _END), passed=True, is_live=True, state="Active"
    ),
    "after the activation": Point(is_live=True, state="Active"),
    "before the mirror is tidied": Point(git="before gc", is_live=True, state="Active"),
    "after the mirror is tidied": Point(git="after gc", is_live=True, state="Active"),
}


class Scene(Parts):
    """A controller between a repository over ssh and PostgreSQL, either of which can stop it."""

    def __init__(self) -> None:
        self.count = 0
        super().__init__(_files(0), (), _CONFIG)
        self.here = StandIn(self.folder / "bin")

    def start(self) -> float:
        self.git("config", "uploadpack.allowFilter", "true")
        return super().start()

    def lead(self, through: Wire) -> None:
        """Begin a controller."""
        path = f"{self.here.folder}:{os.environ['PATH']}"
        self.begin("controller", PATH=path, SARK_DATABASE_URL=through.proxy.url)

    def change(self, point: Point, through: Wire) -> str:
        """Commit a change of every workflow while nobody looks, and return the commit.

        Whoever looks next stops at a point.
        """
        self.signal("controller", SIGSTOP)
        if "gc" in point.git:
            self.fill_mirror()
        self.count += 1
        commit = self.commit(_files(self.count))
        if point.git:
            self.here.stop_at(point.git)
        elif point.words:
            through.proxy.hold_at(*point.words, passed=point.passed)
        self.signal("controller", SIGCONT)
        return commit

    @property
    def active(self) -> str | None:
        rows = self.rows("SELECT active FROM sources")
        return rows[0][0] if rows else None

    @property
    def activations(self) -> int:
        return int(self.rows("SELECT number FROM activation")[0][0])

    def workflows(self) -> dict[str, tuple[str, str]]:
        """Return commit and plan of each live workflow."""
        rows = self.rows("SELECT name, commit_sha, plan FROM workflows")
        return {name: (commit, plan) for name, commit, plan in rows}

    def states(self, commit: str) -> list[str]:
        """Return the states that a commit went through."""
        rows = self.rows("SELECT history FROM commits WHERE sha = %s", commit)
        return [str(each["state"]) for each in rows[0][0]] if rows else []

    def is_served(self) -> bool:
        """True if every look that was asked for has been made."""
        return bool(self.rows("SELECT handled >= wanted FROM sources")[0][0])

    def fill_mirror(self) -> None:
        """Leave as many packs in the mirror as many fetches do."""
        (mirror,) = (self.state / "mirrors").glob("*.git")
        subprocess.run(["sh", "-c", _MANY_PACKS], cwd=mirror, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with Scene() as scene:
        yield scene


@pytest.fixture(scope="module")
def wire(scene: Scene) -> Iterator[Wire]:
    """What the controllers reach PostgreSQL through; the first of them has made a commit live."""
    with Wire(scene.database_url) as wire:
        scene.lead(wire)
        until(lambda: scene.active is not None, 120)
        yield wire
        scene.end("controller")


@pytest.mark.parametrize("name", POINTS)
def test_a_controller_killed_in_a_pass_leaves_old_or_new(scene: Scene, wire: Wire, name: str):
    """
    Kill -9 at any point: one commit is live as a whole, and the next controller makes the new one
    live, once, whatever the commands of the dead one may still do.
    """
    point, old, before = POINTS[name], str(scene.active), scene.activations
    plans = {old: _plans(scene.count)}
    new = scene.change(point, wire)
    plans[new] = _plans(scene.count)
    until(lambda: _has_come(scene, wire, point, new), 120)
    scene.end("controller")

    live = new if point.is_live else old
    until(lambda: live == scene.active)
    assert {each: (live, plan) for each, plan in plans[live].items()} == scene.workflows()
    assert before + point.is_live == scene.activations
    assert point.state == (scene.states(new) or [""])[-1]

    scene.lead(wire)
    scene.here.go_on()
    until(lambda: new == scene.active, 120)
    scene.rows("UPDATE sources SET wanted = wanted + 1 RETURNING wanted")
    until(scene.is_served, 120)
    assert {each: (new, plan) for each, plan in plans[new].items()} == scene.workflows()
    assert before + 1 == scene.activations
    assert 1 == scene.states(new).count("Active")
    assert "Replaced" == scene.states(old)[-1]


def _has_come(scene: Scene, wire: Wire, point: Point, new: str) -> bool:
    """True once a controller has come to where it is to be killed."""
    if point.git:
        return scene.here.has_stopped
    return wire.proxy.has_held if point.words else new == scene.active


def _files(count: int) -> dict[str, str]:
    """Return a commit's files: all workflows changed, and what makes a fetch take its time."""
    ballast = b64encode(os.urandom(150_000)).decode()
    return {"ballast.txt": ballast} | {f"{each}.yaml": spec(each, f"at {count}") for each in _NAMES}


def _plans(count: int) -> Mapping[str, str]:
    """Return the digest of each plan that is to be live after so many changes."""
    files = [File(path, "", text.encode()) for path, text in _files(count).items() if ".y" in path]
    return {name: plan.digest for name, plan in compile_files(files, CATALOGUE).plans.items()}
