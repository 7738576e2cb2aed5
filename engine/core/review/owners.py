"""Whose files are: `CODEOWNERS` as GitHub reads it, and what of it a change touches.

Source: GitHub, "About code owners". The last line that matches a path counts, alone. A pattern is
one of `.gitignore`, but that `!`, `[ ]` and `\\#` are none; a line without owners says that nobody
owns what it matches; a line that is wrong is passed over. Sections, as GitLab has them, are such
lines.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from engine.core.diagnostic import Diagnostic, Severity, Span
from engine.core.frozen import frozen

PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where it is looked for, from the repository's top; the first that is there counts."""
MAX_BYTES: Final = 256 << 10
MAX_RULES: Final = 2_000
MAX_OWNERS: Final = 50
MAX_FAULTS: Final = 20
ANY_OF: Final = " or "
"""Stands between owners of whom one is enough."""
_LONGEST: Final = 500
_TEAM: Final = re.compile(r"@[\w.-]{1,100}(?:/[\w.-]{1,100}){1,8}", re.ASCII)
_PERSON: Final = re.compile(r"@[\w-]{1,100}", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@]{1,100}@[^\s@.]{1,100}(?:\.[^\s@.]{1,100}){1,8}")
# A word of a line: a blank with a backslash before it belongs to it.
_WORD: Final = re.compile(r"(?:\\.|[^\s\\])+")
_REFUSED: Final[Mapping[str, str]] = {
    "!": "nothing is taken out again by `!`: say who owns it on a later line",
    "\\#": "a pattern cannot begin with `#`",
    "[": "there are no sections and no ranges in brackets",
    "^[": "there are no sections and no ranges in brackets",
}
_T = TypeVar("_T")


@frozen
class Rule:
    """A line: whose what matches is. `word` is in each path that does, which is quick to see."""

    parts: tuple[str, ...]
    owners: tuple[str, ...]
    word: str

    def matches(self, path: str) -> bool:
        """True if it says whose the file at a path is."""
        return self.word in path and _fits(self.parts, path.split("/"), "**", _is_like)


@frozen
class Owners:
    """What a `CODEOWNERS` says; `file` is "" where there is none.

    Teams are told as `acme/payments`, people as `@dana`, others by their address. `faults` are
    the lines that are passed over; one that `is_unusable` says nothing of anybody.
    """

    file: str = ""
    rules: tuple[Rule, ...] = ()
    faults: tuple[Diagnostic, ...] = ()
    is_unusable: bool = False

    def of(self, path: str) -> tuple[str, ...]:
        """Return who owns a file, by its path from the repository's top; nobody may."""
        found = (rule.owners for rule in reversed(self.rules) if rule.matches(path))
        return next(found, ())


@frozen
class Touched:
    """The files that a change touches by those who own them, of each of whom one is enough.

    `unowned` are those of nobody. `is_changed`: the change brings another `CODEOWNERS`, which does
    not count.
    """

    owners: Owners
    groups: Mapping[tuple[str, ...], Sequence[str]]
    unowned: Sequence[str]
    is_changed: bool = False


NOBODY: Final = Owners()
"""What is known where there is no `CODEOWNERS`."""


def touched(owners: Owners, files: Iterable[str], *, is_changed: bool = False) -> Touched | None:
    """Return whose the files of a change are; None where no `CODEOWNERS` is or was."""
    if not owners.file:
        return None
    groups: dict[tuple[str, ...], list[str]] = {}
    for each in sorted(files):
        groups.setdefault(owners.of(each), []).append(each)
    unowned = groups.pop((), [])
    return Touched(owners, dict(sorted(groups.items())), unowned, is_changed)


def read(file: str, data: bytes | None) -> Owners:
    """Return what a file says; None for its content says that it was too large to be read."""
    if data is None or len(data) > MAX_BYTES:
        return _unusable(file, f"it is over {MAX_BYTES >> 10} KiB, and was not read")
    try:
        lines = data.decode().removeprefix("\ufeff").splitlines()
    except UnicodeDecodeError as error:
        return _unusable(file, "it is no UTF-8", data.count(b"\n", 0, error.start) + 1)
    rules, faults = list[Rule](), list[Diagnostic]()
    for number, line in enumerate(lines, 1):
        told = _rule(line)
        if isinstance(told, Rule):
            rules.append(told)
        elif told and len(faults) < MAX_FAULTS:
            faults.append(_fault(file, number, told))
    if len(rules) > MAX_RULES:
        return _unusable(file, f"it has {len(rules):,} rules; {MAX_RULES:,} are read")
    return Owners(file, tuple(rules), tuple(faults))


