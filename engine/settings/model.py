"""What can be set: the sections, their keys, defaults and bounds."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.core.values import parse_duration

ADMINISTRATOR = "admin"
# What stands after /hooks/ for something else than a namespace.
_TAKEN = frozenset({"github"})
FOREVER = "forever"
_LEAST_KEPT, _MOST_KEPT = timedelta(days=1), timedelta(days=36_500)


def _span(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError(f"expected a duration such as 30s, 5m or 1h30m, found {value!r}")


def _kept(value: object) -> object:
    if value == FOREVER:
        return value
    span = _span(value)
    if isinstance(span, timedelta) and not _LEAST_KEPT <= span <= _MOST_KEPT:
        days = f"{_LEAST_KEPT.days} to {_MOST_KEPT.days:,} days, or {FOREVER!r}"
        raise ValueError(f"expected {days}, found {value!r}")
    return span


def _reference(value: str) -> str:
    if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", value) is None:
        raise ValueError("expected env:NAME or file:PATH; a secret itself never stands here")
    return value


def _word(value: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9-]{0,62}", value) is None:
        raise ValueError(f"expected a name of a-z, 0-9 and dashes, a letter first, found {value!r}")
    return value


def _namespace(value: str) -> str:
    if value in _TAKEN:
        raise ValueError(
            f"expected a name that is not taken: /hooks/{value}/ is where GitHub reports, so "
            f"webhooks of a namespace {value!r} would not be reached; call it otherwise"
        )
    return _word(value)


def _pooled(value: str) -> str:
    return value if value == "*" else _word(value)


def _principal(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}", value) is None:
        raise ValueError(
            f"expected a name of letters, digits and _ . @ + -, up to 100 of them, found {value!r}"
        )
    return value


def _ref(value: str) -> str:
    if re.fullmatch(r"refs/(heads|tags)/[^\s~^:?*\[\\]+", value) is None:
        raise ValueError(f"expected a full ref such as refs/heads/main, found {value!r}")
    return value


def _url(value: str) -> str:
    scheme, colon, _ = value.partition("://")
    if not value or (colon and scheme not in ("https", "ssh", "file")):
        raise ValueError(f"expected https://, ssh:// or a local path, found {scheme + colon!r}")
    return value


def _web(value: str) -> str:
    if re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value) is None:
        raise ValueError(f"expected https://HOST, perhaps with a port and a path, found {value!r}")
    return value.rstrip("/")


def _root(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"expected a folder of the repository, such as workflows, found {value!r}")
    return value


def _api(value: str) -> str:
    # Late: only a forge needs it.
    from adapters.http.place import place

    try:
        place(value)
    except ValueError as error:
        raise ValueError(f"{error}; for example https://github.acme.example/api/v3") from None
    return value.rstrip("/")


Span: TypeAlias = Annotated[
    timedelta, BeforeValidator(_span, json_schema_input_type=str), Field(gt=timedelta(0))
]
Reference: TypeAlias = Annotated[str, AfterValidator(_reference)]
Word: TypeAlias = Annotated[str, AfterValidator(_word)]
Namespace: TypeAlias = Annotated[str, AfterValidator(_namespace)]
Principal: TypeAlias = Annotated[str, AfterValidator(_principal)]


Pooled: TypeAlias = Annotated[str, AfterValidator(_pooled)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Server(_Section):
    """The HTTP edge."""

    host: str = Field(default="127.0.0.1", description="The address that is listened on.")
    port: int = Field(default=8080, ge=1, le=65535, description="The port, 1 to 65535.")
    public_url: Annotated[str, AfterValidator(_web)] | None = Field(
        default=None,
        description="Where the world reaches the server, as in `https://sark.example`; "
        "addresses that runs hand out begin with it. Without it: the host and port above.",
    )
    max_body: int = Field(
        default=5 << 20, ge=1 << 10, le=64 << 20, description="The largest request body, in bytes."
    )


class Worker(_Section):
    """Each worker process: one owner on one event loop."""

    pools: tuple[Pooled, ...] | None = Field(
        default=None,
        min_length=1,
        description="The pools that this worker serves; `*` is every one. `default` is no Pool: "
        "it stands for runs, and for all of their steps that name no pool. Without it: "
        "`default` in `sark worker`, `*` in `sark up`.",
    )
    labels: dict[str, str] | None = Field(
        default=None,
        description='What this worker has, as in `{zone = "inside"}`: it serves pools that ask '
        "for no other labels. Without it: none, or any where `pools` is `*`.",
    )
    steps: int = Field(
        default=100, ge=1, le=10_000, description="How many steps of pools it makes at once."
    )
    processes: int = Field(default=1, ge=1, le=64, description="How many workers `sark up` runs.")
    capacity: int = Field(
        default=2000, ge=1, le=100_000, description="How many runs a worker owns at once."
    )
    lease: Span = Field(
        default=timedelta(seconds=10), description="Silence after which a worker is declared dead."
    )
    sweep: Span = Field(
        default=timedelta(seconds=1), description="How often lost work and dead workers are sought."
    )
    grace: Span = Field(
        default=timedelta(seconds=10), description="How long attempts may finish after SIGTERM."
    )
    scratch: Path | None = Field(
        default=None,
        description="Where the folders of attempts are made, each removed with its attempt; "
        "without it the system's temporary folder.",
    )


class Artifacts(_Section):
    """The files that runs keep."""

    dir: Path | None = Field(
        default=None,
        description="Where they lie, the same for all workers; `artifacts` in the state folder "
        "without it. Also `SARK_ARTIFACTS_DIR`.",
    )


class Controller(_Section):
    """The duties that one process leads."""

    watch: Span = Field(
        default=timedelta(milliseconds=200),
        description="How often the refs of local repositories are looked at.",
    )
    lease: Span = Field(
        default=timedelta(seconds=10),
        description="Silence after which another controller takes the duties of one that leads.",
    )


class Telemetry(_Section):
    """Where a worker and a controller tell how they are: `/livez`, `/readyz` and `/metrics`."""

    host: str = Field(
        default="127.0.0.1",
        description="The address that is listened on. Whoever reaches it may read, without a "
        "token; no name, id or secret of yours is told.",
    )
    port: int | None = Field(
        default=None, ge=0, le=65_000,
        description="The port, up to 65000; `0` is any free one, which the process writes into "
        "`targets` of the state folder. Without it: none, and any free one in `sark up`, where a "
        "port that is set is the controller's and workers have the next ones.",
    )  # fmt: skip


class History(_Section):
    """How long is kept what has been."""

    keep: Annotated[timedelta | str, BeforeValidator(_kept, json_schema_input_type=str)] = Field(
        default=timedelta(days=90),
        description="How long a run is kept after its end, with its journal and its idempotency "
        "key: 1 to 36,500 days, as in `90d`, or `forever`. The audit log is always kept.",
    )

    @property
    def kept(self) -> timedelta | None:
        """Return how long runs are kept, None being for ever."""
        return self.keep if isinstance(self.keep, timedelta) else None


class App(_Section):
    """A GitHub App."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9.]{1,100}$", description="Its app id or client id, as a text."
    )
    key: Reference = Field(description="Its private key in PEM, as `file:PATH` or `env:NAME`.")


