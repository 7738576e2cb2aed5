"""`github.comment@1`, `github.files@1` and `github.status@1`: pull requests, read and told."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from adapters.contract import Adapter, Call, Json, Manifest, Operation, Outcome, Succeeded
from adapters.github import comment, files, status
from adapters.github.session import RefusedError, Session, Work
from adapters.http import Http, HttpSettings
from adapters.http.place import place
from adapters.manifest.github import COMMENT, FILES, STATUS
from adapters.settings import AdapterSettings, read

MANIFESTS = (COMMENT, FILES, STATUS)


class GitHubSettings(AdapterSettings):
    """`[adapters.github]` of the configuration.

    `api_url` is the one place that is spoken to, private or not. `ca_file` adds certificate
    authorities, in PEM, to those of the system.
    """

    api_url: str = "https://api.github.com"
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = 64
    ca_file: Path | None = None

    @field_validator("api_url")
    @classmethod
    def _must_keep_a_token(cls, value: str) -> str:
        try:
            place(value)
        except ValueError as error:
            raise ValueError(f"{error}; for example https://github.acme.example/api/v3") from None
        return value.rstrip("/")

    def client(self) -> HttpSettings:
        """Return the settings of the HTTP client: it may go to `api_url` and nowhere else."""
        return HttpSettings(
            allow_hosts=(place(self.api_url),),
            max_connections=self.max_connections,
            ca_file=self.ca_file,
        )


class GitHubOperation:
    """One operation: how its work is done, and under which manifest."""

    def __init__(self, manifest: Manifest, work: Work, adapter: "GitHub") -> None:
        self.manifest = manifest
        self._work = work
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Ask GitHub whatever the work needs, all of it within the call's time."""
        try:
            return Succeeded(await self._work(self._adapter.session(call)))
        except RefusedError as refused:
            return refused.failed


class GitHub:
    """The adapter: the client of `http.request@1`, with one place to go."""

    def __init__(self, settings: GitHubSettings) -> None:
        self._url = settings.api_url
        self._http = Http(settings.client())

    def operations(self) -> Sequence[Operation]:
        """Return every operation."""
        return (
            GitHubOperation(COMMENT, comment.upsert, self),
            GitHubOperation(FILES, files.listed, self),
            GitHubOperation(STATUS, status.report, self),
        )

    def session(self, call: Call) -> Session:
        """Return one attempt's way to GitHub."""
        return Session(self._http.client, self._url, call)

    async def open(self) -> None:
        """Make the HTTP client."""
        await self._http.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return GitHub(read(GitHubSettings, settings))
