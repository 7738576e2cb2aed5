"""Secrets that are written into a text: where they stand, and the text with them covered.

Known are tokens by the forms that those who issue them publish, keys in PEM, signed JSON Web
Tokens, passwords in URLs, and values that look drawn by chance behind a name such as `password`.
What holds `example`, or hardly any two characters that differ, stands for a secret and is none.
"""

import re
from collections.abc import Iterator
from functools import cache
from math import log2
from typing import Final

from engine.core.frozen import frozen


@frozen(order=True)
class Exposure:
    """A stretch of a text that is a secret: from `begin` up to `end`, and `what` it looks like."""

    begin: int
    end: int
    what: str


@frozen
class _Form:
    """How a kind of secret is written. It has the `mark` in it, which is quick to look for."""

    mark: str
    what: str
    pattern: str


def _token(mark: str, what: str, rest: str) -> _Form:
    """Return the form of a token that begins with `mark`, where no word is under way."""
    return _Form(mark, what, rf"(?<![A-Za-z0-9_]){re.escape(mark)}(?:{rest})")


_PEM: Final = (
    r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?=[\w+/=\s\\:,.()-]{0,400}?[A-Za-z0-9+/]{24})"
    r"(?:[\w+/=\s\\:,.()]{0,30000}?-----END [A-Z0-9 ]{1,60}-----"
    r"|(?:\s|\\[nr]|[A-Za-z0-9+/=]{16,}){0,2000})"
)
_FORMS: Final = (
    _token("ghp_", "a token of GitHub", r"[A-Za-z0-9]{36,255}"),
    _token("gho_", "a token of GitHub", r"[A-Za-z0-9]{36,255}"),
    _token("ghu_", "a token of GitHub", r"[A-Za-z0-9]{36,255}"),
    _token("ghs_", "a token of GitHub", r"[A-Za-z0-9._-]{36,1000}"),
    _token("ghr_", "a token of GitHub", r"[A-Za-z0-9]{36,255}"),
    _token("github_pat_", "a token of GitHub", r"[A-Za-z0-9_]{40,255}"),
    _token("glpat-", "a token of GitLab", r"[\w.-]{20,300}"),
    _token("gldt-", "a token of GitLab", r"[\w.-]{20,300}"),
    _token("glrt-", "a token of GitLab", r"[\w.-]{20,300}"),
    _token("AKIA", "a key of AWS", r"[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _token("ASIA", "a key of AWS", r"[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _token("xox", "a token of Slack", r"[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,300}"),
    _token("xapp-", "a token of Slack", r"[A-Za-z0-9-]{20,300}"),
    _Form(
        "hooks.slack.com/", "a webhook of Slack",
        r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/-]{30,200}",
    ),
    _token("AIza", "a key of Google", r"[\w-]{35}(?![\w-])"),
    _token("ya29.", "a token of Google", r"[\w-]{20,2000}"),
    _token("GOCSPX-", "a secret of Google", r"[\w-]{24,64}"),
    _token("sk_live_", "a key of Stripe", r"[A-Za-z0-9]{16,255}"),
    _token("rk_live_", "a key of Stripe", r"[A-Za-z0-9]{16,255}"),
    _token("sk_test_", "a key of Stripe", r"[A-Za-z0-9]{16,255}"),
    _token("sk-proj-", "a key of OpenAI", r"[\w-]{32,300}"),
    _token("sk-ant-", "a key of Anthropic", r"[\w-]{32,300}"),
    _token("npm_", "a token of npm", r"[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _token("pypi-AgEI", "a token of PyPI", r"[\w-]{40,1000}"),
    _token("hf_", "a token of Hugging Face", r"[A-Za-z0-9]{34}(?![A-Za-z0-9])"),
    _token("dop_v1_", "a token of DigitalOcean", r"[0-9a-f]{64}"),
    _token("hvs.", "a token of Vault", r"[\w-]{24,300}"),
    _token("SG.", "a key of SendGrid", r"[\w-]{16,64}\.[\w-]{16,64}"),
    _Form(
        "eyJ", "a JSON Web Token",
        r"(?<![\w-])eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{10,4000}",
    ),
    _Form("PRIVATE KEY", "a private key", _PEM),
)  # fmt: skip
# The password of a URL, from its user on.
_LOGIN: Final = r"([^\s/@:?#\"'`<>{}]{0,128}):([^\s/@\"'`<>{}]{1,256})@[\w\[.-]"
_NO_PASSWORD: Final = r"(?i)\$.*|%[A-Z_]+%|\*+|\.+|x+|pass(?:word)?|pwd|secret|token"
# What the name of a secret ends with, in small letters.
_NAMES: Final = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "api-key", "apikey",
    "access_key", "access-key", "accesskey", "secret_key", "secret-key", "secretkey",
    "private_key", "private-key", "privatekey", "authorization",
)  # fmt: skip
_VALUE: Final = (
    r"(?i)[\"']?[ \t]{0,20}[:=][ \t]{0,20}[\"']?(?:(?:bearer|basic|token)[ \t]{1,20})?"
    r"([a-z0-9+][^\s\"',;}\]]{11,8000})"
)
_DRAWN: Final = r"[\w+/=.~!@#$%^&*:-]+"
_SEPARATOR: Final = r"[-_./:@#+= ]+"
# A word or a few in a row, and perhaps a number: a part of a name that somebody gave.
_WORD: Final = r"[a-z]*(?:[A-Z][a-z]+)*[A-Z]*[0-9]{0,4}"
_SMALL: Final = {each: each + 32 for each in range(ord("A"), ord("Z") + 1)}
_LEAST_BITS: Final = 3.0
_FEWEST: Final = 8


def found(text: str) -> list[Exposure]:
    """Return the secrets in a text, in their order; none overlaps another."""
    told: list[Exposure] = []
    for each in sorted((*_formed(text), *_logins(text), *_named(text))):
        if told and each.begin < told[-1].end:
            last = told[-1]
            told[-1] = Exposure(last.begin, max(last.end, each.end), last.what)
        else:
            told.append(each)
    return told


def covered(text: str, exposed: list[Exposure] | None = None) -> str:
    """Return the text with an `x` for each character of its secrets; lines and columns stay."""
    parts, at = list[str](), 0
    for each in found(text) if exposed is None else exposed:
        parts += (text[at : each.begin], re.sub(r"\S", "x", text[each.begin : each.end]))
        at = each.end
    return "".join((*parts, text[at:])) if parts else text


def _formed(text: str) -> Iterator[Exposure]:
    for form in _FORMS:
        for match in _compiled(form.pattern).finditer(text) if form.mark in text else ():
            if not _stands_for_one(match[0]):
                yield Exposure(match.start(), match.end(), form.what)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern, made when something is to be looked for: most forms never are."""
    return re.compile(pattern)


def _logins(text: str) -> Iterator[Exposure]:
    for at in _places(text, "://"):
        match = _compiled(_LOGIN).match(text, at)
        if match is not None and not _is_no_password(match[1], match[2]):
            yield Exposure(match.start(2), match.end(2), "a password in a URL")


def _is_no_password(user: str, password: str) -> bool:
    return (
        password == user
        or _compiled(_NO_PASSWORD).fullmatch(password) is not None
        or "example" in password.lower()
    )


def _named(text: str) -> Iterator[Exposure]:
    """Yield values that look drawn by chance and stand behind the name of a secret."""
    small = text.translate(_SMALL)
    for name in _NAMES:
        seen = 0  # up to there a value was looked at: what is within it costs no second look
        for at in _places(small, name):
            match = _compiled(_VALUE).match(text, at) if at >= seen else None
            if match is not None:
                seen = match.end()
                if _is_drawn(match[1]):
                    yield Exposure(match.start(1), match.end(1), f"the value of a {name}")


def _places(text: str, mark: str) -> Iterator[int]:
    """Yield where each `mark` in a text ends."""
    at = text.find(mark)
    while at >= 0:
        at += len(mark)
        yield at
        at = text.find(mark, at)


def _is_drawn(value: str) -> bool:
    """True if a value looks drawn by chance, and not like a name, a path or a template."""
    if not _compiled(_DRAWN).fullmatch(value) or _stands_for_one(value):
        return False
    if all(map(_compiled(_WORD).fullmatch, _compiled(_SEPARATOR).split(value))):
        return False
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return has_both and _bits(value) >= _LEAST_BITS


def _stands_for_one(value: str) -> bool:
    return "example" in value.lower() or len(set(value)) < _FEWEST


def _bits(value: str) -> float:
    """Return the entropy of a character of a text, in bits (Shannon, 1948)."""
    parts = (value.count(each) / len(value) for each in set(value))
    return -sum(part * log2(part) for part in parts)