class ForgeSettings(_Section):
    """Where a source is reviewed."""

    kind: Literal["github", "gitlab", "gitea"] = Field(
        default="github", description="`github`, `gitlab` or `gitea`, which is Forgejo's, too."
    )
    repository: str = Field(
        max_length=500, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_.-]+)+$",
        description="As in `acme/shop`; at GitLab perhaps with groups between.",
    )  # fmt: skip
    api: Annotated[str, AfterValidator(_api)] | None = Field(
        default=None,
        description="Its REST API, as in `https://github.acme.example/api/v3`. Without it: that "
        "of github.com or gitlab.com.",
    )
    token: Reference | None = Field(
        default=None, description="A token, as `env:NAME` or `file:PATH`; or write `app`."
    )
    app: App | None = Field(
        default=None, description="A GitHub App, `{id, key}`, in place of `token`."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificate authorities in PEM beside those of the system."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> "ForgeSettings":
        if (self.token is None) == (self.app is None):
            raise ValueError("expected `token` or `app`, and one of them alone")
        if self.app is not None and self.kind != "github":
            raise ValueError(f"expected `token`: there are apps at GitHub, and not at {self.kind}")
        if self.kind == "gitea" and self.api is None:
            raise ValueError("expected `api`, as in https://gitea.example/api/v1")
        parts = self.repository.split("/")
        if not {".", ".."}.isdisjoint(parts) or (self.kind != "gitlab" and len(parts) != 2):
            raise ValueError(f"expected owner/name in `repository`, found {self.repository!r}")
        return self

    @property
    def url(self) -> str:
        """Return the URL of the REST API."""
        return self.api or _APIS[self.kind]


_APIS = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}


