"""People who sign commits: real keys of ssh-keygen and gpg, in folders of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.git.repo import ENVIRONMENT, Repo


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody with a key; `told` are the words by which git signs with it."""

    name: str
    told: tuple[str, ...]
    public: str
    home: Path | None = None

    def commit(self, repo: Repo, files: dict[str, str], message: str = "change", **at: str) -> str:
        """Commit with this signature; `at` is the committer's date, if it is not now."""
        for name, text in files.items():
            (repo.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (repo.folder / name).write_text(text)
        repo.git("add", "-A")
        self.git(repo, "commit", "-q", "-S", "--allow-empty", "-m", message, **at)
        return repo.head

    def git(self, repo: Repo, *words: str, at: str = "") -> None:
        home = {"GNUPGHOME": str(self.home)} if self.home else {}
        date = {"GIT_COMMITTER_DATE": at} if at else {}
        done = subprocess.run(
            ["git", *self.told, *words], cwd=repo.folder, capture_output=True, check=False,
            env={**os.environ, **ENVIRONMENT, **home, **date},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()


def by_ssh(folder: Path, name: str) -> Signer:
    """Return somebody with a new SSH key; `public` is a line's end for allowed signers."""
    key = folder / f"{name}.key"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key))
    public = " ".join(key.with_suffix(".key.pub").read_text().split()[:2])
    return Signer(name, ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"), public)


def by_gpg(home: Path, name: str, lifetime: str = "never", born: str = "") -> Signer:
    """Return somebody with a new GPG key; `lifetime` and `born` are as gpg takes them."""
    home.mkdir(mode=0o700)
    clock = ("--faked-system-time", born) if born else ()
    words = ("--quick-gen-key", f"{name} <{name}@acme>", "ed25519", "sign", lifetime)
    gpg(home, *clock, "--passphrase", "", *words)
    program = home / "then"
    program.write_text(f'#!/bin/sh\nexec gpg {" ".join(clock)} "$@"\n')
    program.chmod(0o700)
    told = ("-c", f"user.signingkey={name}@acme", "-c", f"gpg.program={program}")
    return Signer(name, told, gpg(home, "--armor", "--export"), home)


def revoke(signer: Signer) -> str:
    """Return the public key of somebody together with the word that it is revoked.

    The signer does not learn of it, as a thief would not.
    """
    assert signer.home is not None
    (written,) = (signer.home / "openpgp-revocs.d").iterdir()
    home = signer.home.with_name(f"{signer.name}-revoked")
    home.mkdir(mode=0o700)
    (home / "key.asc").write_text(signer.public)
    (home / "word.asc").write_text(written.read_text().replace(":-----BEGIN", "-----BEGIN"))
    gpg(home, "--import", str(home / "key.asc"), str(home / "word.asc"))
    return gpg(home, "--armor", "--export")


def allowed(file: Path, *lines: str) -> Path:
    """Write a file of allowed signers and return it."""
    file.write_text("# who may sign\n\n" + "".join(f"{line}\n" for line in lines))
    return file


@contextmanager
def homes() -> Iterator[Path]:
    """Give a folder for the homes of those who sign with GPG; short, for a socket's name is."""
    folder = Path(tempfile.mkdtemp(prefix="sark-gpg-", dir="/tmp"))
    try:
        yield folder
    finally:
        for home in folder.iterdir():
            _run("gpgconf", "--homedir", str(home), "--kill", "all")
        shutil.rmtree(folder, ignore_errors=True)


def gpg(home: Path, *words: str) -> str:
    return _run("gpg", "--homedir", str(home), "--batch", "--quiet", *words)


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
