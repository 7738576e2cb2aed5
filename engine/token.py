"""The first bearer token: made at the first start, known by its file."""

import hashlib
import os
import secrets
from pathlib import Path

_NAME = "token"


def place(state: Path) -> Path:
    """Return where the token of a state folder is, or would be."""
    return state / _NAME


def ensure(state: Path) -> Path:
    """Return the token's file; make it, readable by its owner alone, if there is none."""
    state.mkdir(parents=True, exist_ok=True)
    path = place(state)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    return path


def hashed(state: Path) -> bytes:
    """Return the digest of a state folder's token, which is all that a server keeps of it."""
    return digest(ensure(state).read_text().strip())


def digest(told: str) -> bytes:
    """Return the SHA-256 of a token; digests are compared in constant time."""
    return hashlib.sha256(told.encode()).digest()
