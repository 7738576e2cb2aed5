"""PostgreSQL's own programs: which of those on this machine fit a server, and how one is run."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.core.frozen import frozen
from engine.errors import Invalid, Misconfigured, Unavailable
from engine.local.postgres import binary

_DEBIAN = Path("/usr/lib/postgresql")
# From this version on a server knows every setting that programs of a later one make.
_FIRST_TOLERANT = 17
_LONGEST_TOLD = 2_000


@frozen
class Tools:
    """The programs in one folder, all of one major version of PostgreSQL."""

    folder: Path
    major: int

    def run(self, name: str, url: str, *words: str) -> None:
        """Run a program on a database to its end.

        The password goes by the environment, for others may read what a process was called with.
        Raise Unavailable with what the program said if it fails.
        """
        told, password = _parted(url)
        environment = {**os.environ, "PGAPPNAME": "sark-backup"}
        if password is not None:
            environment["PGPASSWORD"] = password
        done = subprocess.run(  # nosec B603 - a list of words, no shell
            [str(self.folder / name), f"--dbname={told}", "--no-password", *words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-_LONGEST_TOLD:]
            raise Unavailable(f"{name} failed: {said or f'it ended with {done.returncode}'}")

    def lists(self, archive: BinaryIO) -> None:
        """Read the contents of an archive, a file open where it begins, as `pg_restore` would.

        Raise Invalid with what it said if it cannot.
        """
        done = subprocess.run(  # nosec B603
            [str(self.folder / "pg_restore"), "--list"],
            stdin=archive, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-_LONGEST_TOLD:]
            raise Invalid(f"pg_restore cannot read it: {said}")


def fitting(server: int, archive: int = 0) -> Tools:
    """Return the programs for a server of this major version, of its own version if there are any.

    They can read what `pg_dump` of version `archive` has written. Raise Misconfigured, with the
    package to install, where none fit.
    """
    found = [
        each
        for each in _installed()
        if each.major >= archive
        and (each.major == server or each.major > server >= _FIRST_TOLERANT)
    ]
    if not found:
        there = ", ".join(sorted({str(each.major) for each in _installed()})) or "none"
        wanted = max(server, archive)
        raise Misconfigured(
            f"pg_dump and pg_restore of PostgreSQL {wanted} are needed, and there are those of "
            f"{there}: install postgresql-client-{wanted} (Debian, Ubuntu) or "
            f"postgresql{wanted} (Fedora, RHEL)"
        )
    return min(found, key=lambda each: each.major)


def _installed() -> Iterator[Tools]:
    """Yield the programs on PATH, where Debian keeps them, and those of the wheel."""
    places = [each / "bin" for each in sorted(_DEBIAN.glob("[0-9]*"))]
    if (found := shutil.which("pg_restore")) is not None:
        places.append(Path(found).parent)
    with suppress(Misconfigured):
        places.append(binary("pg_restore").parent)
    for place in places:
        major = _major(place)
        if major is not None:
            yield Tools(place, major)


def _major(folder: Path) -> int | None:
    """Return the version of the programs in a folder, or None if one of them is missing."""
    if not all((folder / name).exists() for name in ("pg_dump", "pg_restore")):
        return None
    done = subprocess.run(  # nosec B603
        [str(folder / "pg_restore"), "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\d+", done.stdout)
    return int(found[0]) if found else None


def _parted(url: str) -> tuple[str, str | None]:
    """Return a database's address without its password, and the password."""
    try:
        told = conninfo_to_dict(url)
    except ProgrammingError:
        raise Misconfigured("the database's URL is not one that PostgreSQL takes") from None
    password = told.pop("password", None)
    return make_conninfo("", **told), None if password is None else str(password)
