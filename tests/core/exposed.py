"""Texts of the forms that secrets have, none of which opens anything; each is put together here,
so that no file holds one.
"""

import base64
from typing import Final

_LETTERS: Final = "q7RtZ2mK9xWb4LcN8vYd3HpF6sJgT5aE1uXo0iBwDyCkQn"


def _of(mark: str, length: int, letters: str = _LETTERS) -> str:
    return mark + (letters * (length // len(letters) + 1))[:length]


def _token(told: str) -> str:
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


SECRETS: Final = {
    "a token of GitHub": _of("ghp" + "_", 36),
    "a token of GitLab": _of("glpat" + "-", 20),
    "a key of AWS": _of("AKIA", 16, "Q3Z7KXW2MB5LTR4N"),
    "a token of Slack": _of("xoxb" + "-1234567890-", 24),
    "a key of Google": _of("AIza", 35),
    "a key of Stripe": _of("sk_" + "live_", 24),
    "a JSON Web Token": ".".join((_token('{"alg":"HS256","typ":"JWT"}'),
                                  _token('{"sub":"1234567890","name":"Ann"}'), _of("", 43))),
}  # fmt: skip
"""By what they are told to be, those that are known wherever they stand."""
DRAWN: Final = "vQ8#rT2m!kZ9wX4p"
KEY: Final = "\n".join(
    ("-----BEGIN " + "PRIVATE KEY-----", _of("MIIE", 60), _of("", 64), _of("", 10) + "==",
     "-----END " + "PRIVATE KEY-----")
)  # fmt: skip
