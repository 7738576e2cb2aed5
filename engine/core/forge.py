"""What GitHub reports: its payload as runs read it, and the keys of triggers that it meets."""

import re
from collections.abc import Mapping, Sequence

from engine.core import glob
from engine.core.values import Json

PREFIX = "github."
PUSH = "github.push"
PULL = "github.pull_request"
_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_MOST_COMMITS = 2048  # GitHub tells of no more in one push; the rest cannot be known
_MOST_FILES = 3000  # nor does it list more files of a pull request
_NOBODY = "ghost"  # whom GitHub itself names where an account is gone
_ACTION = re.compile(r"[A-Za-z0-9_-]{1,100}")


def told(kind: str, payload: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a payload as runs read it; raise ValueError for one that is none of its `kind`."""
    if kind == PUSH:
        return pushed(payload)
    return pulled(payload) if kind == PULL else payload


def occurrence(kind: str, payload: Mapping[str, Json]) -> str:
    """Return the type under which runs wait for it: `github.pull_request.closed`."""
    action = payload.get("action")
    is_word = isinstance(action, str) and _ACTION.fullmatch(action)
    return f"{kind}.{action}" if is_word else kind


def names(occurred: str) -> tuple[str, ...]:
    """Return every type under which an event is waited for: one of GitHub's without action, too."""
    kind = ".".join(occurred.split(".")[:2])
    is_action = occurred.startswith(PREFIX) and kind != occurred
    return (occurred, kind) if is_action else (occurred,)


def has_actions(kind: str) -> bool:
    """True if a type stands for every action of one of GitHub's events."""
    return kind.startswith(PREFIX) and kind.count(".") == 1


def pushed(payload: Mapping[str, Json]) -> dict[str, Json]:
    """Return GitHub's payload with `branch` and `tag`, which it tells only inside of `ref`.

    One of them is null, and both are for a ref that is neither. Raise ValueError for what is no
    push at all.
    """
    ref, repository = payload.get("ref"), payload.get("repository")
    if not isinstance(ref, str) or not isinstance(repository, Mapping):
        raise ValueError("a push has the string `ref` and the object `repository`")
    branch = ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else None
    tag = ref.removeprefix(_TAGS) if ref.startswith(_TAGS) else None
    return {**payload, "branch": branch, "tag": tag}


def pulled(payload: Mapping[str, Json]) -> dict[str, Json]:
    """Return GitHub's payload with what is asked of a pull request at its top.

    That is `number`, `title`, `url`, `author`, `draft`, `merged`, the names of its `labels`, and
    of its `head` and `base` the `ref`, `sha` and `repo`; `head.is_fork` is true, too, where the
    repository of the head is gone. Raise ValueError for what is no pull request at all.
    """
    pull, number = payload.get("pull_request"), payload.get("number")
    if not isinstance(pull, Mapping) or not isinstance(number, int) or isinstance(number, bool):
        raise ValueError("a pull request has the object `pull_request` and the integer `number`")
    if not isinstance(payload.get("repository"), Mapping):
        raise ValueError("a pull request has the object `repository`")
    head, base = _side(pull, "head"), _side(pull, "base")
    return {
        **payload,
        "number": number,
        "title": _text(pull.get("title")),
        "url": _text(pull.get("html_url")),
        "author": _text(_part(pull, "user").get("login")) or _NOBODY,
        "draft": pull.get("draft") is True,
        "merged": pull.get("merged") is True,
        "labels": [_text(_mapping(each).get("name")) for each in _sequence(pull.get("labels"))],
        "head": {**head, "is_fork": head["repo"] is None or head["repo"] != base["repo"]},
        "base": base,
    }


def mismatch(kind: str, settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    """Return why an event, as `told` gives it, is none of a trigger's, or an empty string.

    `paths` are not asked where GitHub has cut the list of what was changed.

    Raise ValueError where `paths` are asked of a pull request whose files are not known.
    """
    if kind == PUSH and event.get("deleted") is True:
        return f"the push deleted {event.get('ref')}"
    found = _repo_mismatch(settings, event) or _action_mismatch(settings, event)
    if found or kind not in (PUSH, PULL):
        return found
    if kind == PUSH:
        return _ref_mismatch(settings, event) or _path_mismatch(settings, event)
    return _base_mismatch(settings, event) or _file_mismatch(settings, event)


def asks_files(settings: Mapping[str, Json], event: Mapping[str, Json]) -> bool:
    """True if the files of a pull request decide whether it is one of a trigger's."""
    others = {key: value for key, value in settings.items() if key != "paths"}
    try:
        return "paths" in settings and not mismatch(PULL, others, event)
    except ValueError:  # a glob that is none: whoever decides will say so
        return False


def _repo_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    name, wanted = _part(event, "repository").get("full_name"), settings.get("repo")
    if wanted is not None and str(wanted).lower() != str(name).lower():  # as GitHub compares them
        return f"repo is {name}, not {wanted}"
    return ""


def _action_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    actions, action = settings.get("actions"), event.get("action")
    if actions is None or action in _sequence(actions):
        return ""
    return f"action {action} is not wanted"


def _base_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    branches, branch = _globs(settings, "branches"), _part(event, "base").get("ref")
    if branches is None or glob.matches(branches, str(branch)):
        return ""
    return f"base branch {branch} is not wanted"


def _file_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    paths, files = _globs(settings, "paths"), event.get("files")
    if paths is None:
        return ""
    if not isinstance(files, Sequence) or isinstance(files, str):
        raise ValueError(
            "paths: the files of the pull request are not known; has its source an `api_token` "
            "that may read the repository?"
        )
    if len(files) >= _MOST_FILES or any(glob.matches(paths, str(each)) for each in files):
        return ""
    return "no changed path is wanted"


def _ref_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    """Who filters branches alone wants no tags, and the other way round."""
    branches, tags = _globs(settings, "branches"), _globs(settings, "tags")
    if branches is None and tags is None:
        return ""
    for kind, globs in (("branch", branches), ("tag", tags)):
        name = event.get(kind)
        if isinstance(name, str):
            if globs is None:
                return (
                    f"{kind} {name}: only {'tags' if kind == 'branch' else 'branches'} are wanted"
                )
            return "" if glob.matches(globs, name) else f"{kind} {name} is not wanted"
    return f"{event.get('ref')} is neither a branch nor a tag"


def _path_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    """Paths are not asked for a tag, nor where GitHub has cut the list of commits."""
    paths, commits = _globs(settings, "paths"), _sequence(event.get("commits"))
    if paths is None or isinstance(event.get("tag"), str) or len(commits) >= _MOST_COMMITS:
        return ""
    if any(glob.matches(paths, each) for each in _changed(commits)):
        return ""
    return "no changed path is wanted"


def _globs(settings: Mapping[str, Json], key: str) -> list[str] | None:
    told = settings.get(key)
    return None if told is None else [str(each) for each in _sequence(told)]


def _changed(commits: Sequence[Json]) -> set[str]:
    """Return every path that a commit of the push added, changed or removed."""
    return {
        str(path)
        for commit in commits
        if isinstance(commit, Mapping)
        for key in ("added", "modified", "removed")
        for path in _sequence(commit.get(key))
    }


def _sequence(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _side(pull: Mapping[str, Json], name: str) -> dict[str, Json]:
    """Return one side of a pull request: the branch, its commit, and the repository's full name."""
    side = _part(pull, name)
    ref, sha = side.get("ref"), side.get("sha")
    if not isinstance(ref, str) or not isinstance(sha, str):
        raise ValueError(f"a pull request has the strings `ref` and `sha` in its `{name}`")
    repo = _part(side, "repo").get("full_name")
    return {"ref": ref, "sha": sha, "repo": repo if isinstance(repo, str) else None}


def _part(told: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    return _mapping(told.get(key))


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
