"""What one setting may be: a duration, a name, a reference to a secret, an address."""

import re
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from engine.core.values import parse_duration

ADMINISTRATOR = "admin"
# What stands after /hooks/ for something else than a namespace.
_TAKEN = frozenset({"github", "gitlab", "gitea"})
FOREVER = "forever"
_LEAST_KEPT, _MOST_KEPT = timedelta(days=1), timedelta(days=36_500)


def check_span(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError(f"expected a duration such as 30s, 5m or 1h30m, found {value!r}")


def check_kept(value: object) -> object:
    if value == FOREVER:
        return value
    span = check_span(value)
    if isinstance(span, timedelta) and not _LEAST_KEPT <= span <= _MOST_KEPT:
        days = f"{_LEAST_KEPT.days} to {_MOST_KEPT.days:,} days, or {FOREVER!r}"
        raise ValueError(f"expected {days}, found {value!r}")
    return span


def check_reference(value: str) -> str:
    if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", value) is None:
        raise ValueError("expected env:NAME or file:PATH; a secret itself never stands here")
    return value


def check_word(value: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9-]{0,62}", value) is None:
        raise ValueError(f"expected a name of a-z, 0-9 and dashes, a letter first, found {value!r}")
    return value


def check_namespace(value: str) -> str:
    if value in _TAKEN:
        raise ValueError(
            f"expected a name that is not taken: /hooks/{value}/ is where GitHub reports, so "
            f"webhooks of a namespace {value!r} would not be reached; call it otherwise"
        )
    return check_word(value)


def check_pooled(value: str) -> str:
    return value if value == "*" else check_word(value)


def check_principal(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}", value) is None:
        raise ValueError(
            f"expected a name of letters, digits and _ . @ + -, up to 100 of them, found {value!r}"
        )
    return value


def check_ref(value: str) -> str:
    if re.fullmatch(r"refs/(heads|tags)/[^\s~^:?*\[\\]+", value) is None:
        raise ValueError(f"expected a full ref such as refs/heads/main, found {value!r}")
    return value


def check_url(value: str) -> str:
    scheme, colon, _ = value.partition("://")
    if not value or (colon and scheme not in ("https", "ssh", "file")):
        raise ValueError(f"expected https://, ssh:// or a local path, found {scheme + colon!r}")
    return value


def check_host(value: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]*|[0-9a-f:]+", value) is None:
        raise ValueError(f"expected a host in small letters, without a port, found {value!r}")
    return value


def is_ssh(url: str) -> bool:
    return url.startswith("ssh://") or (
        "://" not in url and re.match(r"[^/:]+@[^/:]+:", url) is not None
    )


def check_web(value: str) -> str:
    if re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value) is None:
        raise ValueError(f"expected https://HOST, perhaps with a port and a path, found {value!r}")
    return value.rstrip("/")


def check_root(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"expected a folder of the repository, such as workflows, found {value!r}")
    return value


def check_api(value: str) -> str:
    # Late: only a forge needs it.
    from adapters.http.place import place

    try:
        place(value)
    except ValueError as error:
        raise ValueError(f"{error}; for example https://github.acme.example/api/v3") from None
    return value.rstrip("/")


def check_adapter(value: object) -> object:
    """Return what stands below `adapters`: a table each, but for the list `plugins`."""
    if not isinstance(value, dict | list):
        raise ValueError(f"expected a table, found {value!r}")
    return value


Span: TypeAlias = Annotated[
    timedelta, BeforeValidator(check_span, json_schema_input_type=str), Field(gt=timedelta(0))
]
Reference: TypeAlias = Annotated[str, AfterValidator(check_reference)]
Word: TypeAlias = Annotated[str, AfterValidator(check_word)]
Namespace: TypeAlias = Annotated[str, AfterValidator(check_namespace)]
Principal: TypeAlias = Annotated[str, AfterValidator(check_principal)]


OfAdapter: TypeAlias = Annotated[Any, AfterValidator(check_adapter)]
Pooled: TypeAlias = Annotated[str, AfterValidator(check_pooled)]
Kept: TypeAlias = Annotated[
    timedelta | str, BeforeValidator(check_kept, json_schema_input_type=str)
]
