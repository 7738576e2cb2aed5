"""The command line in a process of its own, forked from the one that asks.

A command takes a tenth of a second, and to load the program anew ten times that. What a process
is at its very start and its very end is told by the tests that start `python -m engine.cli`.
"""

import logging
import os
import posix
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn

from coverage import Coverage

from engine.cli import cli
from engine.cli.output import guarded

# What commands import as they are called. The others are quick.
_SLOW = ("engine.direct", "engine.source", "engine.core.compiler", "adapters.http.client")
_PATIENCE = 240
_MOST_FILES = 256


def command(
    *words: str, env: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `sark` with these words in a folder and return what it came to, as `subprocess.run`."""
    _load()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        pid = os.fork()
        if not pid:
            _run(words, env, folder, out, err)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(words), code, out.read(), err.read())


@cache
def _load() -> None:
    for each in _SLOW:
        import_module(each)


def _run(
    words: tuple[str, ...], env: Mapping[str, str], folder: Path | None,
    out: IO[str], err: IO[str],
) -> NoReturn:  # fmt: skip
    """Be the command, and never return into the code of a test."""
    code: object = 1
    try:
        _be_a_process(out, err)
        # A story goes unmeasured: the environment says so, as it does to a program that starts.
        if "COVERAGE_PROCESS_CONFIG" not in env and (traced := Coverage.current()):
            traced.stop()
        os.environ.clear()
        os.environ.update(env)
        os.chdir(folder or ".")
        sys.argv = ["sark", *words]
        guarded(lambda: cli.main(standalone_mode=False))
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if "COVERAGE_PROCESS_CONFIG" in env and (traced := Coverage.current()):
            traced.stop()
            traced.save()
        # Not os._exit: measured, that saves once more what the parent has run.
        posix._exit(int(code or 0) if isinstance(code, int | None) else 1)


def _be_a_process(out: IO[str], err: IO[str]) -> None:
    """Leave signals, files and logs of the tests; give up after a while."""
    for each in (signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(each, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(_PATIENCE)
    logging.root.handlers.clear()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (out.fileno(), 1), (err.fileno(), 2)):
        os.dup2(ours, theirs)
    os.closerange(3, _MOST_FILES)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
