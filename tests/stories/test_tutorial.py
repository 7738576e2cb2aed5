"""The tutorial's commands, run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

from engine.local.port import free_port
from tests.git.repo import ENVIRONMENT

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-workflow.md"


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """
    Every command of the page works in the order of the page, and shows what the page says.
    """
    blocks = re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)
    assert "make up\n" == blocks[0]
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "PYTHONPATH": str(ROOT),
        "SARK_SERVER__PORT": str(free_port()),
    }
    sark = f"{sys.executable} -m engine.cli"
    up = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "up"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert up.stdout is not None
        assert "SARK is ready" in up.stdout.readline()
        told = [run(block.replace(".venv/bin/sark", sark), tmp_path, environment)
                for block in blocks[1:]]  # fmt: skip
    finally:
        up.terminate()
        up.wait(30)

    assert 0 == up.returncode
    assert "local/hello" in told[0]
    assert "Hello, world!" in told[0]
    assert re.search(r"count-greetings/regularly +every 5m ", told[1])
    assert "greeting(s) in five minutes" in told[1]
    assert "Good morning, world!" in told[2]
    assert "is NOT live" in told[3]
    assert 'did you mean "template"?' in told[3]


def run(block: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a block as a shell does."""
    done = subprocess.run(
        ["bash", "-e", "-c", block], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout
