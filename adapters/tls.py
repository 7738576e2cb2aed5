"""Whom a connection trusts: the system's authorities, and those that an operator adds."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def context(ca_file: Path | None) -> ssl.SSLContext:
    """Return verification by the system's authorities and those in `ca_file`; TLS 1.2 or later."""
    made = ssl.create_default_context()
    if ca_file is not None:
        made.load_verify_locations(ca_file)
    return made


def _with_certificates(value: Path | None) -> Path | None:
    try:
        context(value)
    except OSError as error:
        raise ValueError(f"{value}: {error.strerror or 'no certificates in it'}") from None
    return value


# A setting that is refused where it is read, and not at the first connection.
CaFile = Annotated[Path | None, AfterValidator(_with_certificates)]
