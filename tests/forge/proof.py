"""The key of an app, and whether a JSON Web Token is signed by it; by GitHub's rules."""

import base64
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256


class Key:
    """An RSA key; `pem` is it as GitHub hands it out, in PKCS#1."""

    def __init__(self) -> None:
        self._private = _generated()
        self.pem = self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    def signed(self, token: str, app: int) -> bool:
        """True if a token is this app's, and good now and for ten minutes at most."""
        try:
            head, claims, signature = token.split(".")
            self._private.public_key().verify(
                _bytes(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256()
            )
        except (ValueError, InvalidSignature):
            return False
        told, now = _json(claims), datetime.now(UTC).timestamp()
        is_now: bool = told["iat"] <= now < told["exp"] <= now + 600
        return is_now and (str(app), "RS256") == (told["iss"], _json(head)["alg"])


@cache
def _generated() -> rsa.RSAPrivateKey:
    """Return the one key of a process: making it takes a while."""
    return rsa.generate_private_key(65537, 2048)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json(text: str) -> Any:
    return orjson.loads(_bytes(text))
