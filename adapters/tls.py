"""Whom a connection trusts: the system's authorities, and those that an operator adds."""

import ssl
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def context(ca_file: Path | None) -> ssl.SSLContext:
    """Return verification by the system's authorities and those in `ca_file`; TLS 1.2 or later.

    It is shared: whoever gets it leaves it as it is.
    """
    if ca_file is None:
        return _systems()
    made = ssl.create_default_context()
    made.load_verify_locations(ca_file)
    return made


@cache
def _systems() -> ssl.SSLContext:
    """Read the system's authorities once a process: each adapter asks, and it takes 40 ms."""
    return ssl.create_default_context()


def _with_certificates(value: Path | None) -> Path | None:
    try:
        context(value)
    except OSError as error:
        raise ValueError(f"{value}: {error.strerror or 'no certificates in it'}") from None
    return value


# A setting that is refused where it is read, and not at the first connection.
CaFile = Annotated[Path | None, AfterValidator(_with_certificates)]
