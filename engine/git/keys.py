"""Whose signatures count: files of the server, read anew for each look.

Borrowed from ssh-keygen(1), "ALLOWED SIGNERS", and from the options of gpg(1) that keep it from
asking anybody: no agent, no key server, no keys but those that are given.
"""

import base64
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from engine.core.frozen import frozen
from engine.errors import Misconfigured
from engine.git.guarded import read_guarded

_GPG_SECONDS = 30.0
_LINE = re.compile(
    r'(?P<principals>"[^"]*"|\S+)[ \t]+(?P<options>(?:[^\s"]|"[^"]*")+[ \t]+)?'
    r"(?P<kind>(?:ssh|ecdsa|sk-ssh|sk-ecdsa|rsa)-[\w@.-]+)[ \t]+"
    r"(?P<key>[A-Za-z0-9+/]+={0,2})(?:\s|$)"
)
_UNTIL = re.compile(r'valid-before="?(\d{8})(\d{4})?(\d{2})?(Z?)', re.IGNORECASE)
_GPG = """\
batch
no-tty
no-autostart
no-auto-key-retrieve
no-auto-key-locate
disable-dirmngr
trust-model always
"""
# Who asks for the agent is sent elsewhere; else a folder with a long name is an error of its own.
_NO_AGENT = "%Assuan%\nsocket=/nonexistent/agent\n"
_GIT = """\
[gpg]
\tprogram = "{gpg}"
[gpg "x509"]
\tprogram = false
[gpg "ssh"]
\tprogram = "{ssh}"
\tallowedSignersFile = "{folder}/signers"
\trevocationFile = "{folder}/revoked"
"""


@frozen
class Keys:
    """What a source trusts: `mode` is none, head or range; the rest is what its files hold."""

    mode: str = "none"
    signers: bytes = b""
    keyring: bytes = b""
    revoked: bytes = b""

    @property
    def digest(self) -> str:
        """Return what changes when any of it does."""
        parts = (self.mode.encode(), self.signers, self.keyring, self.revoked)
        return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in parts)).hexdigest()

    def late(self, now: datetime) -> Mapping[str, str]:
        """Return the SSH keys whose time is over, by fingerprint, and whose each is."""
        return {
            _fingerprint(found["key"]): found["principals"].strip('"')
            for line, found in _lines(self.signers)
            if _is_over(line, now)
        }

    def lay_out(self, folder: Path, now: datetime) -> None:
        """Write what git needs to judge by these keys alone; raise Misconfigured if it cannot be.

        A key whose time is over by now is left out. Git asks whether a key was good when the
        commit says that it was made, and whoever has stolen an old key can date a commit back.
        """
        valid = [line for line, _ in _lines(self.signers) if not _is_over(line, now)]
        (folder / "signers").write_text("".join(f"{line}\n" for line in valid), "utf-8")
        (folder / "revoked").write_bytes(self.revoked)
        home = folder / "gnupg"
        home.mkdir(mode=0o700)
        (home / "gpg.conf").write_text(_GPG)
        (home / "S.gpg-agent").write_text(_NO_AGENT)
        gpg = _program("gpg", "a keyring") if self.keyring else "false"
        ssh = _program("ssh-keygen", "signers") if self.signers else "false"
        (folder / "config").write_text(_GIT.format(gpg=gpg, ssh=ssh, folder=_quoted(folder)))
        if self.keyring:
            _take_in(gpg, home, self.keyring)


NO_KEYS = Keys()


def read_keys(mode: str, signers: Path | None, keyring: Path | None, revoked: Path | None) -> Keys:
    """Return the keys that files hold; raise Misconfigured for one that cannot be relied on."""
    if mode == "none":
        return NO_KEYS
    told = (read_guarded("signers", signers), read_guarded("keyring", keyring))
    keys = Keys(mode, *told, read_guarded("revoked", revoked))
    if signers is not None:
        _check(signers, keys.signers)
    return keys


def _check(file: Path, told: bytes) -> None:
    for number, line in enumerate(_texts(told), 1):
        if line and not line.startswith("#") and _LINE.match(line) is None:
            raise Misconfigured(
                f"{file}:{number}: expected whose key it is, then the key as ssh-keygen writes "
                f"it: dana@acme.example ssh-ed25519 AAAA..."
            )


def _lines(told: bytes) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield the lines of allowed signers that hold a key."""
    for line in _texts(told):
        if not line.startswith("#") and (found := _LINE.match(line)):
            yield line, found


def _texts(told: bytes) -> list[str]:
    return [line.strip() for line in told.decode("utf-8", "replace").split("\n")]


def _is_over(line: str, now: datetime) -> bool:
    """True if the time of a line's key is over; without a Z it is the machine's own time."""
    for day, minute, second, zulu in _UNTIL.findall(line):
        try:
            until = datetime.strptime(f"{day}{minute or '0000'}{second or '00'}", "%Y%m%d%H%M%S")
        except ValueError:
            return True
        if (until.replace(tzinfo=UTC) if zulu else until.astimezone()) <= now:
            return True
    return False


def _fingerprint(key: str) -> str:
    """Return what ssh-keygen calls a key."""
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


def _take_in(gpg: str, home: Path, keyring: bytes) -> None:
    words = [gpg, "--homedir", str(home), "--quiet", "--import-options", "import-minimal"]
    try:
        done = subprocess.run(  # nosec B603 - a list of words, none of them from a commit
            [*words, "--import"], input=keyring, capture_output=True, timeout=_GPG_SECONDS,
            check=False, env={"LC_ALL": "C", "GNUPGHOME": str(home), "HOME": str(home)},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Misconfigured(f"gpg cannot read the keyring: {type(error).__name__}") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no answer"]
        raise Misconfigured(f"gpg cannot read the keyring: {lines[0][:200]}")


def _program(name: str, why: str) -> str:
    """Return where a program is, in full: no folder that the service happens to be in counts."""
    found = shutil.which(name)
    if found is None:
        raise Misconfigured(f"{name} is not installed, and a source with {why} needs it")
    return _quoted(Path(found).absolute())


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
