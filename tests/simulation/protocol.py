"""The protocol of owners, journal, pools and burials, small enough that every schedule is walked.

This is not the engine: it is what the engine's statements promise each other, written down once
more, one move a statement, a crash, or a call. `explore` walks it.

A run is a line of steps: `own` may be repeated, `once` must not be, `pool` is handed out,
`pool-once` both. A state is a tuple of tuples:

- runs: (owner, lost, journal). Rows of a journal are (kind, step, attempt): `said` is an outcome,
  `begun` a mark, `lost` and `orphaned` deaths.
- inbox: what a run was told and has not taken; hands: (run, step, attempt, worker, marked).
- workers: (id, is alive, its session is up, turn under way, memory, performer). Memory is, by run,
  (journal, told, phase); a performer is (stage, run, step, attempt), or empty.
- calls: what the far side has seen; buried: ids; left: how many crashes, cuts, terminations.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

Told = tuple[str, int, int]
Journal = tuple[Told, ...]


class Worker(NamedTuple):
    id: int = 0
    alive: bool = False
    session: bool = False
    turn: Any = None
    memory: tuple[Any, ...] = ()
    performer: tuple[Any, ...] = ()


class State(NamedTuple):
    runs: tuple[tuple[int, bool, Journal], ...]
    inbox: frozenset[tuple[int, Told]]
    hands: frozenset[tuple[int, int, int, int, bool]]
    workers: tuple[Worker, ...]
    calls: frozenset[tuple[int, int, int]]
    buried: frozenset[int]
    left: tuple[int, int, int]
    ids: int
    broken: str = ""


@dataclass(frozen=True)
class Scope:
    """How large a world is, and what of the protocol is left out in it (`without`)."""

    steps: tuple[str, ...] = ("own", "once", "pool")
    runs: int = 1
    workers: int = 2
    crashes: int = 1
    cuts: int = 1
    terminations: int = 1
    without: frozenset[str] = field(default_factory=frozenset)

    def begin(self) -> State:
        none = tuple(None for _ in range(self.runs))
        workers = tuple(Worker(n, True, True, None, none) for n in range(1, self.workers + 1))
        return State(
            tuple((0, False, ()) for _ in range(self.runs)), frozenset(), frozenset(), workers,
            frozenset(), frozenset(), (self.crashes, self.cuts, self.terminations), self.workers,
        )  # fmt: skip


@lru_cache(maxsize=1 << 16)
def folded(steps: tuple[str, ...], journal: Journal) -> tuple[int, int, bool]:
    """Return step, attempt and mark that a journal comes to; a step of -1 has failed."""
    step, attempt, marked = 0, 1, False
    for kind, _, _ in journal:
        is_pool = step < len(steps) and steps[step].startswith("pool")
        is_once = step < len(steps) and steps[step].endswith("once")
        if kind == "said":
            step, attempt, marked = step + 1, 1, False
        elif kind == "begun":
            marked = True
        elif (kind == "lost" and not is_pool) or kind.startswith("orphaned"):
            if is_once and (marked or kind == "orphaned, marked"):
                return -1, 0, False
            attempt, marked = attempt + 1, False
    return step, attempt, marked


def moves(scope: Scope, state: State) -> Iterator[tuple[str, State]]:
    """Yield every move that may come next, with what it leads to."""
    for number in range(len(state.workers)):
        yield from moves_of(scope, state, number)


def moves_of(scope: Scope, state: State, number: int) -> Iterator[tuple[str, State]]:
    """Yield the moves of one worker that may come next, with what they lead to."""
    worker = state.workers[number]
    for name, after in _moves_of(scope, state, number, worker):
        yield f"{name} {worker.id}", after


def _moves_of(scope: Scope, state: State, n: int, me: Worker) -> Iterator[tuple[str, State]]:
    if me.alive:
        yield from _crash(state, n, me)
        yield from _own(scope, state, n, me)
        yield from _call(scope, state, n, me)
        yield from _perform(scope, state, n, me)
    elif me.session:
        yield "session ends", _with(state, n, me._replace(session=False, turn=None))
    if me.session and me.turn is not None:
        yield from _commit(scope, state, n, me)
    if me.id and me.id not in state.buried and _may_bury(scope, me):
        yield "bury", _buried(scope, state, me.id)
    if not me.alive and not me.session and me.id in state.buried:
        fresh = Worker(state.ids + 1, True, True, None, tuple(None for _ in me.memory))
        yield "begin as", _with(state, n, fresh)._replace(ids=state.ids + 1)
    if me.performer and me.performer[0] in ("marking", "telling"):
        yield from _performed(scope, state, n, me)


def _with(state: State, n: int, worker: Worker) -> State:
    return state._replace(workers=state.workers[:n] + (worker,) + state.workers[n + 1 :])


def _spent(state: State, which: int) -> State:
    left = list(state.left)
    left[which] -= 1
    return state._replace(left=(left[0], left[1], left[2]))


def _dead(me: Worker) -> Worker:
    """The process is gone; what it has asked may still be done, until its sessions have ended."""
    performer = me.performer if me.performer and me.performer[0] in ("marking", "telling") else ()
    return me._replace(alive=False, memory=tuple(None for _ in me.memory), performer=performer)


def _crash(state: State, n: int, me: Worker) -> Iterator[tuple[str, State]]:
    if state.left[0]:
        yield "kill", _spent(_with(state, n, _dead(me)), 0)
    if state.left[2] and me.session:  # silent: another worker ends its session, and it sleeps on
        yield "terminate", _spent(_with(state, n, me._replace(session=False, turn=None)), 2)
    if not me.session:
        yield "notice the end of", _with(state, n, _dead(me))


def _own(scope: Scope, state: State, n: int, me: Worker) -> Iterator[tuple[str, State]]:
    """Send a turn: what runs were told, or a claim; one at a time."""
    if me.turn is not None or not me.session:
        return
    for run, mine in enumerate(me.memory):
        owner, _, _ = state.runs[run]
        if mine is None:
            if owner == 0 and not _is_over(scope, state.runs[run][2]):
                yield "ask for a run as", _with(state, n, me._replace(turn=("claim", run)))
            continue
        journal, told, _ = mine
        heard = tuple(each for r, each in state.inbox if r == run and each not in told)
        if told:
            yield "send a turn of", _with(state, n, me._replace(turn=("turn", run, told)))
        elif heard and owner == me.id:
            memory = _remember(me, run, (journal, heard[:1], "told"))
            yield "look as", _with(state, n, me._replace(memory=memory))


def _remember(me: Worker, run: int, what: Any) -> tuple[Any, ...]:
    return me.memory[:run] + (what,) + me.memory[run + 1 :]


def _is_over(scope: Scope, journal: Journal) -> bool:
    step = folded(scope.steps, journal)[0]
    return step in (-1, len(scope.steps))


def _call(scope: Scope, state: State, n: int, me: Worker) -> Iterator[tuple[str, State]]:
    """Make an attempt of a run that is owned, once its launch is durable."""
    for run, mine in enumerate(me.memory):
        if mine is None or mine[2] != "go":
            continue
        journal, told, _ = mine
        step, attempt, _ = folded(scope.steps, journal)
        memory = _remember(me, run, (journal, (*told, ("said", step, attempt)), "said"))
        yield (
            "call by",
            _called(scope, _with(state, n, me._replace(memory=memory)), run, step, attempt),
        )


def _called(scope: Scope, state: State, run: int, step: int, attempt: int) -> State:
    """Note a call; it is broken if it was made before, or must not be repeated."""
    broken = state.broken
    if (run, step, attempt) in state.calls:
        broken = "an attempt is called twice"
    elif scope.steps[step].endswith("once") and any(
        (r, s) == (run, step) for r, s, _ in state.calls
    ):
        broken = "what must not be repeated is called twice"
    return state._replace(calls=state.calls | {(run, step, attempt)}, broken=broken)


def _commit(scope: Scope, state: State, n: int, me: Worker) -> Iterator[tuple[str, State]]:
    """Do the turn that a worker has sent; its answer comes, or is lost with the connection."""
    after, memory = _written(scope, state, me)
    if me.alive:
        answered = me._replace(turn=None, memory=memory)
        yield "commit of", _with(after, n, answered)
        if state.left[1]:
            cut = _dead(me)._replace(turn=None, session=False)
            yield "commit, and its answer is lost, of", _spent(_with(after, n, cut), 1)
    else:
        yield "commit of the dead", _with(after, n, me._replace(turn=None))


def _written(scope: Scope, state: State, me: Worker) -> tuple[State, tuple[Any, ...]]:
    """Return the state after a worker's turn, and what the worker then remembers."""
    kind, run, *more = me.turn
    owner, lost, journal = state.runs[run]
    if kind == "claim":
        if owner != 0 or _is_over(scope, journal):
            return state, me.memory
        runs = _set(state.runs, run, (me.id, False, journal))
        told = (("lost", 0, 0),) if lost and "lost" not in scope.without else ()
        state = state._replace(runs=runs)
        if not told:
            state = _offered(scope, state, run)
        return state, _remember(me, run, _next(scope, journal, told))
    rows = more[0]
    known = me.memory[run][0] if me.memory[run] is not None else more[0]
    if me.memory[run] is not None and known != journal:
        state = state._replace(broken="a turn is written on what another has written")
    if owner != me.id:
        state = state._replace(broken="a turn is written by who does not own the run")
    new = journal + rows
    outcomes = [row for row in new if row[0] == "said"]
    if len(set(outcomes)) != len(outcomes):
        state = state._replace(broken="an attempt has two outcomes")
    over = _is_over(scope, new)
    runs = _set(state.runs, run, (0 if over else owner, lost, new))
    inbox = frozenset(each for each in state.inbox if each[0] != run or each[1] not in rows)
    state = _offered(scope, state._replace(runs=runs, inbox=inbox), run)
    return state, _remember(me, run, None if over else _next(scope, new, ()))


