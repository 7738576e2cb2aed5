"""Everything that goes wrong with a database, as the manifests name it.

PostgreSQL's own words are told, but for what may be a value: of its message what is quoted in a
data exception, and all of its DETAIL, which holds whole rows.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

import psycopg

from adapters.contract import ErrorClass, Failed, Json
from adapters.egress.gate import BlockedError
from adapters.masking import mask_text
from adapters.sql.place import Place
from adapters.sql.statement import InvalidError

_T, _P = ErrorClass.TRANSIENT, ErrorClass.PERMANENT
# SQLSTATE, or its class, from special to general; PostgreSQL's Appendix A lists them.
_TYPES: tuple[tuple[str, str, ErrorClass], ...] = (
    ("25006", "sql.read_only", _P),
    ("40P01", "sql.deadlock", _T),
    ("40", "sql.serialization", _T),
    ("42501", "sql.denied", _P),
    ("28", "sql.denied", _P),
    ("23", "sql.constraint", _P),
    ("57014", "sql.timeout", _T),
    ("57P", "sql.connection", _T),
    ("08", "sql.connection", _T),
    ("53", "sql.busy", _T),
    ("55006", "sql.busy", _T),
    ("55P03", "sql.busy", _T),
)
_QUOTED = re.compile(r'".*?"', re.DOTALL)
_COPIED = re.compile(
    r"^COPY .*?, line (?P<line>\d+)(?:, column (?P<column>[^:\n]+))?", re.MULTILINE
)
_LONGEST = 1000
# What libpq says of a login, in the words of servers that speak English; other words are transient.
_LOGIN = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|is not permitted to log in"
    r"|(role|database) \".*\" does not exist|permission denied for database"
    r"|authentication method requirement"
)
_TLS = re.compile(r"certificate|SSL|TLS|channel binding", re.IGNORECASE)
_BROKEN = re.compile(r"SYSCALL|unexpected|closed|reset by peer|timed out|timeout", re.IGNORECASE)
_REASON = re.compile(r".*failed: (?:FATAL: +)?(.*)")


class LimitError(Exception):
    """The answer is larger than it may be; the message says how to get less, or more."""


class FileError(Exception):
    """The file is not as it must be; the message says in which line."""


class LoginError(Exception):
    """There is no connection; `__cause__` is what libpq says."""


def failed(place: Place, error: BaseException, values: Iterable[str], *, writes: bool) -> Failed:
    """Return the failure of what was not committed; `values` are not to be shown.

    Raise `error` again if it is not of the database's making.
    """
    match error:
        case LoginError():
            kind, error_class, words = _login(place, str(error.__cause__))
            found = Failed(kind, words, error_class)
        case psycopg.Error() if error.sqlstate:
            return _refused(place, error, values, writes=writes)
        case psycopg.OperationalError() | psycopg.InterfaceError():
            found = Failed("sql.connection", "the connection broke; nothing has changed", _T)
        case BlockedError():
            found = Failed("sql.blocked", str(error), _P)
        case LimitError():
            found = Failed("sql.too_large", str(error), _P)
        case FileError():
            return Failed("sql.file", str(error), _P)
        case OSError():
            found = Failed("sql.connection", "no connection: the name has no address now", _T)
        case InvalidError():
            return invalid(error)
        case _:
            raise error
    return Failed(found.type, f"{place.told}: {found.message}", found.error_class)


def invalid(error: InvalidError) -> Failed:
    """Return the failure of arguments that make no statement."""
    return Failed("sql.invalid", str(error), _P)


def timed_out(place: Place, timeout: timedelta, words: str) -> Failed:
    """Return the failure of an attempt whose time was over before COMMIT."""
    message = f"{place.told}: {words} within {timeout.total_seconds():g} s; nothing has changed"
    return Failed("sql.timeout", message, _T)


def lost_commit(place: Place, error_class: ErrorClass) -> Failed:
    """Return the failure of a transaction of which nobody knows whether it was committed."""
    message = f"{place.told}: no reply to COMMIT; the statement may have taken effect"
    return Failed("sql.commit", message, error_class)


def _refused(place: Place, error: psycopg.Error, values: Iterable[str], *, writes: bool) -> Failed:
    """Return the failure that PostgreSQL's own error is."""
    state, told = error.sqlstate or "", error.diag
    kind, error_class = _type_of(state)
    words = told.message_primary or "an error without a message"
    if state.startswith("22"):
        words = _QUOTED.sub('"***"', words)
    if kind == "sql.read_only":
        words = _read_only(words, writes=writes)
    details: dict[str, Json] = {"sqlstate": state}
    for name in ("schema", "table", "column", "constraint"):
        value = getattr(told, f"{name}_name")
        if value:
            details[name] = value
    where = _place_of(error, details)
    hint = f" ({told.message_hint})" if told.message_hint else ""
    secrets = (*place.secrets(), *sorted(set(values), key=len, reverse=True))
    message = mask_text(f"{where}{words}{hint}", secrets)
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}…"
    return Failed(kind, f"{place.told}: {message}", error_class, details=details)


def _type_of(state: str) -> tuple[str, ErrorClass]:
    for prefix, kind, error_class in _TYPES:
        if state.startswith(prefix):
            return kind, error_class
    return "sql.statement", _P


def _place_of(error: psycopg.Error, details: dict[str, Json]) -> str:
    """Return where in the statement or the file it is, in words; put the numbers into details."""
    told = error.diag
    copied = _COPIED.search(told.context or "")
    if copied is not None:
        details["line"] = int(copied["line"])
        if copied["column"]:
            details["column"] = copied["column"]
        column = f", column {copied['column']}" if copied["column"] else ""
        return f"line {copied['line']} of the file{column}: "
    text = getattr(error, "statement", "")
    if text and told.statement_position:
        line = text.count("\n", 0, int(told.statement_position) - 1) + 1
        details["line"] = line
        return f"line {line} of the statement: "
    return ""


def _read_only(words: str, *, writes: bool) -> str:
    if writes:
        return f"{words}: this server or role only reads, as a standby does"
    return f"{words}: a statement that writes needs `effect: write` on its step"


def _login(place: Place, said: str) -> tuple[str, ErrorClass, str]:
    """Return type, class and reason of a connection that did not come about.

    libpq gives no code for it, so its words are all there is.
    """
    if _LOGIN.search(said):
        words = "the server does not let this user into this database with this password"
        return "sql.denied", _P, f"{words}, or not from here"
    if _TLS.search(said) and not _BROKEN.search(said):
        words = "TLS is not acceptable: see `sslmode` of the dsn, and ca_file in [adapters.sql]"
        return "sql.tls", _P, words
    found = _REASON.search(said)
    reason = found[1] if found and found[1] else "no answer"
    covered = (*place.secrets(), *place.names())
    return "sql.connection", _T, f"no connection: {mask_text(reason, covered)}"
