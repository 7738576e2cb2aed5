"""`smtp.send@1` keeps to what an operation promises."""

import asyncio
from datetime import timedelta
from pathlib import Path

from adapters import conformance
from adapters.conformance import CANARY, Case
from adapters.contract import Json, Succeeded
from adapters.smtp import create
from tests.adapters.mailing import (
    EHLO,
    LETTER,
    MESSAGE,
    RCPT,
    WELL,
    Inbox,
    but,
    saying,
    serving,
    settings,
)
from tests.adapters.speaking import opened

GIVEN: dict[str, Json] = {**LETTER, "text": CANARY, "to": [f"{CANARY}@acme.example"]}


def test_every_case_leads_to_what_is_declared(tmp_path: Path):
    """
    Outputs are of their schema, errors are declared ones, and no error shows a key or a secret.
    """
    (tmp_path / "password").write_text(CANARY)

    async def story() -> None:
        async with saying(WELL) as port, opened(create(settings(port))) as operation:
            conformance.check_description(operation.manifest)
            await conformance.check_case(operation, Case("a message", GIVEN))
            smuggled = Case("a header", {**GIVEN, "subject": f"a\n{CANARY}"}, "smtp.invalid")
            await conformance.check_case(operation, smuggled)
            empty = Case("nothing", {"to": ["a@b.example"], "subject": "a"}, "smtp.invalid", False)
            await conformance.check_case(operation, empty)
        for point, reply, kind in (
            (EHLO, f"250 {CANARY}", "succeeded"),
            (RCPT, f"550 <{CANARY}@acme.example> is nobody", "smtp.recipient"),
            (MESSAGE, "", "smtp.disconnected"),
        ):
            async with (
                saying(but(point, reply.encode())) as port,
                opened(create(settings(port))) as operation,
            ):
                await conformance.check_case(operation, Case(kind, GIVEN, kind))
        secret = settings(1, security="tls", username="a", password=f"file:{tmp_path}/password")
        async with opened(create(secret)) as operation:
            await conformance.check_case(operation, Case("nobody", GIVEN, "smtp.connect"))
        async with opened(create({})) as operation:
            await conformance.check_case(operation, Case("unset", GIVEN, "smtp.settings"))
            named: dict[str, Json] = {**GIVEN, "host": "127.0.0.1", "from": "a@b.example"}
            login: dict[str, Json] = {"username": CANARY, "password": CANARY}
            blocked = Case("a server", {**named, **login}, "smtp.blocked")
            await conformance.check_case(operation, blocked)
            clear = Case("in the clear", {**named, **login, "security": "none"}, "smtp.invalid")
            await conformance.check_case(operation, clear)
            half = Case("no server", {**GIVEN, "port": 25}, "smtp.invalid", False)
            await conformance.check_case(operation, half)

    asyncio.run(story())


def test_a_call_that_waits():
    """
    Cancelled or out of time, it ends, leaves no task and no connection, and says what it knows.
    """

    async def story() -> None:
        async with (
            saying(but(MESSAGE, None)) as port,
            opened(create(settings(port))) as operation,
        ):
            case = Case("waits", LETTER, timeout=timedelta(seconds=60))
            await conformance.check_cancellation(operation, case)
            await conformance.check_deadline(operation, case)

    asyncio.run(story())


def test_an_adapter_that_is_closed_holds_nothing():
    """
    No connection outlives its message.
    """

    async def story() -> None:
        async with serving(Inbox()) as port:
            adapter = create(settings(port))
            (operation,) = adapter.operations()
            case = Case("a message", LETTER)
            await conformance.check_closing(adapter, operation, case)
            await adapter.open()
            assert isinstance(await conformance.check_case(operation, case), Succeeded)

    asyncio.run(story())


def test_only_a_login_may_be_secret():
    """
    What is written into an e-mail is told to others.
    """
    (operation,) = create({}).operations()

    assert {"/username", "/password"} == conformance.secret_arguments(operation.manifest)
