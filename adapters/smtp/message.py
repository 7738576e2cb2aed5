"""Arguments into a message that is safe to send, or the reason why not."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from adapters.contract import Call, Json
from adapters.manifest.smtp import LARGEST_BODY, LONGEST_SUBJECT, MOST_RECIPIENTS

# What HTML calls a valid address (WHATWG), and RFC 5321's lengths.
_SPEC = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<spec>[^<>]*)>")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Any server takes it: seven bits, short lines. Headers are folded by the library.
_POLICY = SMTP.clone(cte_type="7bit", utf8=False)
_LONGEST_NAME = 128


class InvalidError(Exception):
    """The arguments make no message; the message shows no value."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as bytes, and its envelope. Each recipient is known as, say, `to[0]`."""

    id: str
    sender: str
    recipients: tuple[tuple[str, str], ...]
    data: bytes

    def secrets(self) -> tuple[str, ...]:
        """Return what a server's reply may repeat and no error may show."""
        return tuple(sorted({each for _, each in self.recipients}, key=len, reverse=True))


def compose(call: Call, sender: Address, now: datetime) -> Letter:
    """Return the message that a call's arguments make; raise InvalidError if they make none."""
    given = call.arguments
    message = EmailMessage(_POLICY)
    message["From"] = sender
    recipients: list[tuple[str, str]] = []
    for field, header in (("to", "To"), ("cc", "Cc"), ("bcc", None), ("reply_to", "Reply-To")):
        found = _addresses(field, given.get(field, ()))
        if header and found:
            message[header] = found
        if field != "reply_to":
            recipients += [(f"{field}[{n}]", each.addr_spec) for n, each in enumerate(found)]
    if not recipients or len(recipients) > MOST_RECIPIENTS:
        raise InvalidError(f"a message has 1 to {MOST_RECIPIENTS} recipients")
    message["Subject"] = _line("subject", given.get("subject"), LONGEST_SUBJECT)
    message["Date"] = now
    message["Message-ID"] = identity = _identity(call.key, sender)
    message["Auto-Submitted"] = "auto-generated"
    _fill(message, given.get("text"), given.get("html"))
    try:
        data = message.as_bytes()
    except (MessageError, ValueError):
        raise InvalidError("the message cannot be written as an e-mail") from None
    return Letter(identity, sender.addr_spec, tuple(recipients), data)


def read_address(field: str, value: Json) -> Address:
    """Return an address, with a name or without; raise InvalidError if it is none."""
    text = _line(field, value, 320).strip()
    match = _NAMED.fullmatch(text)
    name, spec = (match["name"].strip().strip('"'), match["spec"]) if match else ("", text)
    if not _SPEC.fullmatch(spec) or len(name) > _LONGEST_NAME:
        expected = "expected ann@acme.example or Ann <ann@acme.example>, in ASCII after all names"
        raise InvalidError(f"{field} is no address: {expected}")
    user, _, domain = spec.rpartition("@")
    return Address(name, user, domain)


def _addresses(field: str, given: Json) -> Sequence[Address]:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) > MOST_RECIPIENTS:
        raise InvalidError(f"{field} must be a list of at most {MOST_RECIPIENTS} addresses")
    return [read_address(f"{field}[{number}]", each) for number, each in enumerate(given)]


def _line(field: str, value: Json, longest: int) -> str:
    """Return a text that cannot become a header of its own."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise InvalidError(f"{field} must be a text of 1 to {longest} characters")
    if len(value.splitlines()) > 1 or any(map(_is_control, value)):
        raise InvalidError(f"{field} holds a line break or a control character")
    return value


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}


def _identity(key: str, sender: Address) -> str:
    """Return the Message-ID of a call, which tells the key to nobody."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<{digest[:40]}@{sender.domain}>"


def _fill(message: EmailMessage, text: Json, html: Json) -> None:
    """Put in the text, or the HTML, or both for the reader to choose from."""
    bodies = [(name, _body(name, value)) for name, value in _given(text=text, html=html)]
    if not bodies:
        raise InvalidError("a message has text, or html, or both")
    (first, body), *rest = bodies
    message.set_content(body, subtype=_SUBTYPES[first], charset="utf-8")
    for name, other in rest:
        message.add_alternative(other, subtype=_SUBTYPES[name], charset="utf-8")


_SUBTYPES = {"text": "plain", "html": "html"}


def _given(**values: Json) -> Iterable[tuple[str, Json]]:
    return ((name, value) for name, value in values.items() if value is not None)


def _body(name: str, value: Json) -> str:
    if not isinstance(value, str) or len(value) > LARGEST_BODY:
        raise InvalidError(f"{name} must be a text of at most {LARGEST_BODY} characters")
    if "\0" in value or _SURROGATE.search(value):
        raise InvalidError(f"{name} holds a NUL or half a character")
    return value
