"""Git's whole say: no configuration but ours, no prompt, no hook, one transport.

Borrowed from git(1), git-config(1) and the advisories on `safe.directory`, `protocol.ext.allow`
and submodules. What the operator's own environment says of Git is taken away, too.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from engine.core.frozen import frozen
from engine.git.address import Address
from engine.git.credential import NOBODY, Credential

CONFIGURATION: Sequence[str] = (
    "-c", "protocol.version=2",
    "-c", "http.followRedirects=false",
    "-c", "http.lowSpeedLimit=1000",
    "-c", "http.lowSpeedTime=20",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.logAllRefUpdates=false",
    "-c", "credential.helper=",
    "-c", "fetch.writeCommitGraph=false",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "transfer.fsckObjects=true",
    "-c", "fetch.fsckObjects=true",
)  # fmt: skip

_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_SSH_COMMAND": (
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 "
        "-o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o PermitLocalCommand=no"
    ),
    "LC_ALL": "C",
}


@frozen
class Reach:
    """What a command may touch: one transport, with the credential and the trust that it needs.

    `variables` are names and values of the environment that it needs besides.
    """

    transport: str = "none"
    configuration: Path | None = None
    header: tuple[str, str] | None = None
    variables: tuple[tuple[str, str], ...] = ()


NOTHING = Reach()


def reach(address: Address, configuration: Path, credential: Credential = NOBODY) -> Reach:
    """Return what is needed to speak to an address; `configuration` is used for a local one.

    Raise NoCredential if a part of the credential is not there.
    """
    told = credential.header() or address.authorization
    return Reach(
        address.transport, configuration if address.transport == "file" else None,
        (address.url, told) if told else None, credential.variables(),
    )  # fmt: skip


def environment(to: Reach) -> dict[str, str]:
    """Return the variables of a command. A credential stands here, where `ps` does not show it."""
    told = {
        **_FIXED,
        **dict(to.variables),
        "GIT_ALLOW_PROTOCOL": to.transport,
        "GIT_CONFIG_GLOBAL": str(to.configuration or os.devnull),
    }
    if to.header is not None:
        url, header = to.header
        told["GIT_CONFIG_COUNT"] = "1"
        told["GIT_CONFIG_KEY_0"] = f"http.{url}.extraHeader"
        told["GIT_CONFIG_VALUE_0"] = header
    return told


def program(inherited: Iterable[str], ours: Mapping[str, str]) -> list[str]:
    """Return the first words of a command: git, without the GIT_* variables that we were given.

    GitPython lets nobody take a variable away, so env(1) does.
    """
    alien = sorted(name for name in inherited if name.startswith("GIT_") and name not in ours)
    away = [word for name in alien for word in ("-u", name)]
    return ["env", *away, "git"] if away else ["git"]


def trusting(path: str) -> str:
    """Return a configuration by which git serves this one local repository, whoever owns it."""
    quoted = [each.replace("\\", "\\\\").replace('"', '\\"') for each in (path, f"{path}/.git")]
    lines = "".join(f'\tdirectory = "{each}"\n' for each in quoted)
    return f"[safe]\n{lines}[uploadpack]\n\tallowFilter = true\n"
