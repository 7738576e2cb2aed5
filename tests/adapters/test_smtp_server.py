"""`smtp.send@1` by a server that its call names, mostly through a Connection."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import ErrorClass, Json, Outcome, Succeeded
from adapters.smtp import create
from engine.core.compiler import compile_file
from engine.operations import catalogue
from tests.adapters.mailing import LETTER, Inbox, serving, settings
from tests.adapters.servers import make_certificate, server_context
from tests.adapters.speaking import call, failed, opened


def send(given: Mapping[str, Json], told: Mapping[str, Json]) -> Outcome:
    async def story() -> Outcome:
        async with opened(create(told)) as operation:
            return await operation.invoke(call(60, **LETTER, **given))

    return asyncio.run(story())


def test_a_named_server_takes_the_message():
    """
    It is from whom the call says, and the operator's own server gets nothing.
    """
    own, other = Inbox(), Inbox()

    async def story() -> Outcome:
        async with serving(own) as port, serving(other) as there:
            told = settings(port, allow_hosts=[f"127.0.0.1:{there}"])
            named: dict[str, Json] = {"host": "127.0.0.1", "port": there, "from": "x@y.example"}
            named["security"] = "none"
            async with opened(create(told)) as operation:
                return await operation.invoke(call(60, **LETTER, **named))

    assert isinstance(asyncio.run(story()), Succeeded)
    assert "x@y.example" == other.only()["From"]
    assert [] == own.envelopes


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_login_at_a_named_server(tmp_path: Path, security: str):
    """
    The certificate is that of the host that is named, and the password goes there under TLS.
    """
    certificate = make_certificate(tmp_path, "server", "IP:127.0.0.1")
    inbox, context = Inbox(), server_context(*certificate)
    given: dict[str, Any] = {"authenticator": inbox.authenticate, "auth_required": True}
    given |= {"tls_context": context} if security == "starttls" else {"auth_require_tls": False}

    async def story(password: str, ca_file: str | None) -> Outcome:
        tls = context if security == "tls" else None
        async with serving(inbox, tls, **given) as there:
            told: dict[str, Json] = {"allow_hosts": [f"127.0.0.1:{there}"], "ca_file": ca_file}
            named: dict[str, Json] = {"host": "127.0.0.1", "port": there, "from": "x@y.example"}
            login: dict[str, Json] = {"username": "mailer", "password": password}
            async with opened(create(told)) as operation:
                more = {**named, **login, "security": security}
                return await operation.invoke(call(60, **LETTER, **more))

    sent = asyncio.run(story("hunter2-hunter2", str(certificate[0])))
    wrong = failed(asyncio.run(story("wrong-password", str(certificate[0]))))
    stranger = failed(asyncio.run(story("hunter2-hunter2", None)))

    assert isinstance(sent, Succeeded)
    assert {"mailer"} == set(inbox.users)
    assert 1 == len(inbox.envelopes)
    assert ("smtp.login", "smtp.tls") == (wrong.type, stranger.type)
    assert not any(each in repr((wrong, stranger)) for each in ("wrong-pass", "hunter2", "mailer"))


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"host": "127.0.0.1", "from": "x@y.example"}, "smtp.blocked", "allow_hosts"),
        ({"host": "mail.other.example", "from": "x@y.example"}, "smtp.blocked", "allow_hosts"),
        ({"host": "mail.acme.example", "port": 25, "from": "x@y.example"}, "smtp.blocked", ":25"),
        ({"host": "a b", "from": "x@y.example"}, "smtp.invalid", "host: String should match"),
        ({"host": "127.0.0.1"}, "smtp.invalid", "host and from are set together"),
        ({"host": "127.0.0.1", "from": "x\n"}, "smtp.invalid", "from holds a line break"),
        ({"username": "a"}, "smtp.invalid", "host is not given"),
    ],
)
def test_only_servers_that_the_operator_allows_are_named(
    given: Mapping[str, Json], kind: str, words: str
):
    """
    Without `allow_hosts` no call names any server; what is refused is said, and nothing is sent.
    """
    found = failed(send(given, {"allow_hosts": ["mail.acme.example:587"]}))

    assert (kind, ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert words in found.message


def test_a_named_server_that_is_away():
    """
    A server without an address, or behind a port where nobody listens, may come back.
    """
    told = {"allow_hosts": ["127.0.0.1:1", "nobody.invalid:587"]}
    gone = failed(send({"host": "127.0.0.1", "port": 1, "from": "x@y.example"}, told))
    unknown = failed(send({"host": "nobody.invalid", "from": "x@y.example"}, told))

    for found in (gone, unknown):
        assert ("smtp.connect", ErrorClass.TRANSIENT) == (found.type, found.error_class)


SPEC = """\
apiVersion: sark/v1
kind: Connection
name: mail
adapter: smtp
secrets: [mail_password]
with:
  host: mail.acme.example
  from: Shop <shop@acme.example>
  username: shop
  password: "{{ secrets.mail_password }}"
---
apiVersion: sark/v1
kind: Workflow
name: order
inputs: {host: {type: string}}
steps:
  tell:
    uses: smtp.send@1
    connection: mail
    with: {to: [ann@acme.example], subject: Ordered, text: "By {{ inputs.host }}."}
"""


def test_a_connection_names_the_server():
    """
    The step says what it sends, the connection by which server; no text of the step may choose it.
    """
    unit = compile_file("a.yaml", SPEC.encode(), catalogue())
    twice = compile_file("a.yaml", SPEC.replace("{to:", "{host: x, to:").encode(), catalogue())
    half = compile_file("a.yaml", SPEC.replace("  username: shop\n", "").encode(), catalogue())

    assert () == unit.diagnostics
    [plan] = [each.plan for each in unit.workflows]
    assert plan is not None
    assert "connection-argument" in [each.code for each in twice.diagnostics]
    assert ["bad-argument"] == [each.code for each in half.diagnostics]
