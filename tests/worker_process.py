"""A worker process for the tests: the real one, with operations that leave a mark in a file.

`python -m tests.worker_process FOLDER POOL...` reads `settings.json` there, serves these pools,
and appends to `marks`.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import uvloop

from adapters.contract import Call, Manifest, Outcome, Succeeded
from engine.settings import Settings, serving
from engine.worker import WorkerProcess
from tests.heart import executor, manifest


@dataclass
class Mark:
    """Writes down the call, then takes as long as it is told."""

    folder: Path
    manifest: Manifest = field(default_factory=lambda: manifest("test.mark@1"))

    async def invoke(self, call: Call) -> Outcome:
        with (self.folder / "marks").open("a") as file:
            file.write(f"{call.run} {call.step} {call.attempt} {os.getpid()}\n")
        await asyncio.sleep(float(str(call.arguments.get("seconds", 0))))
        return Succeeded({})


async def main(folder: Path, pools: Sequence[str]) -> None:
    settings = Settings.model_validate_json((folder / "settings.json").read_bytes())
    unsafe = Mark(folder, replace(manifest("test.unsafe@1"), effect="write", idempotent=False))
    worker = WorkerProcess(serving(settings, pools, {}), executor(Mark(folder), unsafe))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.serve()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2:]))
