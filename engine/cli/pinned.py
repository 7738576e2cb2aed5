"""The file that describes an environment in a commit, with its one line that names another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.core.compiler import survey
from engine.core.promotion import pinned
from engine.core.values import Json
from engine.errors import Invalid
from engine.git.here import Here
from engine.git.tree import inside
from engine.reconcile.pin import Pins

_MAX_FILE = 256 << 10


@dataclass(frozen=True)
class PinFile:
    """The file of an environment as a commit of the repository around us has it."""

    repository: Here
    environment: str
    commit: str

    @cached_property
    def file(self) -> str | None:
        """The file from the root on, None if there is none; raise Refused if it is not alone."""
        return Pins(self.environment).file(self.repository.tree(self.commit), self._read)

    @property
    def path(self) -> str:
        """The same from the repository's top on."""
        return inside(self.repository.root) + self._there

    @cached_property
    def before(self) -> bytes:
        """What it says."""
        blob = self.repository.tree(self.commit).blobs[self._there]
        return self._read([blob])[blob] or b""

    @property
    def facts(self) -> Mapping[str, Json]:
        """What its document says."""
        return _facts(self.before)

    def naming(self, commit: str) -> bytes:
        """Return what it is to say so that a commit is live; nothing but the one line is another.

        Raise Invalid where that cannot be.
        """
        try:
            text = pinned(self.before.decode(), commit).encode()
        except ValueError as error:
            raise Invalid(f"{self.path} cannot be changed: {error}") from None
        if _facts(text) != {**self.facts, "revision": commit}:
            raise Invalid(f"{self.path} cannot be changed by one line; write `revision` yourself")
        return text

    @property
    def _there(self) -> str:
        if self.file is None:
            raise Invalid(
                f"no file below {self.repository.root or '.'} at {self.commit[:12]} describes the "
                f"Environment {self.environment}; add one, as environments/{self.environment}.yaml"
            )
        return self.file

    def _read(self, blobs: Sequence[str]) -> Mapping[str, bytes | None]:
        return self.repository.blobs(blobs, _MAX_FILE)


def _facts(text: bytes) -> Mapping[str, Json]:
    found = [each.facts for each in survey("", text).documents]
    return found[0] if len(found) == 1 and isinstance(found[0], Mapping) else {}
