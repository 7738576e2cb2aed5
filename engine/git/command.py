"""One git command at a time, through GitPython as its runner, with nothing taken from outside."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git.cmd import Git

from engine.errors import SarkError

_TIMEOUT = 120


class GitFailed(SarkError):
    """A git command failed; `told` is what it said, credentials taken out."""

    code = "sark.git"


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs git in one bare repository. `protocol` is the only transport that it may use."""

    folder: Path
    protocol: str = "none"
    trusted: Path | None = None

    def run(self, *words: str, timeout: int = _TIMEOUT) -> bytes:
        """Return a command's output; raise GitFailed with what it said."""
        status, out, told = self._execute(words, timeout)
        if status != 0:
            raise GitFailed(f"git {words[0]}: {_first(told)}")
        return out

    def holds(self, *words: str) -> bool:
        """Return the verdict of a command that answers by its exit code."""
        status, _, told = self._execute(words, _TIMEOUT)
        if status > 1:
            raise GitFailed(f"git {words[0]}: {_first(told)}")
        return status == 0

    def _execute(self, words: Sequence[str], timeout: int) -> tuple[int, bytes, str]:
        command = ["git", *_CONFIGURATION, *words]
        answer = Git(self.folder).execute(
            command, with_extended_output=True, with_exceptions=False, stdout_as_string=False,
            strip_newline_in_stdout=False, kill_after_timeout=timeout, env=self.environment(),
        )  # fmt: skip
        status, out, told = answer
        data = out if isinstance(out, bytes) else str(out).encode()
        return int(status), data, told if isinstance(told, str) else told.decode("utf-8", "replace")

    def batch(self, ids: Sequence[str], limit: int) -> dict[str, bytes]:
        """Return objects by id, read through one `cat-file --batch`.

        Raise GitFailed for an object that is missing or larger than `limit` bytes.
        """
        process = Git(self.folder).execute(
            ["git", *_CONFIGURATION, "cat-file", "--batch"], as_process=True, istream=-1,
            env=self.environment(),
        )  # fmt: skip
        found: dict[str, bytes] = {}
        try:
            for each in ids:
                process.stdin.write(each.encode() + b"\n")
                process.stdin.flush()
                head = process.stdout.readline().split()
                if len(head) != 3:
                    raise GitFailed(f"object {each} is missing from the mirror")
                size = int(head[2])
                if size > limit:
                    raise GitFailed(f"object {each} has {size} bytes; at most {limit} are read")
                found[each] = process.stdout.read(size)
                process.stdout.read(1)
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait()
        return found

    def environment(self) -> Mapping[str, str]:
        """Return git's whole say: no configuration but ours, no prompt, one transport."""
        return {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self.trusted or os.devnull),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": self.protocol,
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
            "LC_ALL": "C",
        }


_CONFIGURATION = [
    "-c", "protocol.version=2",
    "-c", "http.followRedirects=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "gc.auto=0",
    "-c", "transfer.fsckObjects=true",
    "-c", "fetch.fsckObjects=true",
]  # fmt: skip


def _first(told: str) -> str:
    from engine.git.address import shown

    lines = [line.strip() for line in told.splitlines() if line.strip()]
    words = (lines[0] if lines else "no answer").removeprefix("fatal: ").split()
    return " ".join(shown(word.strip("'\"")) if "://" in word else word for word in words)
