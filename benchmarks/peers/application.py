"""The application of DBOS: its workflows, and the requests that start them.

`python -m benchmarks.peers.application URL PORT`
"""

import asyncio
import sys
import time

import fastapi
import uvicorn
from dbos import DBOS

from benchmarks.peers.harness import fib

QUEUE = "jobs"

api = fastapi.FastAPI()


@DBOS.step()
def work(n: int) -> float:
    """Return when it began."""
    began = time.time()
    fib(n)
    return began


@DBOS.step()
async def work_async(n: int) -> float:
    """Return when it began."""
    began = time.time()
    fib(n)
    return began


@DBOS.workflow()
def chain(count: int) -> list[float]:
    """One step after the other."""
    return [work(10) for _ in range(count)]


@DBOS.workflow()
async def fan(count: int) -> int:
    """Steps at once, and one that waits for all."""
    made = await asyncio.gather(*[work_async(10) for _ in range(count)])
    await work_async(10)
    return len(made) + 1


@DBOS.workflow()
def child() -> float:
    """One step, as a workflow of its own."""
    return work(10)


@DBOS.workflow()
def fan_queued(count: int) -> int:
    """The same as a fan, by workflows of a queue."""
    handles = [DBOS.enqueue_workflow(QUEUE, child) for _ in range(count)]
    made = [handle.get_result() for handle in handles]
    work(10)
    return len(made) + 1


@DBOS.workflow()
async def diamond() -> int:
    """Five steps."""
    await work_async(10)
    await asyncio.gather(work_async(10), work_async(10), work_async(10))
    await work_async(10)
    return 5


KINDS = {each.__name__: each for each in (chain, fan, fan_queued, diamond)}


@api.post("/run/{kind}")
async def run(kind: str, args: list[int]) -> object:
    """Start a workflow and give what it gives."""
    if asyncio.iscoroutinefunction(KINDS[kind]):
        return await (await DBOS.start_workflow_async(KINDS[kind], *args)).get_result()
    handle = await asyncio.to_thread(DBOS.start_workflow, KINDS[kind], *args)
    return await asyncio.to_thread(handle.get_result)


@api.post("/start/{kind}")
async def start(kind: str, args: list[int]) -> str:
    """Start a workflow and give its id."""
    return (await DBOS.start_workflow_async(KINDS[kind], *args)).get_workflow_id()


def main(url: str, port: int) -> None:
    """Serve until told to go."""
    DBOS(config={"name": "bench", "system_database_url": url, "executor_id": "w0",
                 "application_version": "1", "log_level": "WARNING"})  # fmt: skip
    DBOS.launch()
    DBOS.register_queue(QUEUE)
    uvicorn.run(api, port=port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
