"""A stand-in for docker: a small engine that keeps containers.

The engine is a process of its own, so a container outlives the command line and the worker that
started it, as with docker. A container is a process without any walls; its folder is the one
that is mounted at /work. `python -m tests.adapters.engine FOLDER` is the engine; FOLDER/heard
holds what it was asked.
"""

import asyncio
import contextlib
import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.adapters.engine_command import parse

ROOT = Path(__file__).parents[2]

SEARCH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(slots=True)
class Container:
    """What the engine keeps of a container."""

    name: str
    labels: dict[str, str]
    argv: list[str]
    env: dict[str, str]
    folder: str
    status: str = "created"
    code: int = 0
    out_of_memory: bool = False
    process: asyncio.subprocess.Process | None = None


@dataclass(slots=True)
class Engine:
    """The engine: what it has, and how it answers the words of its command line."""

    folder: Path
    images: set[str] = field(default_factory=set)
    containers: dict[str, Container] = field(default_factory=dict)

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one command line."""
        asked = json.loads(await reader.readline())
        with (self.folder / "heard").open("a") as heard:
            heard.write(json.dumps(asked) + "\n")
        command, options, rest = parse(asked["words"])
        answer = getattr(self, f"on_{command}")
        try:
            code = await answer(asked, options, rest, reader, writer)
        except (ValueError, OSError) as error:
            code = say(writer, 2, f"Error response from daemon: {error}\n") or 1
        with contextlib.suppress(ConnectionError):
            writer.write(json.dumps({"code": code}).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def on_ps(self, _: Any, options: Any, __: Any, ___: Any, writer: Any) -> int:
        wanted = options.get("filter", [""])[0].removeprefix("label=")
        for each in self.containers.values():
            if not wanted or wanted in {f"{k}={v}" for k, v in each.labels.items()}:
                say(writer, 1, f"{each.name}\n")
        return 0

    async def on_image(self, _: Any, __: Any, rest: list[str], ___: Any, writer: Any) -> int:
        if rest[-1].rpartition("@")[2] not in self.images:
            return say(writer, 2, f"Error response from daemon: No such image: {rest[-1]}\n") or 1
        return say(writer, 1, rest[-1] + "\n")

    async def on_pull(self, _: Any, __: Any, rest: list[str], ___: Any, writer: Any) -> int:
        name, _, digest = rest[0].partition("@")
        if name.endswith("gone"):
            raise ValueError(f"manifest for {rest[0]} not found: manifest unknown")
        if name.endswith("flaky"):
            raise ValueError("Get https://registry.example/v2/: net/http: TLS handshake timeout")
        self.images.add(digest)
        return say(writer, 1, rest[0] + "\n")

    async def on_build(self, _: Any, options: Any, rest: list[str], ___: Any, writer: Any) -> int:
        file = options.get("file", ["Dockerfile"])[0]
        if file.endswith("hangs"):
            await asyncio.sleep(60)
        if file.endswith("fails"):
            return say(writer, 2, 'ERROR: process "make" did not complete: exit code: 2\n') or 1
        told = "nothing" if file.endswith("silent") else image_of(" ".join(rest))
        self.images.add(told)
        Path(options["iidfile"][0]).write_text(told)
        return 0

    async def on_create(
        self, asked: Any, options: Any, rest: list[str], _: Any, writer: Any
    ) -> int:
        (name,), (image, *arguments) = options["name"], rest
        if name in self.containers:
            raise ValueError(f'Conflict. The container name "/{name}" is already in use')
        (parts,) = csv.reader(options["mount"])
        mount = dict(each.split("=", 1) for each in parts)
        folder = mount["source"]
        lines = asked["env_file"].splitlines()
        env = dict(line.split("=", 1) for line in lines)
        argv = [
            each.replace(mount["target"], folder) for each in [*options["entrypoint"], *arguments]
        ]
        env["HOME"] = env["HOME"].replace(mount["target"], folder)
        labels = dict(each.split("=", 1) for each in options["label"])
        self.containers[name] = Container(name, labels, argv, env, folder)
        return say(writer, 1, hashlib.sha256(f"{name}{image}".encode()).hexdigest() + "\n")

    async def on_start(self, _: Any, __: Any, rest: list[str], reader: Any, writer: Any) -> int:
        found = self.containers[rest[0]]
        if found.argv[0] == "hog":
            found.status, found.code, found.out_of_memory = "exited", 137, True
            return 137
        pipe = asyncio.subprocess.PIPE
        try:
            found.process = await asyncio.create_subprocess_exec(
                *found.argv, env={"PATH": SEARCH, **found.env}, cwd=found.folder, stdout=pipe,
                stderr=pipe, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            found.code = 127
            say(writer, 2, f"OCI runtime create failed: exec: {found.argv[0]}: {error.strerror}\n")
            return 127
        found.status = "running"
        passing = asyncio.create_task(pass_signals(reader, found.process))
        assert found.process.stdout is not None
        assert found.process.stderr is not None
        await asyncio.gather(
            copy(found.process.stdout, writer, 1), copy(found.process.stderr, writer, 2)
        )
        code = await found.process.wait()
        passing.cancel()
        found.status, found.code = "exited", code if code >= 0 else 128 - code
        return found.code

    async def on_inspect(self, _: Any, __: Any, rest: list[str], ___: Any, writer: Any) -> int:
        found = self.containers[rest[0]]
        memory = str(found.out_of_memory).lower()
        return say(writer, 1, f"{found.status} {found.code} {memory}\n")

    async def on_rm(self, _: Any, __: Any, rest: list[str], ___: Any, writer: Any) -> int:
        code = 0
        for name in rest:
            found = self.containers.pop(name, None)
            if found is None:
                code = (
                    say(writer, 2, f"Error response from daemon: No such container: {name}\n") or 1
                )
            elif found.process is not None and found.process.returncode is None:
                os.killpg(found.process.pid, signal.SIGKILL)
                await found.process.wait()
        return code


async def copy(source: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: int) -> None:
    """Hand on what a container writes, even if nobody takes it any more."""
    while chunk := await source.read(65536):
        say(writer, stream, chunk.decode("latin-1"))
        with contextlib.suppress(ConnectionError):
            await writer.drain()


async def pass_signals(reader: asyncio.StreamReader, process: asyncio.subprocess.Process) -> None:
    """Pass on what the command line is told by signal; its end is no signal."""
    while await reader.readline():
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)


def say(writer: asyncio.StreamWriter, stream: int, text: str) -> int:
    """Have the command line write something; return 0."""
    if not writer.is_closing():
        writer.write(json.dumps({"stream": stream, "text": text}).encode() + b"\n")
    return 0


def image_of(text: str) -> str:
    """Return the image id that a build of something has here."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


