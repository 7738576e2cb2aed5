"""Who is measured, and what each does and does not do for a task: no figure is fair without it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """`does` is what it does for each task, `lacks` what SARK does for a step and it does not.

    `setting` is how it is run here. `node`: a part of it comes from the npm registry.
    """

    does: str
    lacks: str
    setting: str
    node: bool = False


SARK = (
    "checks the policy, renders one expression, checks the arguments against their schema, and has "
    "the outcome in PostgreSQL, with fsync, before anything that depends on it begins"
)
PEERS: Mapping[str, Peer] = {
    "restate": Peer(
        "journals each step in its own replicated log, with fsync, before the code goes on",
        "steps are code in a service of the user: no declaration, expression, policy or schema; "
        "one binary with a log of its own, so no PostgreSQL is to be run or queried",
        "one node, production profile; a Python service on Hypercorn, two workers; HTTP/2",
        node=True,
    ),
    "dbos": Peer(
        "writes the outcome of each step to PostgreSQL, in a transaction of its own",
        "steps are Python functions in the process that was called: no declaration, expression, "
        "policy or schema, and no other process is told of a step",
        "one application process, FastAPI on uvicorn; pools as they come",
    ),
    "pgqueuer": Peer(
        "takes each task from PostgreSQL and logs its end there, in batches",
        "a queue: what follows a task, joins and results are the user's own code and tables (here "
        "without a transaction around them, so a crash can do a task twice or lose what follows)",
        "two worker processes, LISTEN/NOTIFY, batches of ten as it comes, asyncpg pools",
    ),
    "prefect": Peer(
        "keeps the state of flows and tasks in its server on PostgreSQL",
        "a task's result is not kept unless asked for, and a flow that crashed begins anew; it "
        "does more around a task than any other here: events, logs, an interface for all of it",
        "server and `serve` with a process for each run, which is over when its flow is, though "
        "the server notes its tasks later; `inline`: the flow in one process",
    ),
    "dramatiq": Peer(
        "takes each task from Redis and acknowledges it there",
        "a queue, not durable as set here (Redis with its append-only file, fsync every second, "
        "which is Redis's own advice); no state of a run is kept anywhere",
        "two processes of eight threads, results and group callbacks in Redis",
    ),
}
