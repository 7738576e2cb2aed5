"""What GitHub reports: its payload as runs read it, and the keys of triggers that it meets."""

from collections.abc import Mapping, Sequence

from engine.core import glob
from engine.core.values import Json

_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_MOST_COMMITS = 2048  # GitHub tells of no more in one push; the rest cannot be known


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


def mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    """Return why a push is none of a trigger's, or an empty string."""
    if event.get("deleted") is True:
        return f"the push deleted {event.get('ref')}"
    repository = event.get("repository")
    name = repository.get("full_name") if isinstance(repository, Mapping) else None
    wanted = settings.get("repo")
    if wanted is not None and str(wanted).lower() != str(name).lower():  # as GitHub compares them
        return f"repo is {name}, not {wanted}"
    return _ref_mismatch(settings, event) or _path_mismatch(settings, event)


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