async def serve(folder: Path) -> None:
    """Be the engine, with one image that is there from the beginning."""
    engine = Engine(folder, {image_of("here")})
    server = await asyncio.start_unix_server(engine.speak, folder / "socket", limit=2**24)
    async with server:
        await server.serve_forever()


@dataclass(slots=True)
class Standing:
    """An engine that runs for a test: its command line, and what it has heard."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def command(self) -> str:
        return str(self.folder / "docker")

    def heard(self) -> list[dict[str, Any]]:
        path = self.folder / "heard"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def asked(self, word: str) -> list[list[str]]:
        """Return the words of every command that began with one."""
        return [each["words"][1:] for each in self.heard() if each["words"][0] == word]

    def containers(self) -> list[str]:
        """Return the names of the containers that are there, running or not."""
        told = subprocess.run(
            [self.command, "ps", "--all"], capture_output=True, text=True, check=True
        )
        return told.stdout.split()


@contextmanager
def standing(folder: Path) -> Iterator[Standing]:
    """Give an engine in a folder; it and its containers are gone afterwards."""
    program = Path(__file__).with_name("engine_command.py")
    command = folder / "docker"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {program} {folder} "$@"\n')
    command.chmod(0o755)
    engine = [sys.executable, "-m", __name__, str(folder)]
    with subprocess.Popen(engine, cwd=ROOT, start_new_session=True) as process:
        found = Standing(folder, process)
        try:
            while not (folder / "socket").exists():
                time.sleep(0.01)
            yield found
        finally:
            if process.poll() is None:
                subprocess.run([command, "rm", "--force", *found.containers()], check=False)
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
