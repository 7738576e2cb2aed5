"""How the repository of sources is reached: what the configuration says, once it is needed."""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from engine.errors import Misconfigured
from engine.git.address import Address, parse, shown
from engine.git.credential import Authorization, Credential, basic
from engine.git.limits import Limits
from engine.reconcile.app import AppHeader, is_by_app
from engine.secrets import resolve
from engine.settings import Git, Source

# Forges take any name beside a token; GitHub asks for this one where an app has made it.
_USER = "x-access-token"


def grouped(sources: Sequence[Source]) -> dict[Address, list[Source]]:
    """Return the sources by their repositories; raise Misconfigured for one that may not be named.

    Sources of one repository share its mirror, so they must be let in by the same credential.
    """
    groups: dict[Address, list[Source]] = {}
    for source in sources:
        groups.setdefault(parse(source.url), []).append(source)
    for group in groups.values():
        credential(group)
    return groups


def limits(git: Git) -> Limits:
    """Return what a repository may cost."""
    return Limits(
        git.max_files, git.max_bytes, git.max_mirror, git.fetch_timeout.total_seconds(),
        frozenset(git.hosts),
    )  # fmt: skip


def credential(sources: Sequence[Source]) -> Credential:
    """Return what is shown to the repository of these sources; raise Misconfigured for two."""
    told = {(each.token, each.ca, each.ssh_key, each.known_hosts) for each in sources}
    if len(told) > 1:
        names = ", ".join(sorted(each.name for each in sources))
        raise Misconfigured(
            f"the sources {names} are of one repository, {shown(sources[0].url)}: expected the "
            "same token, ca, ssh_key and known_hosts in each"
        )
    source = sources[0]
    header: Authorization | None = None
    if source.token is not None:
        header = _by_token(source.name, source.url, source.token)
    elif (by_app := next(filter(is_by_app, sources), None)) is not None:
        header = AppHeader(by_app)
    return Credential(header, source.ssh_key, source.known_hosts, source.ca)


def _by_token(name: str, url: str, reference: str) -> Authorization:
    user = unquote(urlsplit(url).username or _USER)

    def header() -> str:
        return basic(user, resolve(reference, f"token of source {name!r}").strip())

    return header
