"""What can be set: the sections, their keys, defaults and bounds."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engine.settings.field import (
    ADMINISTRATOR,
    Kept,
    Namespace,
    OfAdapter,
    Pooled,
    Principal,
    Reference,
    Span,
    Word,
    check_api,
    check_host,
    check_ref,
    check_root,
    check_url,
    check_web,
    is_ssh,
)
from engine.settings.freeze import Freeze


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Server(_Section):
    """The HTTP edge."""

    host: str = Field(default="127.0.0.1", description="The address that is listened on.")
    port: int = Field(default=8080, ge=1, le=65535, description="The port, 1 to 65535.")
    public_url: Annotated[str, AfterValidator(check_web)] | None = Field(
        default=None,
        description="Where the world reaches the server, as in `https://sark.example`; "
        "addresses that runs hand out begin with it. Without it: the host and port above.",
    )
    max_body: int = Field(
        default=5 << 20, ge=1 << 10, le=64 << 20,
        description="The largest body of a request to `/hooks`, in bytes; the API takes 1 MiB.",
    )  # fmt: skip


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

    keep: Kept = Field(
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
    api: Annotated[str, AfterValidator(check_api)] | None = Field(
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


class Git(_Section):
    """Which hosts are asked for repositories, and what one may cost."""

    hosts: tuple[Annotated[str, AfterValidator(check_host)], ...] = Field(
        default=(), max_length=100,
        description='The only hosts that are asked, as in `["github.com"]`. Without it: any, but '
        "no address inside a network, and not this machine.",
    )  # fmt: skip
    max_files: int = Field(
        default=50_000, ge=1, le=1_000_000, description="How many files a source's root may hold."
    )
    max_bytes: int = Field(
        default=64 << 20, ge=1 << 10, le=1 << 30,
        description="How many bytes the specs of a source may have together, each up to 256 KiB.",
    )  # fmt: skip
    max_mirror: int = Field(
        default=2 << 30, ge=1 << 10, le=1 << 40,
        description="How many bytes the mirror of a repository may take of the disk; twice that "
        "while it is made anew.",
    )  # fmt: skip
    fetch_timeout: Annotated[Span, Field(le=timedelta(hours=1))] = Field(
        default=timedelta(minutes=5), description="How long a fetch may take."
    )


class Source(_Section):
    """A Git ref and folder, bound to a namespace and an environment."""

    name: Word = Field(description="The last part of `/hooks/github/<name>`, or of its forge's.")
    namespace: Namespace = Field(
        description="Whose workflows these are; never said in a spec. Not the name of a forge."
    )
    environment: Word = Field(default="production", description="What they run in.")
    url: Annotated[str, AfterValidator(check_url)] = Field(
        description="`https://` or `ssh://` address, or a local path."
    )
    ref: Annotated[str, AfterValidator(check_ref)] = Field(
        default="refs/heads/main", description="The full ref that is followed."
    )
    root: Annotated[str, AfterValidator(check_root)] = Field(
        default=".", min_length=1, description="The folder that holds the specs."
    )
    interval: Span = Field(
        default=timedelta(seconds=60), description="How often it is looked at without being asked."
    )
    verify: Literal["none", "head", "range"] = Field(
        default="none",
        description="Which commits must be signed by `signers` or `keyring`: `head`, the one that "
        "is to be live; `range`, every one since what is live, merges included.",
    )
    signers: Path | None = Field(
        default=None,
        description="Who may sign with an SSH key: a file of allowed signers as in ssh-keygen(1).",
    )
    keyring: Path | None = Field(
        default=None, description="Who may sign with GPG: a file of public keys, armored or not."
    )
    revoked: Path | None = Field(
        default=None,
        description="SSH keys and certificates that no longer count: a list of public keys or a "
        "KRL as in ssh-keygen(1).",
    )
    token: Reference | None = Field(
        default=None,
        description="What an `https://` repository is read with, beside the user of the address if "
        "it names one. It is read anew for each look.",
    )
    ca: Path | None = Field(
        default=None,
        description="The certificates, in PEM, that an `https://` host's must hang on, instead of "
        "the system's.",
    )
    ssh_key: Path | None = Field(
        default=None,
        description="The private key, without a passphrase, for an `ssh://` repository; no other "
        "and no agent is asked. Goes with `known_hosts`. Without it: ssh as the account has it.",
    )
    known_hosts: Path | None = Field(
        default=None,
        description="The keys of the hosts that `ssh_key` is shown to, as sshd(8) has it.",
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
    freeze: tuple[Freeze, ...] = Field(
        default=(), max_length=20,
        description="Windows in which no commit becomes live, at most 20: "
        '`[{start = "fri 18:00", end = "mon 08:00", timezone = "Europe/Oslo", reason = "weekend"}]`'
        ". See [Hold and roll back](../how-to/hold-and-roll-back.md).",
    )  # fmt: skip
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

    @model_validator(mode="after")
    def _is_trusting(self) -> "Source":
        known = self.signers is not None or self.keyring is not None
        if self.verify != "none" and not known:
            raise ValueError("expected `signers` or `keyring`: whose signatures are to count?")
        if self.verify == "none" and (known or self.revoked is not None):
            raise ValueError('expected verify = "head" or "range" beside `signers` and `keyring`')
        return self

    @model_validator(mode="after")
    def _is_reachable(self) -> "Source":
        if (self.ssh_key is None) != (self.known_hosts is None):
            raise ValueError("expected `ssh_key` and `known_hosts` together, or neither")
        https, ssh = self.url.startswith("https://"), is_ssh(self.url)
        if not https and (self.token is not None or self.ca is not None):
            raise ValueError("expected a url of https:// beside `token` and `ca`")
        if not ssh and self.ssh_key is not None:
            raise ValueError("expected a url of ssh:// or user@host:path beside `ssh_key`")
        if self.token is not None and re.match(r"https://[^/@]*:[^/]*@", self.url):
            raise ValueError("expected one credential: take the password out of `url`")
        return self


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
    git: Git = Git()
    sources: tuple[Source, ...] = ()
    tokens: tuple[Token, ...] = Field(default=(), max_length=200)
    adapters: dict[str, OfAdapter] = {}
    secrets: dict[str, dict[str, Reference]] = {}

    @property
    def artifact_folder(self) -> Path:
        """Return where the files that runs keep lie."""
        return self.artifacts.dir or self.state / "artifacts"
