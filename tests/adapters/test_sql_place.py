"""Where a dsn may lead, who is let in, and who answers."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from adapters.contract import ErrorClass, Json, Outcome
from adapters.egress.gate import BlockedError, read_gate
from adapters.sql.place import parameters, read_dsn
from adapters.sql.statement import InvalidError
from tests.adapters.querying import ask, database, refusal
from tests.adapters.servers import make_certificate, server_context
from tests.adapters.speaking import failed, outputs

P, T = ErrorClass.PERMANENT, ErrorClass.TRANSIENT


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


def test_nobody_listens():
    """
    A server that is not there may be there later.
    """
    found = refusal("postgresql://ann:hunter2@127.0.0.1:1/sales", "select 1")

    assert ("sql.connection", T) == (found.type, found.error_class)
    assert "127.0.0.1:1: no connection: Connection refused" == found.message


@pytest.mark.parametrize(
    ("user", "password", "name"),
    [("sark", "wrong-password", None), ("nobody-there", "x", None), ("sark", None, "no-such-db"),
     ("sark", "", None)],
)  # fmt: skip
def test_a_login_that_is_refused(url: str, user: str, password: str | None, name: str | None):
    """
    Trying again does not help; the error shows neither user nor password nor database.
    """
    told = psycopg.conninfo.conninfo_to_dict(url)
    secret = told["password"] if password is None else password
    where = f"{told['host']}:{told['port']}"
    found = refusal(f"postgresql://{user}:{secret}@{where}/{name or told['dbname']}", "select 1")

    assert ("sql.denied", P) == (found.type, found.error_class)
    expected = "the server does not let this user into this database with this password"
    assert f"{where}: {expected}, or not from here" == found.message


def test_tls_that_the_server_does_not_offer(url: str):
    """
    Whoever asks for TLS gets it or nothing.
    """
    found = refusal(f"{url}?sslmode=verify-full", "select 1")

    assert ("sql.tls", P) == (found.type, found.error_class)


@asynccontextmanager
async def under_tls(url: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Put TLS before a server that has none, as PostgreSQL does it; give the URL through it."""
    told = psycopg.conninfo.conninfo_to_dict(url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        with suppress(ConnectionError, ssl.SSLError):
            await writer.start_tls(context)
            there, back = await asyncio.open_connection(str(told["host"]), int(str(told["port"])))
            await asyncio.gather(carry(reader, back), carry(there, writer))

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield url.replace(f":{told['port']}/", f":{port}/")
    server.close()


def test_tls_makes_sure_who_answers(url: str, tmp_path: Path):
    """
    verify-full takes the operator's authority and no other, and no other name than the host's.
    """
    names = {"right": "IP:127.0.0.1", "other": "DNS:db.acme.example"}
    found = {name: make_certificate(tmp_path, name, each) for name, each in names.items()}

    async def story(name: str, mode: str, **settings: Json) -> Outcome:
        async with (
            under_tls(url, server_context(*found[name])) as through,
            database(f"{through}?sslmode={mode}", **settings) as asking,
        ):
            return await asking("select 1 as a")

    known = asyncio.run(story("right", "verify-full", ca_file=str(found["right"][0])))
    required = asyncio.run(story("other", "require"))
    unknown = failed(asyncio.run(story("right", "verify-full")))
    another = failed(asyncio.run(story("other", "verify-full", ca_file=str(found["other"][0]))))

    assert [{"a": 1}] == outputs(known)["rows"] == outputs(required)["rows"]
    assert ("sql.tls", P) == (unknown.type, unknown.error_class)
    assert ("sql.tls", P) == (another.type, another.error_class)


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("host=db user=a dbname=c", "dsn must begin with postgresql://"),
        ("mysql://a:b@db/c", "dsn must begin with postgresql://"),
        ("postgresql://a:b@db/c?nope=1", "dsn cannot be read"),
        ("postgresql://a:p@hunter:2@db/c", "dsn cannot be read"),
        ("postgresql://a:p@hunter2@db/c", "dsn cannot be read"),
        ("postgresql://db/c", "dsn names no user"),
        ("postgresql://a:b@db", "dsn names no database"),
        ("postgresql://a:b@/c", "dsn names no host"),
        ("postgresql://a:b@/c?host=/var/run", "sockets of this machine are not used"),
        ("postgresql://a:b@%2Fvar%2Frun/c", "sockets of this machine are not used"),
        ("postgresql://a:b@/c?host=db,@x", "sockets of this machine are not used"),
        ("postgresql://a:b@db:0/c", "dsn has a port that is no number from 1 to 65535"),
        ("postgresql://a:b@2130706433/c", "a number but no dotted address"),
        ("postgresql://a:b@db/c?sslkey=/etc/key", "dsn sets sslkey; it may set password, port"),
        ("postgresql://a:b@db/c?passfile=/etc/pass", "dsn sets passfile"),
        ("postgresql://a:b@db/c?service=x", "dsn"),
        ("postgresql://a:b@db/c?hostaddr=10.0.0.1", "dsn sets hostaddr"),
    ],
)
def test_a_dsn_that_leads_nowhere(dsn: str, words: str):
    """
    The error says what is missing or not allowed, and shows nothing of the dsn.
    """
    found = refusal(dsn, "select 1")

    assert ("sql.invalid", P) == (found.type, found.error_class)
    assert words in found.message
    assert "hunter" not in found.message