def _set(runs: tuple[Any, ...], run: int, what: Any) -> tuple[Any, ...]:
    return runs[:run] + (what,) + runs[run + 1 :]


def _next(scope: Scope, journal: Journal, told: tuple[Told, ...]) -> tuple[Any, ...]:
    """Return what an owner remembers of a run whose journal is this, and does next."""
    if told:
        return journal, told, "told"
    step, attempt, marked = folded(scope.steps, journal)
    if scope.steps[step].startswith("pool"):
        return journal, (), "out"
    if scope.steps[step] == "once" and not marked and "mark" not in scope.without:
        return journal, (("begun", step, attempt),), "told"
    return journal, (), "go"


def _offered(scope: Scope, state: State, run: int) -> State:
    """Offer the attempt that is due, if a pool makes it, unless it is out or told already."""
    journal = state.runs[run][2]
    step, attempt, _ = folded(scope.steps, journal)
    if step in (-1, len(scope.steps)) or not scope.steps[step].startswith("pool"):
        return state
    is_out = any((r, s, a) == (run, step, attempt) for r, s, a, _, _ in state.hands)
    is_told = any(r == run and each[1:] == (step, attempt) for r, each in state.inbox)
    if is_out or is_told:
        return state
    return state._replace(hands=state.hands | {(run, step, attempt, 0, False)})


