"""What runs in the world: small workflows that between them use every way of the engine."""

from datetime import timedelta
from functools import cache

from engine.core import codec
from engine.core.plan import (
    Await,
    Branch,
    Effect,
    Emit,
    Plan,
    Pool,
    Race,
    Retry,
    Start,
    Step,
    Uses,
    Wait,
)
from engine.core.values import Json, canonical
from tests.core.runs import edge, only, scope, step
from tests.heart import sealed

WORK, UNDO = "sim.work@1", "sim.undo@1"
NAMESPACE = "local"
_TERMS = Pool(parallelism=1)
_AGAIN = Retry(max_attempts=3, initial=timedelta(seconds=1))


def work(*, repeatable: bool = True, fails: str = "never") -> Uses:
    """Return a call that books something under its key; sometimes it `fails`, and how."""
    return Uses(WORK, {"fails": fails}, Effect.WRITE, repeatable)


def booked(name: str, *after: object, **more: object) -> Step:
    """Return a step whose booking is given back if the run fails."""
    undo = only(Uses(UNDO, {"key": "{{ self.idempotency_key }}"}, Effect.WRITE, True), retry=_AGAIN)
    return step(name, *after, compensation=undo, **{"verb": work(), **more})  # type: ignore[arg-type]


def pooled(name: str, *after: object, **more: object) -> Step:
    return step(name, *after, pool="gpu", terms=_TERMS, **{"verb": work(), **more})  # type: ignore[arg-type]


@cache
def plans() -> dict[str, Plan]:
    """Return the workflows by name."""
    return {name: sealed(Plan(name, f"{name}.yaml", {"type": "object"}, scope(*steps)))
            for name, steps in _steps().items()}  # fmt: skip


@cache
def bodies() -> dict[str, bytes]:
    """Return the workflows as the database keeps them, by digest."""
    return {each.digest: canonical(codec.encode(each)) for each in plans().values()}


def _steps() -> dict[str, tuple[Step, ...]]:
    once, risky = work(repeatable=False), work(fails="permanent")
    about: Json = {"run": "{{ run.id }}"}
    awaits = Await(timedelta(minutes=20), "go", correlation=("data.run", "run.id"))
    branches = (Branch("mine", scope(booked("x"))), Branch("theirs", scope(pooled("y"))))
    return {
        "ladder": (step("a", verb=work()), step("b", edge(0), verb=work())),
        "booking": (
            booked("a"), booked("b", edge(0)), booked("c", edge(0), pool="gpu", terms=_TERMS),
            step("d", edge(1), edge(2), verb=risky),
        ),
        "pooled": (pooled("a"), pooled("b"), step("c", edge(0), edge(1), verb=work())),
        "once": (
            step("a", verb=once), pooled("b", edge(0), verb=once), step("c", edge(0), verb=once),
        ),
        "waiting": (
            step("heard", verb=awaits), step("a", verb=work()),
            step("told", edge(1), verb=Emit("go", None, about)),
            step("later", edge(1), verb=Wait("35s")),
        ),
        "parent": (step("a", verb=work()), step("child", edge(0), verb=Start("ladder", {}))),
        "race": (step("r", verb=Race(branches)), step("z", edge(0), verb=risky)),
        "retry": (
            step("a", verb=work(fails="transient"), retry=_AGAIN),
            pooled("b", verb=work(repeatable=False, fails="transient"), retry=_AGAIN),
        ),
    }  # fmt: skip
