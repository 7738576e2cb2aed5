"""What a check has found out is kept, and never believed where it may be wrong."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli import shelf, shelved
from engine.core.compiler import compile_file
from tests.cli.test_specs import BAD, GOOD, sark
from tests.core.cases import FOLDER, NAMES
from tests.core.catalogue import CATALOGUE

WIRED = """\
apiVersion: sark/v1
kind: Workflow
name: wired
triggers:
  a: {type: webhook, path: x, auth: {hmac: key}}
  b: {type: event, event: acme.x, max_chain: 2, payload: {}}
  c: {type: event, event: acme.y}
  d: {type: workflow, workflow: other}
steps:
  a: {call: other, with: {x: "{{ trigger.event.body.x | urlencode }}"}}
  e: {uses: http.request@1, with: {url: "https://{{ steps.a.outputs.x }}/"}}
  b: {call: other, detach: true, circuit: api}
  c: {emit: {type: acme.z}}
  d: {await: {event: acme.w, within: 1h}}
"""

CALLEE = """\
apiVersion: sark/v1
kind: Workflow
name: callee
inputs: {{x: {{type: string}}}}
steps:
  get:
    {{uses: http.request@1, with: {{url: "{}"}}}}
"""
CALLER = """\
apiVersion: sark/v1
kind: Workflow
name: caller
triggers: {hook: {type: webhook, path: p, auth: {hmac: key}}}
steps: {call: {call: callee, with: {x: "{{ trigger.event.body.x }}"}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD.replace("name: demo", "name: worse"))
    return tmp_path


def kept(cache: Path) -> Path:
    [file] = (cache / "sark" / "check").glob("*.json")
    return file


def test_what_is_kept_says_the_same(folder: Path, cache: Path) -> None:
    """
    A second check, and one that keeps nothing, print what the first has printed.
    """
    first, second = sark("check", str(folder)), sark("check", str(folder))
    fresh = sark("check", str(folder), "--no-cache")

    assert kept(cache).stat().st_mode & 0o77 == 0
    assert [(1, first.stdout)] * 2 == [(each.exit_code, each.stdout) for each in (second, fresh)]


def test_a_second_check_does_without_the_compiler(folder: Path, cache: Path) -> None:
    """
    That is what makes it fast: nothing that compiles is even imported.
    """
    sark("check", str(folder))
    code = (
        "import sys; from engine.cli import cli\n"
        "try: cli.main(['check', sys.argv[1]], standalone_mode=False)\n"
        "except SystemExit: print({'engine.core.compiler', 'jsonschema_rs'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        check=True, capture_output=True, text=True, env={**os.environ},
    )  # fmt: skip

    assert "set()" == done.stdout.splitlines()[-1]


def test_a_change_is_seen(folder: Path, cache: Path) -> None:
    """
    A changed file is looked at again, and what is gone is forgotten.
    """
    sark("check", str(folder))
    (folder / "bad.yaml").write_text(GOOD.replace("name: demo", "name: better"))

    assert 0 == sark("check", str(folder)).exit_code
    assert 2 == len(json.loads(kept(cache).read_bytes().partition(b"\n")[2])["units"])
    (folder / "good.yaml").write_text(GOOD.replace("name: demo", "name: better"))
    assert "duplicate-name" in sark("check", str(folder)).stdout


def test_trust_is_kept_too(tmp_path: Path, cache: Path) -> None:
    """
    A change of what is called tells of the caller what a check from the start tells.
    """
    callee = tmp_path / "callee.yaml"
    callee.write_text(CALLEE.format("https://a.example/{{ inputs.x }}"))
    (tmp_path / "caller.yaml").write_text(CALLER)
    assert "" == sark("check", str(tmp_path)).stdout
    callee.write_text(CALLEE.format("https://{{ inputs.x }}/"))

    changed, again = sark("check", str(tmp_path)), sark("check", str(tmp_path))

    assert "untrusted-value" in changed.stdout
    assert "callee.yaml:7" in changed.stdout
    assert changed.stdout == again.stdout == sark("check", "--no-cache", str(tmp_path)).stdout


def test_a_check_of_one_file_keeps_what_is_known_of_others(folder: Path, cache: Path) -> None:
    """
    Checking a file by itself does not make the next check of all of them slow.
    """
    (folder / ".git").mkdir()
    sark("check", str(folder))
    (folder / "good.yaml").write_text(GOOD + "owners: [me]\n")

    sark("check", str(folder / "good.yaml"))

    assert 3 == len(json.loads(kept(cache).read_bytes().partition(b"\n")[2])["units"])


@pytest.mark.parametrize("harm", ["half", "other", "empty", "text", "stamp"])
def test_what_is_damaged_counts_for_nothing(folder: Path, cache: Path, harm: str) -> None:
    """
    Half a file, a changed one, or one of another version of the program is as good as none.
    """
    expected = sark("check", str(folder)).stdout
    place = kept(cache)
    whole = place.read_bytes()
    told = json.loads(whole.partition(b"\n")[2])
    harmed = {
        "half": whole[: len(whole) // 2],
        "other": whole.replace(b"unknown-argument", b"anything-at-all!"),
        "empty": b"",
        "text": b"\xff\n{",
        "stamp": _sealed(json.dumps({**told, "stamp": "another", "units": {}}).encode()),
    }
    place.write_bytes(harmed[harm])

    assert expected == sark("check", str(folder)).stdout
    assert whole == place.read_bytes()


def _sealed(body: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def test_a_disk_that_takes_nothing_stops_no_check(folder: Path, cache: Path) -> None:
    """
    Where nothing can be written, a check is slower and says the same.
    """
    (cache / "sark").write_text("not a folder")

    done = sark("check", str(folder))

    assert (1, True) == (done.exit_code, "unknown-argument" in done.stdout)


def test_what_nobody_used_for_a_month_goes(folder: Path, cache: Path) -> None:
    """
    The folder does not grow for ever: roots that are gone, and halves of files, are taken away.
    """
    sark("check", str(folder))
    old = kept(cache).with_name("old.json.half")
    old.touch()
    os.utime(old, (time.time() - 40 * 86_400,) * 2)
    (folder / "good.yaml").write_text(GOOD + "owners: [me]\n")

    sark("check", str(folder))

    assert not old.exists()


def test_two_checks_at_once_are_each_whole(folder: Path, cache: Path) -> None:
    """
    The file is replaced as a whole; whoever comes last is believed, and it is never a mixture.
    """
    words = [sys.executable, "-m", "engine.cli", "check", str(folder)]
    running = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(3)
    ]
    texts = {each.communicate()[0] for each in running}

    assert 1 == len(texts)
    assert {sark("check", str(folder)).stdout.encode()} == texts
    assert not list(kept(cache).parent.glob("*.half"))


def test_every_unit_comes_back_as_it_was_put_away() -> None:
    """
    Whatever a file declares, asks and gets wrong is the same afterwards, but for its plans.
    """
    texts = {name: (FOLDER / f"{name}.yaml").read_bytes() for name in NAMES}
    for name, text in {**texts, "wired": WIRED.encode()}.items():
        unit = compile_file(name, text, CATALOGUE)
        again = shelved.taken(json.loads(json.dumps(shelved.put(unit))))

        assert unit.diagnostics == again.diagnostics
        assert unit.asked == again.asked
        for old, new in zip(unit.documents, again.documents, strict=True):
            assert (old.wiring, old.facts, old.digest) == (new.wiring, new.facts, new.digest)
            assert (old.kind, old.name, old.span, None) == (new.kind, new.name, new.span, new.plan)


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A repository can bring no findings of its own along: they are kept outside of it.
    """
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")

    assert Path("/home/me/.cache/sark/check") == shelf.folder()


def test_another_program_is_another_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What an older version found out is not believed by a newer one.
    """
    before = shelf.stamp()
    monkeypatch.setattr(shelf, "_PROGRAM", ("engine/core",))

    assert before != shelf.stamp()
