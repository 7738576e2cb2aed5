"""`smtp.send@1`: what arrives at a real server, and what is never sent."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from adapters.contract import ErrorClass, Json, Outcome
from adapters.smtp import create
from tests.adapters.mailing import (
    LETTER,
    Inbox,
    serving,
    settings,
)
from tests.adapters.speaking import call, failed, opened, outputs
from tests.adapters.test_pages import example

P = ErrorClass.PERMANENT


def send(inbox: Inbox, key: str = "key-1", /, **arguments: Json) -> Outcome:
    """Return what sending leads to, at a server that takes everything."""

    async def story() -> Outcome:
        async with serving(inbox) as port, opened(create(settings(port))) as operation:
            return await operation.invoke(replace(call(60, **{**LETTER, **arguments}), key=key))

    return asyncio.run(story())


def test_a_message_arrives():
    """
    The recipients get what was written, from whom the operator says; the reply is told.
    """
    inbox = Inbox()
    found = outputs(send(inbox, cc=["Ann Ö. <ann@acme.example>"], bcc=["boss@acme.example"],
                         reply_to=["desk@acme.example"]))  # fmt: skip
    message = inbox.only()

    assert "2.0.0 Ok: queued as 4XyZ" == found["reply"]
    assert found["message_id"] == message["Message-ID"]
    expected = ["sre@acme.example", "ann@acme.example", "boss@acme.example"]
    assert expected == inbox.envelopes[0].rcpt_tos
    assert "sark@acme.example" == inbox.envelopes[0].mail_from
    assert "SARK <sark@acme.example>" == message["From"]
    assert "sre@acme.example" == message["To"]
    assert '"Ann Ö." <ann@acme.example>' == message["Cc"]
    assert "desk@acme.example" == message["Reply-To"]
    assert "PAGE web" == message["Subject"]
    assert "auto-generated" == message["Auto-Submitted"]
    assert message["Bcc"] is None
    assert "It is down." == message.get_content().strip()


def test_the_example_of_the_page_runs():
    """
    The example that opens the reference page is a message that can be sent.
    """
    inbox = Inbox()
    outputs(send(inbox, **example("smtp.send@1")["with"]))

    assert "On call <sre@acme.example>" == inbox.only()["To"]


@pytest.mark.parametrize(
    "text",
    [
        ".\n..\n.dot first\nFrom here\n\n.\n",
        "long " * 500 + "\n" + "x" * 5000 + "\n",
        ".\nÆøå 日本 🚨 = ?=\n.\n",
    ],
)
def test_any_text_arrives(text: str):
    """
    Letters of all alphabets, lines of any length, dots and blank lines come through as they are.
    """
    inbox = Inbox()
    outputs(send(inbox, subject="Æøå 日本 🚨 " * 20, text=text))
    message = inbox.only()

    assert text == message.get_content().replace("\r\n", "\n")
    assert ("Æøå 日本 🚨 " * 20).strip() == message["Subject"].strip()
    content = inbox.envelopes[0].content
    assert isinstance(content, bytes)
    assert all(len(line) <= 998 and line.isascii() for line in content.split(b"\r\n"))


def test_text_and_html():
    """
    Whoever reads it chooses; HTML may also go alone.
    """
    inbox = Inbox()
    outputs(send(inbox, html="<p>It is <b>down</b>.</p>"))
    message = inbox.only()
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))

    assert plain is not None and rich is not None  # noqa: PT018
    assert "It is down." == plain.get_content().strip()
    assert "<p>It is <b>down</b>.</p>" == rich.get_content().strip()


def test_the_message_id_follows_from_the_key():
    """
    Every attempt of a step has the same, another step another, and neither shows the key.
    """
    first, again, other = (Inbox(), Inbox(), Inbox())
    outputs(send(first, "key-1"))
    outputs(send(again, "key-1"))
    outputs(send(other, "key-2"))

    assert first.only()["Message-ID"] == again.only()["Message-ID"]
    assert first.only()["Message-ID"] != other.only()["Message-ID"]
    content = first.envelopes[0].content
    assert isinstance(content, bytes)
    assert b"key-1" not in content


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"subject": "a\nBcc: all@acme.example"}, "subject holds a line break"),
        ({"subject": "a\rb"}, "subject holds a line break"),
        ({"subject": "a\x85b"}, "subject holds a line break"),
        ({"subject": "a\u2028b"}, "subject holds a line break"),
        ({"subject": "a\0b"}, "subject holds a line break or a control character"),
        ({"subject": "a\ud800"}, "subject holds a line break or a control character"),
        ({"subject": " "}, "subject must be a text of 1 to 500 characters"),
        ({"to": ["a@b.example\r\nRCPT TO:<c@d.example>"]}, "to[0] holds a line break"),
        ({"to": ["a@b.example", "nobody"]}, "to[1] is no address: expected ann@acme.example"),
        ({"to": ["a@b.example, c@d.example"]}, "to[0] is no address"),
        ({"to": ["<a@b.example> SIZE=1"]}, "to[0] is no address"),
        ({"to": ["jörg@acme.example"]}, "to[0] is no address"),
        ({"cc": ["x\n <a@b.example>"]}, "cc[0] holds a line break"),
        ({"reply_to": ["a@b@c"]}, "reply_to[0] is no address"),
        ({"to": ["a@b.example"] * 60, "bcc": ["a@b.example"] * 60}, "1 to 100 recipients"),
        ({"to": []}, "1 to 100 recipients"),
        ({"text": None}, "a message has text, or html, or both"),
        ({"text": "a\0"}, "text holds a NUL or half a character"),
    ],
)
def test_arguments_that_make_no_message(arguments: Mapping[str, Json], words: str):
    """
    Nobody smuggles a header, a recipient or a command into a message; nothing is sent.
    """
    inbox = Inbox()
    found = failed(send(inbox, **arguments))

    assert ("smtp.invalid", P) == (found.type, found.error_class)
    assert words in found.message
    assert "acme.example\r" not in found.message
    assert [] == inbox.envelopes
