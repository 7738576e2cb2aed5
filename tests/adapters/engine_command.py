"""The command line of the stand-in for docker: asks the engine, and writes what it says.

`engine_command.py FOLDER WORDS...`, on the standard library alone: a test starts many of them.
"""

import json
import os
import signal
import socket
import sys

ALONE = {"all", "attach", "force", "quiet", "read-only", "volumes"}
# fmt: off
KNOWN = ALONE | {
    "build-arg", "cap-drop", "cpus", "entrypoint", "env-file", "file", "filter", "format",
    "iidfile", "label", "log-driver", "memory", "memory-swap", "mount", "name", "network",
    "pids-limit", "pull", "secret", "security-opt", "tag", "tmpfs", "type", "ulimit", "user",
    "workdir",
}
# fmt: on


def parse(words: list[str]) -> tuple[str, dict[str, list[str]], list[str]]:
    """Return command, options and the rest, as docker tells them apart; raise ValueError."""
    command, at = words[0], 1
    options: dict[str, list[str]] = {}
    while at < len(words) and words[at].startswith("--"):
        name = words[at][2:]
        if name not in KNOWN:
            raise ValueError(f"unknown flag: --{name}")
        taken = [] if name in ALONE else [words[at + 1]]
        options.setdefault(name, []).extend(taken)
        at += 1 + len(taken)
    rest = words[at:]
    if command == "image" and rest[0] == "inspect":
        return command, options, [rest[-1]]
    return command, options, rest


def main(folder: str, words: list[str]) -> int:
    """Be the command line: ask the engine, write what it says, end with its code."""
    try:
        _, options, _ = parse(words)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 125
    asked = {"words": words, "env_file": "", "env": dict(os.environ)}
    for path in options.get("env-file", []):
        with open(path, encoding="utf-8") as file:
            asked["env_file"] = file.read()
    channel = socket.socket(socket.AF_UNIX)
    try:
        channel.connect(f"{folder}/socket")
    except OSError:
        print("Cannot connect to the Docker daemon. Is it running?", file=sys.stderr)
        return 1
    if words[0] == "start":
        signal.signal(signal.SIGTERM, lambda *_: channel.sendall(b"TERM\n"))
    channel.sendall(json.dumps(asked).encode() + b"\n")
    for line in channel.makefile("rb"):
        told = json.loads(line)
        if "code" in told:
            return int(told["code"])
        os.write(told["stream"], told["text"].encode("latin-1"))
    print("error waiting for container: unexpected EOF", file=sys.stderr)
    return 125


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
