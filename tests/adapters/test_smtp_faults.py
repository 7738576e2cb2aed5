"""`smtp.send@1` where things go wrong: logins, TLS, settings, and servers that die anywhere."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.contract import Adapter, ErrorClass, Failed, Json, Outcome, SettingError
from adapters.smtp import create
from tests.adapters.mailing import (
    DATA,
    EHLO,
    GREETING,
    LETTER,
    MAIL,
    MESSAGE,
    RCPT,
    WELL,
    Inbox,
    but,
    sent_to,
    serving,
    settings,
)
from tests.adapters.servers import make_certificate, server_context
from tests.adapters.speaking import call, failed, opened, outputs

P, T, U = ErrorClass.PERMANENT, ErrorClass.TRANSIENT, ErrorClass.UNKNOWN


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return make_certificate(tmp_path, "server", "IP:127.0.0.1")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_login_under_tls(
    certificate: tuple[Path, Path], tmp_path: Path, security: str, monkeypatch: pytest.MonkeyPatch
):
    """
    The password is read where the settings say it is, and only sent under TLS.
    """
    inbox, context = Inbox(), server_context(*certificate)
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2-hunter2")
    (tmp_path / "wrong").write_text("wrong-password\n")

    async def story(password: str, ca_file: Path | None) -> Outcome:
        given: dict[str, Any] = {"authenticator": inbox.authenticate, "auth_required": True}
        if security == "starttls":
            given |= {"tls_context": context, "require_starttls": True}
        else:
            given |= {"auth_require_tls": False}
        tls = context if security == "tls" else None
        async with serving(inbox, tls, **given) as port:
            told = settings(port, security=security, username="mailer", password=password)
            if ca_file:
                told["ca_file"] = str(ca_file)
            async with opened(create(told)) as operation:
                return await operation.invoke(call(60, **LETTER))

    outputs(asyncio.run(story("env:MAIL_PASSWORD", certificate[0])))
    wrong = failed(asyncio.run(story(f"file:{tmp_path / 'wrong'}", certificate[0])))
    stranger = failed(asyncio.run(story("env:MAIL_PASSWORD", None)))
    missing = failed(asyncio.run(story("env:NO_SUCH_VARIABLE", certificate[0])))

    assert "mailer" == inbox.users[0]
    assert 1 == len(inbox.envelopes)
    assert ("smtp.login", P, 535) == (wrong.type, wrong.error_class, wrong.details["code"])
    assert ("smtp.tls", P) == (stranger.type, stranger.error_class)
    assert ("smtp.settings", P) == (missing.type, missing.error_class)
    assert "the variable NO_SUCH_VARIABLE is not set" in missing.message
    told = repr((wrong, stranger, missing))
    assert not any(each in told for each in ("hunter2", "wrong-password", "mailer"))


def test_tls_is_not_given_up():
    """
    A server that offers no STARTTLS gets no message, and no password.
    """

    async def story() -> Outcome:
        async with serving(Inbox()) as port:
            told = settings(port, security="starttls")
            async with opened(create(told)) as operation:
                return await operation.invoke(call(60, **LETTER))

    found = failed(asyncio.run(story()))

    assert ("smtp.tls", P) == (found.type, found.error_class)
    assert "offers no STARTTLS" in found.message


def test_there_is_no_server():
    """
    Without settings an error says what to set; a server that is not there may come back.
    """

    async def story(told: Mapping[str, Json]) -> Failed:
        async with opened(create(told)) as operation:
            return failed(await operation.invoke(call(60, **LETTER)))

    unset = asyncio.run(story({}))
    gone = asyncio.run(story(settings(1)))

    assert ("smtp.settings", P) == (unset.type, unset.error_class)
    assert "write host and from into [adapters.smtp]" in unset.message
    assert ("smtp.connect", T) == (gone.type, gone.error_class)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": "mail"}, "host and from are set together"),
        ({"host": "mail", "from": "x"}, "from: from is no address"),
        ({"username": "a"}, "username and password are set together"),
        ({"password": "hunter2"}, "password: expected env:NAME or file:PATH"),
        ({"username": "a", "password": "env:X", "security": "none"}, "never sent in the clear"),
        ({"security": "ssl"}, "security: Input should be"),
        ({"form": "a@b.example"}, 'unknown setting "form"; did you mean "from"?'),
        ({"ca_file": "/nowhere"}, "ca_file: /nowhere: No such file"),
        ({"port": 0}, "port: Input should be greater"),
    ],
)
def test_settings_that_cannot_be_used(given: Mapping[str, Json], words: str):
    """
    The error names the setting, and shows no secret that stands where a reference should.
    """
    with pytest.raises(SettingError) as caught:
        create(given)

    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("point", "reply", "expected"),
    [
        (GREETING, b"", ("smtp.connect", T)),
        (GREETING, None, ("smtp.timeout", T)),
        (GREETING, b"421 later", ("smtp.refused", T)),
        (GREETING, b"554 never", ("smtp.refused", P)),
        (GREETING, b"HTTP/1.1 400 Bad", ("smtp.protocol", P)),
        (EHLO, b"", ("smtp.disconnected", T)),
        (EHLO, None, ("smtp.timeout", T)),
        (MAIL, b"", ("smtp.disconnected", T)),
        (MAIL, b"451 later", ("smtp.refused", T)),
        (MAIL, b"550 no", ("smtp.refused", P)),
        (RCPT, b"", ("smtp.disconnected", T)),
        (RCPT, None, ("smtp.timeout", T)),
        (RCPT, b"450 greylisted", ("smtp.recipient", T)),
        (RCPT, b"550 <sre@acme.example> who?", ("smtp.recipient", P)),
        (DATA, b"", ("smtp.disconnected", T)),
        (DATA, None, ("smtp.timeout", T)),
        (DATA, b"451 later", ("smtp.refused", T)),
        (DATA, b"250 what", ("smtp.protocol", P)),
        (MESSAGE, b"", ("smtp.disconnected", U)),
        (MESSAGE, None, ("smtp.timeout", U)),
        (MESSAGE, b"452 full", ("smtp.refused", T)),
        (MESSAGE, b"554 spam", ("smtp.refused", P)),
        (MESSAGE, b"hello", ("smtp.protocol", U)),
        (MESSAGE, b"999 what", ("smtp.protocol", U)),
    ],
)
def test_a_server_that_says_no_or_dies(point: int, reply: bytes | None, expected: Any):
    """
    Until the message is out nothing has happened; after it, only a reply says what has.
    """
    found = failed(sent_to(but(point, reply), 1 if reply is None else 5))

    assert expected == (found.type, found.error_class)
    assert "sre@acme.example" not in found.message + str(found.details)
    if point == RCPT and reply and reply[0:1] == b"5":
        assert "answered 550 to to[0]" in found.message
        assert {"code": 550, "reply": "<***> who?"} == found.details


def test_a_server_that_does_not_say_goodbye():
    """
    A message that was taken was sent, however the conversation ends.
    """
    assert "ok" == outputs(sent_to(WELL))["reply"]


def test_so_many_at_a_time():
    """
    More messages than there may be connections wait for each other.
    """
    most = 0

    class Slow(Inbox):
        at_once = 0

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            nonlocal most
            Slow.at_once += 1
            most = max(most, Slow.at_once)
            await asyncio.sleep(0.05)
            Slow.at_once -= 1
            return await Inbox.handle_DATA(self, server, session, envelope)

    inbox = Slow()

    def narrow(port: int) -> Adapter:
        return create(settings(port, max_connections=2))

    async def story() -> None:
        async with serving(inbox) as port, opened(narrow(port)) as operation:
            calls = [operation.invoke(call(60, **LETTER)) for _ in range(8)]
            for each in await asyncio.gather(*calls):
                outputs(each)

    asyncio.run(story())

    assert (2, 8) == (most, len(inbox.envelopes))
