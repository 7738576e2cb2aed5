"""Which repositories and refs may be named at all, and where the credential of a URL goes."""

import base64
import ipaddress
import re
from dataclasses import field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from engine.core.frozen import frozen
from engine.errors import Misconfigured

_SSH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!-)[\w.~/+-]+", re.A)
_REF = re.compile(r"refs/(heads|tags)/[\w./@+#=,-]+")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LONGEST_REF = 250


@frozen
class Address:
    """A repository: `url` never holds a credential, `transport` is https, ssh or file.

    `authorization` is the header that takes the credential's place; it never shows itself.
    """

    url: str
    transport: str
    authorization: str = field(default="", repr=False, compare=False)


def parse(url: str) -> Address:
    """Return the address that a source's `url` names; raise Misconfigured for any other.

    A local repository is named by its absolute path, never by a `file:` URL. A user and password
    in an https URL are taken out of it: they would show in `ps`, in git's files and in messages.
    """
    if not url or not url.isprintable() or url.startswith("-") or url != url.strip():
        raise Misconfigured("a source's url is empty, begins with a dash or is not printable")
    if url.startswith("/"):
        return Address(str(Path(url)), "file")
    if _SSH.fullmatch(url):
        return Address(url, "ssh")
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("https", "ssh") and _is_host(parts) and "::" not in url
    except ValueError:
        known = False
    if not known or any(each.isspace() for each in url):
        raise Misconfigured(
            f"a source's url must be https://..., ssh://..., user@host:path or an absolute path, "
            f"not {shown(url)!r}"
        )
    return _ssh(parts) if parts.scheme == "ssh" else _https(parts)


def check_url(url: str) -> str:
    """Return the transport of a URL (https, ssh or file); raise Misconfigured as `parse` does."""
    return parse(url).transport


def check_ref(ref: str) -> str:
    """Return a full ref; raise Misconfigured for anything that git could read as something else.

    The rules are those of git-check-ref-format(1), and no shell character besides.
    """
    names = ref.split("/")
    bad = any(not name or name.startswith((".", "-")) or name.endswith(".lock") for name in names)
    if bad or ".." in ref or ref.endswith(".") or len(ref) > _LONGEST_REF:
        raise Misconfigured(f"{ref[:80]!r} is no full ref: write refs/heads/main")
    if not _REF.fullmatch(ref):
        raise Misconfigured(f"{ref[:80]!r} is no full ref: write refs/heads/main")
    return ref


def shown(url: str) -> str:
    """Return a URL without the user and password, and without the query, that it may hold."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    if not parts.scheme or "//" not in url:
        return url
    place = parts.netloc.rpartition("@")
    netloc = f"***@{place[2]}" if place[1] else place[2]
    return parts._replace(netloc=netloc, query="", fragment="").geturl()


def _is_host(parts: SplitResult) -> bool:
    """True for a host that may be asked: not a link's own addresses, where clouds keep secrets."""
    host = parts.hostname or ""
    if parts.port == 0:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST.fullmatch(host))
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)


def _ssh(parts: SplitResult) -> Address:
    user = parts.username
    if parts.password is not None or (user is not None and not _USER.fullmatch(user)):
        raise Misconfigured(f"an ssh url holds a user and no password: {shown(parts.geturl())!r}")
    return Address(parts.geturl(), "ssh")


def _https(parts: SplitResult) -> Address:
    if parts.query or parts.fragment:
        raise Misconfigured(f"a source's url has no query: {shown(parts.geturl())!r}")
    place = parts.netloc.rpartition("@")[2]
    plain = parts._replace(netloc=place).geturl()
    if parts.username is None and parts.password is None:
        return Address(plain, "https")
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    encoded = base64.b64encode(pair.encode()).decode()
    return Address(plain, "https", f"Authorization: Basic {encoded}")
