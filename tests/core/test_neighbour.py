"""What one document may know of its commit, and that every question is kept with its answer."""

from datetime import timedelta

from engine.core.commit.declared import Declared, Kind, Wiring, declared
from engine.core.commit.neighbour import Commit, Neighbours, Question
from engine.core.diagnostic import Span
from engine.core.plan import Circuit
from engine.core.values import Json
from tests.core.beside import Files

BREAKER: Json = {
    "window": "2m", "failure_ratio": 0.25, "min_calls": 4, "open_for": "30s", "half_open_calls": 2,
}  # fmt: skip
FACTS: Json = {"inputs": {"type": "object"}, "outputs": {"type": "object", "properties": {}}}


def document(kind: Kind, name: str, facts: Json) -> Declared:
    return declared(kind, name, Span("a.yaml", 1, 1), facts, Wiring())


def broken(kind: Kind, name: str) -> Declared:
    return Declared(kind, name, Span("a.yaml", 1, 1))


def test_a_workflow_is_known_by_what_it_takes_and_gives() -> None:
    """
    A caller sees the inputs and outputs of a workflow, and nothing of its steps.
    """
    neighbours = Neighbours(Commit([document(Kind.WORKFLOW, "pay", FACTS)]))

    told = neighbours.workflow("pay")

    assert told is not None
    assert {"inputs": told.inputs, "outputs": told.outputs} == FACTS
    assert neighbours.workflow("play") is None


def test_what_resources_say_can_be_asked_for() -> None:
    """
    Pools, calendars and connections are read as they are written.
    """
    kinds = (Kind.POOL, Kind.CALENDAR, Kind.CONNECTION)
    commit = Commit([document(kind, "x", {"kind": kind}) for kind in kinds])
    neighbours = Neighbours(commit)

    told = (neighbours.pool, neighbours.calendar, neighbours.connection)
    assert [{"kind": kind} for kind in kinds] == [ask("x") for ask in told]
    assert [None] * 3 == [ask("y") for ask in told]


def test_a_breaker_is_known_as_steps_hold_it() -> None:
    """
    Its window and its limits are laid into every step that goes through it.
    """
    neighbours = Neighbours(Commit([document(Kind.BREAKER, "api", BREAKER)]))

    expected = Circuit("api", timedelta(minutes=2), 0.25, 4, timedelta(seconds=30), 2)
    assert expected == neighbours.breaker("api")
    assert neighbours.breaker("ipa") is None


def test_a_document_that_cannot_be_read_is_there_all_the_same() -> None:
    """
    Its own findings say what is wrong; those that name it have nothing more to say.
    """
    kinds = (Kind.WORKFLOW, Kind.POOL, Kind.BREAKER)
    neighbours = Neighbours(Commit([broken(kind, "x") for kind in kinds]))

    told = neighbours.workflow("x")

    assert told is not None
    assert ({}, {}, {}) == (told.inputs, told.outputs, neighbours.pool("x"))
    assert neighbours.breaker("x") is not None


def test_names_are_told_for_a_hint() -> None:
    """
    Of a name that is not there, those that are there can be proposed.
    """
    commit = Commit([document(Kind.POOL, name, {}) for name in ("b", "a", "a")])

    assert ["a", "b"] == Neighbours(commit).names(Kind.POOL)


def test_a_file_is_there_even_if_it_is_too_large() -> None:
    """
    That a file is missing and that it is too large are told apart.
    """
    neighbours = Neighbours(Commit(companions=Files({"a.json": b"{}", "big.json": None})))

    assert (b"{}", None, None) == tuple(map(neighbours.file, ("a.json", "big.json", "no.json")))
    assert (True, True, False) == tuple(map(neighbours.has_file, ("a.json", "big.json", "no.json")))
    assert not Neighbours().has_file("a.json")
    assert Neighbours().file("a.json") is None


def test_every_question_is_kept_once() -> None:
    """
    Whoever keeps what a file compiled to knows what else it hung on.
    """
    neighbours = Neighbours(Commit([document(Kind.POOL, "a", {}), broken(Kind.POOL, "b")]))
    for name in ("a", "a", "b", "c"):
        neighbours.pool(name)

    digests = {each.name: each.answer for each in neighbours.asked}
    assert ["a", "b", "c"] == [each.name for each in neighbours.asked]
    assert (64, "broken", "") == (len(digests["a"]), digests["b"], digests["c"])


def test_answers_hold_as_long_as_nothing_asked_for_changes() -> None:
    """
    A file need not be compiled again because its neighbours change in what it never asked.
    """

    def commit(
        pool: Json, *more: str, file: bytes = b"{}", environment: str = "prod", limit: int = 1
    ) -> Commit:
        pools = [document(Kind.POOL, name, pool) for name in ("fast", *more)]
        here = document(Kind.ENVIRONMENT, "prod", {"variables": {"LIMIT": limit, "OTHER": pool}})
        other = document(Kind.WORKFLOW, "other", {"steps": str(pool)})
        return Commit([*pools, here, other], Files({"a.json": file}), environment)

    neighbours = Neighbours(commit({"parallelism": 1}))
    neighbours.pool("fast")
    neighbours.names(Kind.POOL)
    neighbours.file("a.json")
    assert {"prod": 1} == neighbours.variable("LIMIT").values

    def holds(now: Commit) -> bool:
        return now.holds(neighbours.asked)

    assert holds(commit({"parallelism": 1}))
    assert not holds(commit({"parallelism": 2}))
    assert not holds(commit({"parallelism": 1}, "slow"))
    assert not holds(commit({"parallelism": 1}, file=b"[]"))
    assert not holds(commit({"parallelism": 1}, environment="test"))
    assert not holds(commit({"parallelism": 1}, limit=2))
    assert holds(commit({"parallelism": 1})) is Commit().holds(())
    assert not Commit().holds([Question(Kind.POOL, "fast", "x")])
