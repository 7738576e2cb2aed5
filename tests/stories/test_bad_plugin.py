"""Processes that are replaced one by one while a plugin of theirs has gone bad."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.invariants import hold
from tests.stories.parts import CONFIG, Parts, until
from tests.test_operations import PLUGIN, installed

_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
_SAY = "steps: {say: {uses: OPERATION, with: {message: hello}}}\n"
FILES = {
    "acme.yaml": f"{_HEAD}acme\n{_SAY.replace('OPERATION', 'acme.say@1')}",
    "echo.yaml": f"{_HEAD}echo\n{_SAY.replace('OPERATION', 'echo.say@1')}",
}
GOOD = PLUGIN.replace("NAME", "acme.say@1")
BAD = {
    "syntax": ("def create(:\n", "sark_acme.py:1: SyntaxError"),
    "loop": ("from sark_other import create\n", "sark_other.py:1: ImportError"),
    "sleep": ("import time\n\ntime.sleep(10_000)\n", "sark_acme.py:3 has not come to an end"),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the plugin `acme`, which is on every process's path."""
    folder = installed(tmp_path)
    (folder / "sark_other.py").write_text("from sark_acme import create\n")
    paths = (str(folder), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    return folder


@pytest.fixture
def parts(site: Path) -> Iterator[Parts]:
    with Parts(FILES, config=f'{CONFIG}[adapters]\nplugins = ["acme"]\n') as parts:
        yield parts


def refused(parts: Parts, name: str) -> tuple[int | None, str]:
    """Start a process that ends by itself, and return its exit code and what it has said."""
    begun = parts.begin(name)
    until(lambda: begun.code is not None, 300)
    return begun.code, parts.log(name)


def ends(parts: Parts) -> set[str]:
    """Run both workflows, and return how they have ended."""
    runs = [parts.link().start(name) for name in ("acme", "echo")]
    return {parts.wait_ended(each)["status"] for each in runs}


def test_a_restart_with_a_bad_plugin_ends_at_the_first_process(parts: Parts, site: Path):
    """
    A plugin is replaced by one that cannot be read, one that imports in a circle, and one whose
    import never ends. A new worker or controller does not start with it, and says which plugin it
    is, and which line; those that run keep the old one, and serve all operations. Once
    the plugin is mended, new ones start.
    """
    module = site / "sark_acme.py"
    assert {"succeeded"} == ends(parts)
    for name, (source, sentence) in BAD.items():
        module.write_text(source)
        for each in ("worker-1", "controller-1"):
            code, said = refused(parts, each)

            assert 2 == code, (name, each, said)
            assert f'plugin "acme" cannot be loaded: {site}/{sentence}' in said, (name, each)
        assert {"succeeded"} == ends(parts)
    module.write_text(GOOD)
    parts.begin("worker-1")
    until(lambda: len(parts.rows("SELECT 1 FROM workers")) == 2)
    parts.end("worker")
    assert {"succeeded"} == ends(parts)
    hold(parts, [])
