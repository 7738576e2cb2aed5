"""Who we are to a remote, and whom we take it for: asked anew for each conversation, never kept."""

import base64
import shlex
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TypeAlias

from engine.core.frozen import frozen
from engine.errors import Misconfigured
from engine.git.failure import NoCredential
from engine.git.guarded import check_guarded, check_private

# No file of the account's own, no agent, no other key, no forwarding: ssh_config(5).
_SSH = (
    "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=10 "
    "-o ServerAliveCountMax=3 -o PermitLocalCommand=no -o ClearAllForwardings=yes "
    "-o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o GlobalKnownHostsFile=/dev/null "
    "-o IdentitiesOnly=yes -o IdentityAgent=none -o PreferredAuthentications=publickey"
)

Authorization: TypeAlias = Callable[[], str]
"""Gives the header by which an https remote knows us; raises Misconfigured. It may block."""


@frozen
class Credential:
    """What is shown to one remote. `ca` are the certificates that an https remote's hangs on.

    `authorization` is asked before each conversation, so that what it gives may change or be
    made for the occasion; `ssh_key` and `known_hosts` go together.
    """

    authorization: Authorization | None = field(default=None, repr=False)
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca: Path | None = None

    def header(self) -> str:
        """Return the header for this conversation, or nothing; raise NoCredential."""
        if self.authorization is None:
            return ""
        try:
            return self.authorization()
        except Misconfigured as error:
            raise NoCredential(str(error)) from None

    def variables(self) -> tuple[tuple[str, str], ...]:
        """Return what git's environment needs besides; raise NoCredential for a file of no use."""
        told: list[tuple[str, str]] = []
        try:
            if self.ca is not None:
                check_guarded("ca", self.ca)
                told.append(("GIT_SSL_CAINFO", str(self.ca)))
            if self.ssh_key is not None and self.known_hosts is not None:
                check_private("ssh_key", self.ssh_key)
                check_guarded("known_hosts", self.known_hosts)
                told.append(("GIT_SSH_COMMAND", _command(self.ssh_key, self.known_hosts)))
        except Misconfigured as error:
            raise NoCredential(str(error)) from None
        return tuple(told)


NOBODY = Credential()


def basic(user: str, token: str) -> str:
    """Return the header of a user and a token, as every forge takes it."""
    pair = base64.b64encode(f"{user}:{token}".encode()).decode()
    return f"Authorization: Basic {pair}"


def _command(key: Path, hosts: Path) -> str:
    """Return how ssh is called: a shell takes the words apart, and ssh its options' values."""
    files = (f'IdentityFile="{_plain(key)}"', f'UserKnownHostsFile="{_plain(hosts)}"')
    return " ".join([_SSH, *(f"-o {shlex.quote(each)}" for each in files)])


def _plain(path: Path) -> str:
    """Return a path that ssh takes as it is written; raise Misconfigured for any other."""
    text = str(path)
    if any(each in '"\\%$' for each in text) or not text.isprintable():
        raise Misconfigured(f"{text!r}: ssh reads quotes, %, $ and backslashes in a path otherwise")
    return text
