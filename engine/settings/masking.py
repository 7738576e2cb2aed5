"""Settings as they may be shown: no password, no token."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import orjson

from engine.core.values import format_duration

_SECRET_KEY = re.compile(r"((?<!public)_url$|secret|token|password|dsn|sha256)")
_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&#]*(?:secret|token|password|key)[^=&#]*=)[^&#]*")


def masked(key: str, value: object) -> str:
    """Return a setting as text, without what may be secret in it."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and "://" in value:
        return _without_password(value)
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        return value
    inner = key.removeprefix("tokens.")
    if (
        value is not None
        and _SECRET_KEY.search(inner)
        and not isinstance(value, list | tuple | dict)
    ):
        return "***"
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(_SECRET_PARAMETER.sub(r"\1***", url))
    except ValueError:
        return "***"
    user, at, host = parts.netloc.rpartition("@")
    if ":" in user:
        user = f"{user.partition(':')[0]}:***"
    elif at and parts.scheme.startswith("http"):
        user = "***"
    return urlunsplit(parts._replace(netloc=user + at + host))