class Source(_Section):
    """A Git ref and folder, bound to a namespace and an environment."""

    name: Word = Field(description="The last part of `/hooks/github/<name>`.")
    namespace: Namespace = Field(
        description="Whose workflows these are; never said in a spec. Not `github`."
    )
    environment: Word = Field(default="production", description="What they run in.")
    url: Annotated[str, AfterValidator(_url)] = Field(
        description="`https://` or `ssh://` address, or a local path."
    )
    ref: Annotated[str, AfterValidator(_ref)] = Field(
        default="refs/heads/main", description="The full ref that is followed."
    )
    root: Annotated[str, AfterValidator(_root)] = Field(
        default=".", min_length=1, description="The folder that holds the specs."
    )
    interval: Span = Field(
        default=timedelta(seconds=60), description="How often it is looked at without being asked."
    )
    webhook_secrets: tuple[Reference, ...] = Field(
        default=(), max_length=2, description="At most two, while one takes the other's place."
    )
    api_token: Reference | None = Field(
        default=None,
        description="A token that may read pull requests: GitHub is asked by it for the files of "
        "one where a trigger has `paths`. With `forge` it is not needed.",
    )
    forge: ForgeSettings | None = Field(
        default=None,
        description="Where commits and pull requests are reported to, as in `{kind = "
        '"github", repository = "acme/shop", token = "env:GITHUB_TOKEN"}`.',
    )
    review: bool = Field(
        default=True, description="Whether pull requests into `ref` are reviewed at its `forge`."
    )
    require_reviewed_plan: bool = Field(
        default=False,
        description="Hold a commit back unless a review of what it changes has ended well.",
    )

    @model_validator(mode="after")
    def _can_be_reviewed(self) -> "Source":
        if self.require_reviewed_plan and not self.is_reviewed:
            raise ValueError("expected a `forge` and `review`, where `require_reviewed_plan` is")
        return self

    @property
    def is_reviewed(self) -> bool:
        """True if pull requests into the branch that is followed are reviewed."""
        return self.review and self.forge is not None and self.ref.startswith("refs/heads/")


class Token(_Section):
    """Somebody who speaks to the API with a token of their own, beside the first one."""

    name: Principal = Field(
        description="Who it is, as in `user:ann`; not `admin`, the first token's."
    )
    token: Reference | None = Field(
        default=None, description="The token, as `env:NAME` or `file:PATH`; or write `sha256`."
    )
    sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$",
        description="The SHA-256 of the token in 64 hexadecimal digits, instead of `token`.",
    )  # fmt: skip
    role: Literal["viewer", "approver", "admin"] = Field(
        default="viewer",
        description="`viewer` reads; `approver` decides on approvals, too; `admin` does all.",
    )
    groups: tuple[Principal, ...] = Field(
        default=(), max_length=100, description="Of which groups it is, as in `group:ops`."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> "Token":
        if (self.token is None) == (self.sha256 is None):
            raise ValueError("expected `token` or `sha256`, and one of them alone")
        if self.name == ADMINISTRATOR:
            raise ValueError(f"{ADMINISTRATOR!r} is the name of the first token; take another")
        return self


class Settings(_Section):
    """Everything that can be set."""

    state: Path = Field(default=Path(".sark"), description="The one folder that is written to.")
    database_url: str | None = Field(
        default=None, description="PostgreSQL; without it `sark up` brings its own."
    )
    redis_url: str | None = Field(
        default=None, description="Redis; without it `sark up` brings its own."
    )
    server: Server = Server()
    worker: Worker = Worker()
    artifacts: Artifacts = Artifacts()
    controller: Controller = Controller()
    telemetry: Telemetry = Telemetry()
    history: History = History()
    sources: tuple[Source, ...] = ()
    tokens: tuple[Token, ...] = Field(default=(), max_length=200)
    adapters: dict[str, dict[str, Any]] = {}
    secrets: dict[str, dict[str, Reference]] = {}

    @property
    def artifact_folder(self) -> Path:
        """Return where the files that runs keep lie."""
        return self.artifacts.dir or self.state / "artifacts"
