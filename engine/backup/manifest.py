"""What a backup says of itself: from which version, of when, and what must be in it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import orjson

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.errors import Invalid, Misconfigured
from engine.store.migrate import migrations

FORMAT = 1
NAME = "manifest.json"


@frozen
class Member:
    """A file of a backup. `retained_until` is an artifact's, in seconds since 1970."""

    name: str
    bytes: int
    sha256: str
    retained_until: float | None = None


@frozen
class Manifest:
    """What is in a backup. `migrations` are the database's, `runs` how many it has by state.

    `server` and `pg_dump` are major versions of PostgreSQL.
    """

    sark: str
    made_at: datetime
    server: int
    pg_dump: int
    migrations: Sequence[str]
    runs: Mapping[str, int]
    members: Sequence[Member]
    format: int = FORMAT

    def as_json(self) -> dict[str, Json]:
        """Return it as the file has it, and as `--json` prints it."""
        return {**asdict(self), "made_at": self.made_at.isoformat()}

    def of(self, prefix: str) -> list[Member]:
        """Return the members whose names begin so."""
        return [each for each in self.members if each.name.startswith(prefix)]


def read(text: bytes, file: Path) -> Manifest:
    """Return a manifest; raise Invalid for what is none, Misconfigured for one of a later version.

    It is of a later version, too, if its database has a migration that this program lacks.
    """
    try:
        told = orjson.loads(text)
        number = told["format"]
        if number != FORMAT:
            raise Misconfigured(
                f"{file} was made by SARK {told.get('sark')}, in format {number}; this program "
                f"reads format {FORMAT}: install that version"
            )
        made = Manifest(
            **{**told, "made_at": datetime.fromisoformat(told["made_at"]),
               "members": [Member(**each) for each in told["members"]]}
        )  # fmt: skip
        _refuse_later(made, file)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"{file}: its manifest cannot be read: {error}") from None
    return made


def _refuse_later(made: Manifest, file: Path) -> None:
    known = {each.name for each in migrations()}
    later = [each for each in made.migrations if each not in known]
    if later:
        raise Misconfigured(
            f"{file} was made by SARK {made.sark}, whose database is newer than this program: it "
            f"has {later[0]}; install that version or a later one"
        )