def _unusable(file: str, message: str, line: int = 1) -> Owners:
    return Owners(file, faults=(_fault(file, line, message),), is_unusable=True)


def _fault(file: str, line: int, message: str) -> Diagnostic:
    return Diagnostic("code-owners", message, Span(file, line, 1), Severity.WARNING)


def _rule(line: str) -> Rule | str:
    """Return what a line says, or why it is passed over: "" for one that says nothing."""
    words = list(_words(line))
    if not words:
        return ""
    pattern, *owners = words
    refusal = next((why for mark, why in _REFUSED.items() if pattern.startswith(mark)), "")
    if refusal or "[" in pattern:
        return refusal or _REFUSED["["]
    if len(pattern) > _LONGEST:
        return f"the pattern is longer than {_LONGEST} characters"
    if not pattern.strip("/"):
        return "the pattern names no file"
    if len(owners) > MAX_OWNERS:
        return f"it names {len(owners)} owners; {MAX_OWNERS} are read"
    known = tuple(map(_owner, owners))
    wrong = next((told for told, name in zip(owners, known, strict=True) if not name), "")
    if wrong:
        return f'"{wrong[:100]}" is no owner: write `@person`, `@org/team` or an address'
    parts = _parts(pattern)
    return Rule(parts, known, _word(parts))


def _words(line: str) -> Iterator[str]:
    """Yield the pattern and the owners of a line, up to a comment."""
    for each in _WORD.findall(line):
        if each.startswith("#"):
            return
        yield each


def _owner(told: str) -> str:
    """Return an owner as policies know him, "" for what is none."""
    if _TEAM.fullmatch(told):
        return told[1:]
    return told if _PERSON.fullmatch(told) or _EMAIL.fullmatch(told) else ""


def _parts(pattern: str) -> tuple[str, ...]:
    """Return the names of a path one after the other; `**` stands for any number of them."""
    is_folder, is_flat = pattern.endswith("/"), pattern.endswith("/*")
    parts = [each for each in pattern.strip("/").split("/") if each]
    if "/" not in pattern.rstrip("/"):
        parts.insert(0, "**")
    if parts[-1] == "**":  # all that is in a folder, as with a slash at the end
        is_folder = parts.pop() == "**"
    return (*parts, *(("*", "**") if is_folder else () if is_flat else ("**",)))


def _word(parts: Sequence[str]) -> str:
    """Return the longest stretch without a mark that is in every path that matches."""
    texts = [_plain(text) for part in parts for text in re.split(r"(?<!\\)[*?]+", part)]
    return max(texts, key=len)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _is_like(part: str, name: str) -> bool:
    """True if a name is like a part of a pattern, in which `*` is any text and `?` a character."""
    if "*" not in part and "?" not in part and "\\" not in part:
        return part == name
    return _fits(re.findall(r"\\.|[^\\]", part), name, "*", _is_character)


def _is_character(mark: str, character: str) -> bool:
    return mark == "?" or mark[-1] == character


def _fits(
    pattern: Sequence[str], told: Sequence[_T], star: str, fits: Callable[[str, _T], bool]
) -> bool:
    """True if each of what is told fits the pattern, in which a star stands for any number.

    Only the last star is ever taken longer, so that time is at most the product of both.
    """
    at = seen = mark = 0
    last = -1
    while seen < len(told):
        if at < len(pattern) and pattern[at] == star:
            last, mark = at, seen
            at += 1
        elif at < len(pattern) and fits(pattern[at], told[seen]):
            at, seen = at + 1, seen + 1
        elif last >= 0:
            mark += 1
            at, seen = last + 1, mark
        else:
            return False
    return all(each == star for each in pattern[at:])