def _may_bury(scope: Scope, me: Worker) -> bool:
    """True once the session has ended; without the fence, while its last turn is on its way."""
    return not me.session or ("fence" in scope.without and not me.alive)


def _buried(scope: Scope, state: State, dead: int) -> State:
    """Hand the runs of a worker on as lost, and tell of what it had taken from pools."""
    runs = tuple((0, True, journal) if owner == dead else (owner, lost, journal)
                 for owner, lost, journal in state.runs)  # fmt: skip
    hands, inbox = set(state.hands), set(state.inbox)
    for hand in state.hands:
        run, step, attempt, worker, marked = hand
        if worker == dead and "orphan" not in scope.without:
            hands.discard(hand)
            kind = "orphaned, marked" if marked else "orphaned"
            inbox.add((run, (kind, step, attempt)))
    return state._replace(runs=runs, hands=frozenset(hands), inbox=frozenset(inbox),
                          buried=state.buried | {dead})  # fmt: skip


def _perform(scope: Scope, state: State, n: int, me: Worker) -> Iterator[tuple[str, State]]:
    """Take from a pool, begin what was taken, and send what came of it."""
    if not me.performer:
        taken = any(hand[3] for hand in state.hands)
        for hand in state.hands:
            if hand[3] == 0 and not taken and me.id not in state.buried:
                mine = hand[:3] + (me.id, False)
                hands = state.hands - {hand} | {mine}
                once = scope.steps[hand[1]].endswith("once")
                performer = ("marking" if once else "ready", *hand[:3])
                yield "take as", _with(state._replace(hands=hands), n,
                                       me._replace(performer=performer))  # fmt: skip
    elif me.performer[0] == "ready":
        performer = ("telling", *me.performer[1:])
        after = _with(state, n, me._replace(performer=performer))
        yield "call for a pool by", _called(scope, after, *me.performer[1:])


def _performed(scope: Scope, state: State, n: int, me: Worker) -> Iterator[tuple[str, State]]:
    """Do what a performer has sent on its own connection; the row is the fence."""
    stage, *attempt = me.performer
    mine = next((each for each in state.hands if each[:4] == (*attempt, me.id)), None)
    if stage == "marking":
        may = mine is not None or "row" in scope.without
        hands = state.hands if mine is None else state.hands - {mine} | {(*mine[:4], True)}
        performer = ("ready", *attempt) if may and me.alive else ()
        yield "mark by", _with(state._replace(hands=hands), n, me._replace(performer=performer))
    else:
        after = state
        if mine is not None:
            inbox = state.inbox | {(attempt[0], ("said", attempt[1], attempt[2]))}
            hands = state.hands if "release" in scope.without else state.hands - {mine}
            after = state._replace(hands=hands, inbox=inbox)
        yield "tell by", _with(after, n, me._replace(performer=()))
    if not me.alive:
        yield "drop what was asked by", _with(state, n, me._replace(performer=()))


def broken_at_rest(scope: Scope, state: State) -> str:
    """Return what is wrong with a state in which nothing can happen any more."""
    if any(not _is_over(scope, journal) for _, _, journal in state.runs):
        return "a run does not end"
    if state.hands or state.inbox:
        return "something is left of a run that has ended"
    return ""
