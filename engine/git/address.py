"""Which repositories and refs may be named at all."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import Misconfigured

_SSH = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!-)[A-Za-z0-9_.~/-]+$")
_REF = re.compile(r"^refs/(heads|tags)/[A-Za-z0-9_][A-Za-z0-9_./@+-]*$")
_HOST = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.-]*$")


def check_url(url: str) -> str:
    """Return the transport of a URL (https, ssh or file); raise Misconfigured for any other.

    A local repository is named by its path, never by a `file:` URL.
    """
    if any(not each.isprintable() or each.isspace() for each in url) or url.startswith("-"):
        raise Misconfigured("a source's url holds a space, a control character or a leading dash")
    if _SSH.match(url):
        return "ssh"
    parts = urlsplit(url)
    if parts.scheme in ("https", "ssh") and _HOST.match(parts.hostname or ""):
        return parts.scheme
    if not parts.scheme and "::" not in url and Path(url).is_absolute():
        return "file"
    raise Misconfigured(
        f"a source's url must be https://..., ssh://..., user@host:path or an absolute path, "
        f"not {shown(url)!r}"
    )


def check_ref(ref: str) -> str:
    """Return a full ref; raise Misconfigured for anything that git could read as something else."""
    bad = ".." in ref or "//" in ref or "@{" in ref or ref.endswith((".lock", "/", "."))
    if bad or not _REF.match(ref):
        raise Misconfigured(f"{ref!r} is no full ref: write refs/heads/main")
    return ref


def shown(url: str) -> str:
    """Return a URL without the user and password that it may hold."""
    parts = urlsplit(url)
    if parts.scheme and "@" in parts.netloc:
        return parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]).geturl()
    return url
