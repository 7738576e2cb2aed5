"""A commit into an image. The engine is told where the commit is; no file of it is read here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from adapters.container.engine import Engine, FailedError, invalid, last_words, said
from adapters.contract import Call, ErrorClass, Failed, Json
from adapters.manifest.container import DIGEST, PATH_IN_REPO, TAG
from adapters.manifest.shell import ENV_NAME
from adapters.shell.command import InvalidError, text
from adapters.shell.process import Ended

_KEEP = 64 * 1024
_REF = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}")
_TEMPLATE = re.compile(r"(?:https|http|ssh|git|file)://[^\s{}#?]*\{repo\}[^\s{}#?]*")
# The name by which BuildKit looks for the token of a repository.
_TOKEN = "GIT_AUTH_TOKEN"  # nosec B105 - a name, no secret


@dataclass(frozen=True, slots=True)
class Wanted:
    """A build, everything checked. `source` is the URL of a repository, commit and folder."""

    source: str
    words: tuple[str, ...]
    token: str | None


def check_template(git_url: str) -> None:
    """Raise ValueError unless a setting says where repositories are.

    Engines take a URL for a repository only if it ends in .git.
    """
    if not _TEMPLATE.fullmatch(git_url) or not git_url.endswith(".git"):
        raise ValueError("it must be a URL with {repo} in it that ends in .git")


async def build(git_url: str, engine: Engine, call: Call) -> Mapping[str, Json]:
    """Return the image's id; raise FailedError if there is none."""
    wanted = read(call, git_url, engine.is_podman)
    await engine.ask("ps", "--quiet")
    try:
        told = call.folder() / "image"
        env = {} if wanted.token is None else {_TOKEN: wanted.token}
        engine.begin()
        words = ("--iidfile", str(told), *wanted.words, wanted.source)
        hidden = tuple(env.values())
        ended = await engine.tell("build", *words, keep=_KEEP, env=env, secrets=hidden)
        digest = told.read_text().strip() if ended.code == 0 and told.exists() else ""
    except OSError as error:
        message = f"no folder for the build: {error.strerror}"
        raise FailedError(Failed("container.unavailable", message, ErrorClass.TRANSIENT)) from None
    if ended.code != 0:
        # An engine that is gone has not judged the commit.
        await engine.ask("ps", "--quiet")
        raise _failed(wanted, ended)
    if not re.fullmatch(DIGEST, digest):
        message = "the engine says that it has built, and gives no image id"
        raise FailedError(Failed("container.build", message, ErrorClass.PERMANENT))
    return {"digest": digest}


def read(call: Call, git_url: str, is_podman: bool) -> Wanted:
    """Return the build of a call's arguments; raise FailedError, invalid, if they make none."""
    given = call.arguments
    repo = _matching("repo", given.get("repo"), _REPO, "owner/name")
    ref = _matching("ref", given.get("ref"), _REF, "a commit's whole hash, and no branch or tag")
    context = _inside("context", given)
    token = given.get("auth")
    if token is not None and is_podman:
        raise invalid("auth is for docker: podman takes the credentials of its own user")
    source = f"{git_url.replace('{repo}', repo)}#{ref}{f':{context}' if context else ''}"
    return Wanted(source, _words(given, token), None if token is None else str(token))


def _words(given: Mapping[str, Json], token: Json) -> tuple[str, ...]:
    network, file = given.get("network", "none"), _inside("file", given)
    if network not in ("none", "default"):
        raise invalid("network must be none or default")
    found = ["--network", "none"] if network == "none" else []
    if file:
        found += ["--file", file]
    if token is not None:
        found += ["--secret", f"id={_TOKEN}"]
    if "tag" in given:
        found += ["--tag", _matching("tag", given["tag"], re.compile(TAG), "name:tag")]
    for name, value in _build_args(given.get("build_args", {})).items():
        found += ["--build-arg", f"{name}={value}"]
    return tuple(found)


def _build_args(given: Json) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise invalid("build_args must be a mapping")
    try:
        found = {name: text("build_args", value) for name, value in given.items()}
    except InvalidError as error:
        raise invalid(str(error)) from None
    if not all(re.fullmatch(ENV_NAME, name) and "\n" not in name for name in found):
        raise invalid("build_args holds a name that is no variable name")
    return found


def _inside(name: str, given: Mapping[str, Json]) -> str:
    """Return a path inside the repository, empty if none is given."""
    if name not in given:
        return ""
    words = "a path inside the repository, of letters, digits, . _ and -"
    path = _matching(name, given[name], re.compile(PATH_IN_REPO), words)
    if ".." in PurePosixPath(path).parts:
        raise invalid(f"{name} must be {words}")
    return path


def _matching(name: str, value: Json, pattern: re.Pattern[str], words: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise invalid(f"{name} must be {words}")
    return value


def _failed(wanted: Wanted, ended: Ended) -> FailedError:
    """Return the failure of a build with how its log ends, the token covered."""
    secrets = [wanted.token] if wanted.token else []
    line = last_words(ended, secrets).splitlines()[-1]
    message = f"the build of {wanted.source} failed: {line}"
    details = {"exit_code": ended.code, **said(ended, secrets)}
    return FailedError(Failed("container.build", message, ErrorClass.PERMANENT, details=details))
