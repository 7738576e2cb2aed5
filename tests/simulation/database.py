"""A small PostgreSQL: tables, transactions, row locks, advisory locks and sessions, no SQL.

A statement is a function of a `Transaction`. It runs whole at one instant, sees what is committed
and what its own transaction wrote (READ COMMITTED), and locks rows before it writes them. Where a
lock is another's it waits, and is begun anew once a transaction has ended: PostgreSQL would look
again at the locked row alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import psycopg

Row: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[Any, ...]
Contract: TypeAlias = Callable[["Transaction", Mapping[str, Any]], list[tuple[Any, ...]]]
# Which locks of a row stand in each other's way (PostgreSQL's manual, "Row-Level Locks").
_CONFLICTS = {
    "key share": {"update"},
    "no key update": {"no key update", "update"},
    "update": {"key share", "no key update", "update"},
}
_STRENGTH = ("key share", "no key update", "update")
TABLES: dict[str, tuple[str, ...]] = {
    "runs": ("id",), "journal": ("run_id", "seq"), "plans": ("digest",), "workers": ("id",),
    "inbox": ("id",), "outbox": ("id",), "handouts": ("id",), "events": ("id",),
    "watches": ("run_id", "path", "event"),
}  # fmt: skip
UNIQUE: dict[str, tuple[str, ...]] = {
    "inbox": ("run_id", "path", "key"), "handouts": ("run_id", "path", "attempt"),
}  # fmt: skip


class MustWait(Exception):
    """A lock is another session's: one of those that `holders` are has to let go of `place`."""

    def __init__(self, place: Key, holders: set["Session"]) -> None:
        super().__init__()
        self.place = place
        self.holders = holders


@dataclass(eq=False)
class Session:
    """One connection as the server sees it. What it asked is done though nobody listens any more.

    `is_left`: the client has gone; the session ends once it has done what it was asked last.
    """

    pid: int
    name: str
    started_at: datetime
    is_ended: bool = False
    is_left: bool = False
    transaction: "Transaction | None" = None
    in_block: bool = False
    is_failed: bool = False
    worker: int | None = None
    waits_for: set["Session"] = field(default_factory=set)
    waits_at: Key = ()


class Transaction:
    """What one transaction sees, and what it will have written.

    A lazy one is committed before it is on the disk.
    """

    def __init__(self, database: "Database", session: Session) -> None:
        self.database = database
        self.session = session
        self.now = database.now()
        self.is_lazy = False
        self._written: dict[str, dict[Key, Row | None]] = defaultdict(dict)

    def get(self, table: str, *key: Any) -> Row | None:
        """Return a row by its primary key."""
        written = self._written[table]
        return written[key] if key in written else self.database.tables[table].get(key)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield all rows, in the order in which their keys came."""
        written = self._written[table]
        kept = self.database.tables[table]
        for key, row in list(kept.items()):
            told = written.get(key, row)
            if told is not None:
                yield told
        for key, told in list(written.items()):
            if key not in kept and told is not None:
                yield told

    def lock(self, table: str, row: Row, mode: str = "no key update") -> None:
        """Lock a row until the end of the transaction; raise MustWait if others hold it."""
        key = (table, *key_of(table, row))
        held = self.database.locks[key]
        holders = {who for who, how in held.items()
                   if who is not self.session and how in _CONFLICTS[mode]}  # fmt: skip
        if holders:
            raise MustWait(key, holders)
        mine = held.get(self.session, "key share")
        held[self.session] = max(mine, mode, key=_STRENGTH.index)

    def is_locked(self, table: str, row: Row, mode: str = "no key update") -> bool:
        """Try to lock a row; return True if another's lock is in the way (SKIP LOCKED)."""
        try:
            self.lock(table, row, mode)
        except MustWait:
            return True
        return False

    def advise(self, *key: int, session: bool = False) -> None:
        """Take an advisory lock, for the transaction or for the session."""
        place = ("advisory", *key)
        holders = set(self.database.locks[place]) - {self.session}
        if holders:
            raise MustWait(place, holders)
        self.database.locks[place][self.session] = "update"
        if session:
            self.database.kept.add((self.session, place))

    def insert(self, table: str, row: Row, *, or_nothing: bool = False) -> bool:
        """Add a row; return False if its key is taken and `or_nothing`, else raise.

        Whoever has written the same key, and not committed, is waited for.
        """
        for names in {TABLES[table], UNIQUE.get(table, TABLES[table])}:
            place = (table, names, *(row[name] for name in names))
            others = set(self.database.locks[place]) - {self.session}
            if self._find(table, names, row):
                if or_nothing:
                    return False
                raise psycopg.errors.UniqueViolation(f"{table} has {place} already")
            if others:
                raise MustWait(place, others)
        for names in {TABLES[table], UNIQUE.get(table, TABLES[table])}:
            self.database.locks[(table, names, *(row[n] for n in names))][self.session] = "update"
        self.put(table, row)
        return True

    def put(self, table: str, row: Row) -> None:
        """Write a row; the caller has locked it."""
        self._written[table][key_of(table, row)] = row

    def delete(self, table: str, row: Row) -> None:
        """Delete a row; the caller has locked it."""
        self._written[table][key_of(table, row)] = None

    def mark(self) -> dict[str, dict[Key, Row | None]]:
        """Return what is written by now, for `reset`."""
        return {table: dict(rows) for table, rows in self._written.items()}

    def reset(self, mark: dict[str, dict[Key, Row | None]]) -> None:
        """Forget what a statement wrote that has to be begun anew, or has failed."""
        self._written = defaultdict(dict, mark)

    def commit(self) -> None:
        """Write all of it. What is written brings all that was written before it to the disk."""
        if any(self._written.values()) and not self.is_lazy:
            self.database.unflushed.clear()
        for table, rows in self._written.items():
            kept = self.database.tables[table]
            for key, row in rows.items():
                if self.is_lazy:
                    self.database.unflushed.append((table, key, kept.get(key)))
                if row is None:
                    kept.pop(key, None)
                else:
                    kept[key] = row

    def _find(self, table: str, names: tuple[str, ...], row: Row) -> bool:
        if names == TABLES[table]:
            return self.get(table, *key_of(table, row)) is not None
        wanted = [row[name] for name in names]
        return any([each[name] for name in names] == wanted for each in self.rows(table))


