"""An environment for each peer, made once under `build/`: what the lock beside this file pins.

The project's own environment is not touched, and neither are the other peers'.
"""

import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "peers"
# What the download of a server and some hundred packages may take.
_PATIENCE = 600


class Absent(Exception):
    """The peer cannot be measured here, for a reason that a person can read."""


def ready(peer: str, node: bool) -> Path:
    """Return the Python of a peer's environment, made if it is not there as it is pinned.

    Raise Absent where something could not be installed.
    """
    folder, locks = BUILD / peer, [HERE / "locks" / f"{peer}.lock"]
    python = folder / "venv/bin/python"
    if node:
        locks.append(HERE / f"{peer}_server/package-lock.json")
    pinned = "".join(lock.read_text() for lock in locks) + sys.version
    stamp = folder / "pinned"
    if stamp.exists() and stamp.read_text() == pinned:
        return python
    print(f"{peer}: installing into {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder / "venv", with_pip=True)
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    _run([*pip, "--require-hashes", "-r", locks[0]], folder)
    if node:
        _install_node(HERE / f"{peer}_server", folder / "node")
    stamp.write_text(pinned)
    return python


def _install_node(wanted: Path, folder: Path) -> None:
    """Install what a package.json names, its lock's hashes checked, without scripts of packages."""
    if shutil.which("npm") is None:
        raise Absent("npm is not installed, and its server is a package of the npm registry")
    shutil.copytree(wanted, folder)
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder)


def _run(words: Sequence[str | Path], folder: Path) -> None:
    try:
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"could not be installed: {error}") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word why"]
        raise Absent(f"could not be installed: {last[0]}")
