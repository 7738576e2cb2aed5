"""Which triggers an event sets off, with what inputs, and why not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from engine.core.binding import Bound
from engine.core.expression import EvaluationError, compile_value, has_template, parse_expression
from engine.core.plan import Trigger
from engine.core.schema import with_defaults
from engine.core.values import Json

_HEADS = "refs/heads/"
_TAGS = "refs/tags/"


class Said(StrEnum):
    """What was decided: `unmatched` by its own keys, `filtered` by its filter."""

    STARTED = "started"
    UNMATCHED = "unmatched"
    FILTERED = "filtered"
    INVALID = "invalid"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event came to for one trigger. `inputs` are complete and fit if it started."""

    trigger: str
    said: Said
    reason: str = ""
    inputs: Mapping[str, Json] | None = None


class InputsError(ValueError):
    """Inputs do not fit; `problems` are pairs of JSON pointer and words."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{pointer}: {told}" for pointer, told in problems))
        self.problems = tuple(problems)


def decide(bound: Bound, trigger: Trigger, event: Mapping[str, Json]) -> Decision:
    """Return what an event comes to: matched, filtered, turned into inputs, in this order."""
    if trigger.type == "github.push":
        reason = _push_mismatch(trigger, event)
        if reason:
            return Decision(trigger.id, Said.UNMATCHED, reason)
    about: dict[str, Json] = {"id": trigger.id, "type": trigger.type, "event": event}
    names = {"event": event, "trigger": about}
    try:
        if trigger.filter is not None:
            wanted = parse_expression(trigger.filter).evaluate(names)
            if not isinstance(wanted, bool):
                told = f"filter must give true or false; it gave {type(wanted).__name__}"
                return Decision(trigger.id, Said.ERROR, told)
            if not wanted:
                return Decision(trigger.id, Said.FILTERED, f"filter is false: {trigger.filter}")
        given = compile_value(trigger.arguments or {}).evaluate(names)
        inputs = complete(bound, given, about)
    except InputsError as error:
        return Decision(trigger.id, Said.INVALID, str(error))
    except (EvaluationError, ValueError) as error:
        return Decision(trigger.id, Said.ERROR, str(error))
    return Decision(trigger.id, Said.STARTED, inputs=inputs)


def complete(bound: Bound, given: Json, trigger: Json) -> Mapping[str, Json]:
    """Return inputs with defaults filled in; raise InputsError where they do not fit.

    A default may be a template over `trigger`.
    """
    filled = with_defaults(bound.plan.inputs, given)
    if isinstance(filled, Mapping) and isinstance(given, Mapping):
        names = {"trigger": trigger}
        filled = {
            name: compile_value(value).evaluate(names) if _is_open(name, value, given) else value
            for name, value in filled.items()
        }
    problems = bound.inputs.problems(filled)
    if problems or not isinstance(filled, Mapping):
        raise InputsError([(str(pointer), told) for pointer, told in problems])
    return filled


def with_branch(event: Mapping[str, Json]) -> dict[str, Json]:
    """Return a push with `branch` or `tag`, which GitHub only tells inside of `ref`."""
    ref = str(event.get("ref") or "")
    told = dict(event)
    if ref.startswith(_HEADS):
        told["branch"] = ref.removeprefix(_HEADS)
    elif ref.startswith(_TAGS):
        told["tag"] = ref.removeprefix(_TAGS)
    return told


def matches(globs: Sequence[str], text: str) -> bool:
    """True if the last glob that matches does not begin with `!` (as GitHub Actions has it)."""
    verdict = False
    for each in globs:
        if _glob(each.removeprefix("!")).fullmatch(text):
            verdict = not each.startswith("!")
    return verdict


def _is_open(name: str, value: Json, given: Mapping[str, Json]) -> bool:
    """True for a default that holds a template; what was given is never evaluated."""
    return name not in given and isinstance(value, str) and has_template(value)


def _push_mismatch(trigger: Trigger, event: Mapping[str, Json]) -> str:
    """Return why a push is none of this trigger's, or an empty string."""
    settings = trigger.settings if isinstance(trigger.settings, Mapping) else {}
    branches, tags = _globs(settings, "branches"), _globs(settings, "tags")
    if event.get("deleted") is True:
        return "the push deleted its ref"
    repository = event.get("repository")
    name = repository.get("full_name") if isinstance(repository, Mapping) else None
    if "repo" in settings and settings["repo"] != name:
        return f"repo is {settings['repo']}, not {name}"
    branch, tag = event.get("branch"), event.get("tag")
    if isinstance(branch, str):
        if branches is None and tags is not None:
            return "only tags are wanted"
        if branches is not None and not matches(branches, branch):
            return f"branch {branch} is not wanted"
    if isinstance(tag, str):
        if tags is None and branches is not None:
            return "only branches are wanted"
        if tags is not None and not matches(tags, tag):
            return f"tag {tag} is not wanted"
    paths = _globs(settings, "paths")
    if paths is not None and not any(matches(paths, each) for each in _changed(event)):
        return "no changed path is wanted"
    return ""


def _globs(settings: Mapping[str, Json], key: str) -> list[str] | None:
    told = settings.get(key)
    return None if not isinstance(told, Sequence) else [str(each) for each in told]


def _changed(event: Mapping[str, Json]) -> list[str]:
    commits = event.get("commits")
    told: list[str] = []
    for commit in commits if isinstance(commits, Sequence) else ():
        if isinstance(commit, Mapping):
            for key in ("added", "modified", "removed"):
                listed = commit.get(key)
                told += map(str, listed if isinstance(listed, Sequence) else ())
    return told


@lru_cache(maxsize=1024)
def _glob(text: str) -> re.Pattern[str]:
    """Return a glob as a pattern: `*` stops at a slash, `**` does not, `?` is one character."""
    parts = re.split(r"(\*\*/?|\*|\?)", text)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in parts))
