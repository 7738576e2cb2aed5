"""Processes of SARK that are forked from one that has imported all of it, and has done nothing.

To load the program anew takes longer than most stories need it for. What a process is at its very
start is told by the tests that start `python -m engine.cli`.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from signal import SIGINT, SIGKILL, default_int_handler, signal
from tempfile import TemporaryDirectory
from typing import NoReturn

from coverage import Coverage, process_startup

from engine.local.child import die_with_parent
from engine.local.child import spawn as execute

# What commands import as they are called.
_LOADED = ("engine.local.up", "engine.direct", "engine.source", "adapters.http.client")
_PATIENCE = 240
# Read as a program starts, by Python itself: with another a process must be executed.
_PATH = os.environ.get("PYTHONPATH")


class Begun:
    """A process that has been forked."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process

    def poll(self) -> int | None:
        """Return the exit code, or None while it lives."""
        return self._process.exitcode

    def send_signal(self, how: int) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def kill(self) -> None:
        self.send_signal(SIGKILL)

    def wait(self, patience: float) -> int:
        """Return the exit code; raise subprocess.TimeoutExpired after `patience` seconds."""
        self._process.join(patience)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(str(self.pid), patience)
        return code


def command(
    *words: str, env: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `sark` with these words in a folder and return what it came to, as `subprocess.run`."""
    with TemporaryDirectory() as told:
        out, err = Path(told, "out"), Path(told, "err")
        begun = _begin(words, env, folder or Path.cwd(), out, err)
        try:
            code = begun.wait(_PATIENCE)
        finally:
            begun.kill()
        return subprocess.CompletedProcess(list(words), code, out.read_text(), err.read_text())


def begin(
    words: tuple[str, ...], env: Mapping[str, str], log: Path
) -> Begun | subprocess.Popen[bytes]:
    """Begin `sark` with these words in a session of its own, its output appended to `log`."""
    if env.get("PYTHONPATH") != _PATH:
        return execute([sys.executable, "-m", "engine.cli", *words], log, env)
    return _begin(words, env, Path.cwd(), log, log)


def _begin(
    words: tuple[str, ...], env: Mapping[str, str], folder: Path, out: Path, err: Path
) -> Begun:
    process = _server().Process(target=_run, args=(words, env, folder, out, err), daemon=True)
    process.start()
    return Begun(process)


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_LOADED, __name__])
    return context


def _run(
    words: tuple[str, ...], env: Mapping[str, str], folder: Path, out: Path, err: Path
) -> NoReturn:
    """Be the process."""
    from engine.cli import main

    os.setsid()
    die_with_parent()
    signal(SIGINT, default_int_handler)
    _measure("COVERAGE_PROCESS_CONFIG" in env)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    for number, file in ((1, out), (2, err)):
        sink = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(sink, number)
        os.close(sink)
    sys.argv = ["sark", *words]
    main()
    raise AssertionError("a command ends its process")


def _measure(wanted: bool) -> None:
    """Trace coverage as a program does that starts: where the environment says so."""
    traced = Coverage.current()
    if wanted and traced is None:
        process_startup(force=True)
    elif traced is not None and not wanted:
        traced.stop()