class Database:
    """All that the server keeps, and the locks that its sessions have."""

    def __init__(
        self, now: Callable[[], datetime], terminate: Callable[[Session], None] | None = None
    ) -> None:
        self.now = now
        self.started_at = now()
        self.terminate = terminate or self.end
        self.tables: dict[str, dict[Key, Row]] = {name: {} for name in TABLES}
        self.locks: dict[Key, dict[Session, str]] = defaultdict(dict)
        self.kept: set[tuple[Session, Key]] = set()
        self.sessions: dict[int, Session] = {}
        self.numbers: dict[str, int] = defaultdict(int)
        self.follows: set[tuple[str, str]] = set()
        self.unflushed: list[tuple[str, Key, Row | None]] = []

    def connect(self, name: str) -> Session:
        pid = self.number("pid")
        self.sessions[pid] = session = Session(pid, name, self.now())
        return session

    def number(self, sequence: str) -> int:
        """Return the next of a sequence; none is ever given twice, whatever is rolled back."""
        self.numbers[sequence] += 1
        return self.numbers[sequence]

    def run(self, session: Session, contract: Contract, values: Mapping[str, Any]) -> list[Any]:
        """Run a statement whole; raise MustWait, or what PostgreSQL refuses it with."""
        if session.is_failed and contract not in (commit, rollback):
            raise psycopg.errors.InFailedSqlTransaction("the transaction has failed")
        if session.transaction is None:
            session.transaction = Transaction(self, session)
        told, mark = session.transaction, session.transaction.mark()
        try:
            rows = contract(told, values)
        except MustWait as wait:
            told.reset(mark)
            session.waits_for, session.waits_at = wait.holders, wait.place
            if self._is_circle(session):
                self.abort(session)
                raise psycopg.errors.DeadlockDetected("deadlock detected") from None
            raise
        except psycopg.Error:
            self.abort(session)
            raise
        session.waits_for = set()
        if not session.in_block:
            self.commit(session)
        return rows

    def may_go_on(self, session: Session) -> bool:
        """True if one that a session waits for has let go."""
        return not session.waits_for <= self.locks.get(session.waits_at, {}).keys()

    def abort(self, session: Session) -> None:
        """Undo the transaction; in a block, nothing but its end is taken any more."""
        session.is_failed = session.in_block
        self._release(session)

    def commit(self, session: Session) -> None:
        if session.transaction is not None:
            session.transaction.commit()
        self._release(session)

    def crash(self) -> None:
        """Forget what is committed and not on the disk."""
        for table, key, row in reversed(self.unflushed):
            if row is None:
                self.tables[table].pop(key, None)
            else:
                self.tables[table][key] = row
        self.unflushed.clear()

    def end(self, session: Session) -> None:
        """The session has ended: what it did not commit is undone, and its locks go."""
        session.is_ended = True
        self._release(session)
        for each, place in [one for one in self.kept if one[0] is session]:
            self.kept.discard((each, place))
            self.locks[place].pop(session, None)
        self.sessions.pop(session.pid, None)

    def _release(self, session: Session) -> None:
        session.transaction, session.waits_for = None, set()
        for place, held in list(self.locks.items()):
            if session in held and (session, place) not in self.kept:
                del held[session]
            if not held:
                del self.locks[place]

    def _is_circle(self, start: Session) -> bool:
        """True if somebody that is waited for waits, at last, for `start`."""
        seen, reach = set[Session](), list(start.waits_for)
        while reach:
            each = reach.pop()
            if each is start:
                return True
            if each not in seen:
                seen.add(each)
                reach += each.waits_for
        return False


def commit(told: Transaction, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """End a block; one that has failed is undone, and nobody is told."""
    told.session.in_block = told.session.is_failed = False
    return []


def rollback(told: Transaction, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Undo a block."""
    told.reset({})
    return commit(told, values)


def key_of(table: str, row: Row) -> Key:
    return tuple(row[name] for name in TABLES[table])
