"""How the reader names what it expected, what it found, and where."""

from collections.abc import Iterable
from collections.abc import Sequence as Words
from typing import Final

from engine.core.document import Node, Path, Scalar, Sequence
from engine.core.quoting import shown
from engine.core.wording import Meant, nearest

# What authors of GitHub Actions, Argo, Kestra, Airflow and Temporal would write here.
_ELSEWHERE: Final = {
    "after": "needs",
    "always": "finally",
    "args": "with",
    "arguments": "with",
    "case": "cases",
    "catch": "on_failure",
    "condition": "if",
    "continue-on-error": "optional",
    "default": "else",
    "delay": "wait",
    "depends_on": "needs",
    "dependsOn": "needs",
    "environment": "env",
    "errors": "on_failure",
    "items": "over",
    "jobs": "steps",
    "loop": "for_each",
    "matrix": "for_each",
    "max_attempts": "max_times",
    "on_error": "on_failure",
    "on": "triggers",
    "on_exit": "finally",
    "onExit": "finally",
    "parameters": "inputs",
    "params": "inputs",
    "push": "github.push",
    "retries": "retry",
    "run": "uses",
    "runs": "uses",
    "runs-on": "pool",
    "schema": "payload",
    "sleep": "wait",
    "tasks": "steps",
    "trigger": "triggers",
    "variables": "inputs",
    "when": "if",
    "withItems": "for_each",
    "with_items": "for_each",
}
_OWNERS: Final = {
    "steps": "step",
    "triggers": "trigger",
    "inputs": "input",
    "branches": "branch",
    "cases": "case",
    "on_failure": "handler",
    "outputs": "output",
    "set": "value",
}


A_STEP: Final = "a step"
_MOST_TOLD: Final = 12


def called_elsewhere(word: str) -> str | None:
    """Return what an author of another engine means by the word, if it is one of theirs."""
    return _ELSEWHERE.get(word)


def meant(word: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?` for the known word nearest to `word`, or an empty string."""
    choices = list(known)
    near = _ELSEWHERE.get(word)
    if near not in choices:
        near = nearest(word, choices)
    return "" if near is None else Meant(word, near)


def listed(words: Iterable[str], last: str = "or") -> str:
    """Return the words as a person would say them: `a, b or c`."""
    told = list(words)
    return f" {last} ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def some(words: Words[str]) -> str:
    """Return the words in marks, no more of them than a person reads."""
    more = len(words) - _MOST_TOLD
    told = coded(words if more < 2 else words[:_MOST_TOLD])
    return listed(told if more < 2 else [*told, f"{more} others"], "and")


def coded(words: Iterable[str]) -> list[str]:
    return [f"`{each}`" for each in words]


def found(node: Node) -> str:
    """Return what a node is, for the end of a sentence."""
    if isinstance(node, Scalar):
        return f"`{shown(node.text)}`" if node.plain else f'the text "{shown(node.text)}"'
    return "a list" if isinstance(node, Sequence) else "a mapping"


def place(path: Path) -> str:
    """Return where a path leads, in words: `step "build"`, `"retry.if" of step "build"`.

    The whole document has no words here.
    """
    told: list[str] = []
    keys: list[str] = []
    parts = iter(path)
    for part in parts:
        owned = _OWNERS.get(part) if isinstance(part, str) else None
        name = next(parts, None) if owned else None
        if name is None:
            keys.append(_key(part, is_first=not keys))
            continue
        told += [*_quoted(keys), _owned(owned, name)]
        keys = []
    return " of ".join(reversed([*told, *_quoted(keys)]))


def _owned(kind: str | None, name: str | int) -> str:
    return f"{kind} {name + 1}" if isinstance(name, int) else f'{kind} "{shown(name)}"'


def _key(part: str | int, *, is_first: bool) -> str:
    if isinstance(part, int):
        return f"[{part + 1}]"
    return shown(part) if is_first else f".{shown(part)}"


def _quoted(keys: list[str]) -> list[str]:
    return [f'"{"".join(keys)}"'] if keys else []