@pytest.mark.parametrize(
    ("host", "answers", "allowed", "expected"),
    [
        ("db.acme.internal", ["10.1.2.3"], (), "10.1.2.3"),
        ("localhost", ["127.0.0.1", "::1"], (), "127.0.0.1,::1"),
        ("db.acme.example", ["8.8.8.8"], (), "8.8.8.8"),
        ("db.acme.example", ["169.254.169.254"], (), None),
        ("169.254.169.254", [], (), None),
        ("db.acme.example", ["8.8.8.8", "fe80::1"], (), None),
        ("0.0.0.0", [], (), None),
        ("db.acme.internal", ["10.1.2.3"], ("db.acme.internal",), "10.1.2.3"),
        ("db.acme.internal", ["10.1.2.3"], ("*.acme.internal:5432",), "10.1.2.3"),
        ("db.acme.internal", ["10.1.2.3"], ("db.acme.internal:6432",), None),
        ("other.acme.internal", ["10.1.2.3"], ("db.acme.internal",), None),
        ("10.1.2.3", [], ("10.1.0.0/16",), "10.1.2.3"),
    ],
)
def test_where_a_dsn_may_lead(
    host: str, answers: list[str], allowed: tuple[str, ...], expected: str | None
):
    """
    Private networks are where databases live; metadata and link-local addresses are none of theirs.
    """
    place = read_dsn(f"postgresql://a:b@{host}/c")
    gate = read_gate(allowed, None)
    if expected is None:
        with pytest.raises(BlockedError):
            parameters(place, gate, lambda *_: answers, None)
    else:
        assert expected == parameters(place, gate, lambda *_: answers, None)["hostaddr"]


def test_nothing_of_the_workers_own_is_lent(url: str, monkeypatch: pytest.MonkeyPatch):
    """
    A dsn without a password does not get the worker's, from its environment or its files.
    """
    told = psycopg.conninfo.conninfo_to_dict(url)
    monkeypatch.setenv("PGPASSWORD", str(told["password"]))
    monkeypatch.setenv("PGUSER", "sark")
    found = refusal(f"postgresql://sark@{told['host']}:{told['port']}/{told['dbname']}", "select 1")

    assert ("sql.denied", P) == (found.type, found.error_class)


def test_a_password_of_any_letters(url: str):
    """
    A password is percent-encoded in the dsn, and read as it is.
    """
    word = "p@ss:/%#?&' \\word"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop role if exists odd")
        connection.execute(psycopg.sql.SQL("create role odd login password {}").format(word))
    where = url.partition("@")[2]

    found = ask(f"postgresql://odd:{quote(word, safe='')}@{where}", "select current_user as who")

    assert [{"who": "odd"}] == outputs(found)["rows"]


def test_several_hosts(url: str):
    """
    A dsn may name several hosts; one that answers is taken.
    """
    told = psycopg.conninfo.conninfo_to_dict(url)
    who = url.partition("@")[0]
    found = ask(
        f"{who}@127.0.0.1:1,{told['host']}:{told['port']}/{told['dbname']}", "select 1 as a"
    )

    assert [{"a": 1}] == outputs(found)["rows"]
    with pytest.raises(InvalidError):
        read_dsn("postgresql://a:b@c:1,d:2,e/f?port=1,2")
