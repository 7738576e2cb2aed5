"""The files of one attempt: artifacts that come in, and artifacts that go out."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from engine.artifacts import Artifacts
from engine.core.plan import Artifact
from engine.core.values import Json
from engine.errors import Invalid, NotFound, SarkError, Unavailable


def received(arguments: Json, pointers: Sequence[str], artifacts: Artifacts) -> Json:
    """Return arguments with the artifacts at these pointers as paths on this machine.

    A word of a pointer may be `*`. Raise Invalid, with the place, for anything but an artifact
    there, and for one that the store has not.
    """
    for pointer in pointers:
        arguments = _replaced(arguments, pointer.split("/")[1:], "", artifacts)
    return arguments


def kept(
    wanted: Sequence[Artifact], given: Mapping[str, Path], folder: Path | None, artifacts: Artifacts
) -> dict[str, Json]:
    """Keep the artifacts that a step declares; return the reference to each by its name.

    `given` are the operation's files by name, `folder` is the attempt's, where one was made.
    Raise Invalid for a file that is not there or cannot be kept, Unavailable for a store that
    cannot be written. It blocks.
    """
    references: dict[str, Json] = {}
    for each in wanted:
        path = _given(each, given) if each.source else _inside(each, folder)
        references[each.name] = artifacts.keep(path, each.name, each.media_type, each.retain)
    return references


def left(wanted: Sequence[Artifact], folder: Path, artifacts: Artifacts) -> dict[str, Json]:
    """Keep what a failed attempt has left at the paths that its step declares, as far as it can be.

    What is not there is no other failure than the one that is told. It blocks.
    """
    references: dict[str, Json] = {}
    for each in wanted:
        if not each.source:
            with suppress(SarkError):
                references.update(kept([each], {}, folder, artifacts))
    return references


def prolong(
    wanted: Sequence[Artifact], references: Mapping[str, Json], artifacts: Artifacts
) -> None:
    """Retain files that were kept earlier as long as if they were kept now.

    Raise NotFound for one that is gone, Unavailable for a store that cannot be written. It blocks.
    """
    for each in wanted:
        artifacts.prolong(references.get(each.name), each.retain)


def _replaced(value: Json, words: list[str], place: str, artifacts: Artifacts) -> Json:
    if not words:
        try:
            return str(artifacts.path(value).absolute())
        except (Invalid, NotFound) as error:
            raise Invalid(f"{place}: {error}") from None
    first, *rest = words
    if isinstance(value, Mapping):
        return {
            name: _replaced(each, rest, f"{place}/{name}", artifacts)
            if first in ("*", name)
            else each
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [
            _replaced(each, rest, f"{place}/{position}", artifacts)
            if first in ("*", str(position))
            else each
            for position, each in enumerate(value)
        ]
    return value


def _given(wanted: Artifact, given: Mapping[str, Path]) -> Path:
    try:
        return given[wanted.source]
    except KeyError:
        found = ", ".join(sorted(given)) or "none"
        words = f"the operation gave no file {wanted.source!r}; it gave {found}"
        raise Invalid(f"artifact {wanted.name!r}: {words}") from None
    except OSError as error:
        words = f"artifact {wanted.name!r} cannot be written: {error.strerror}"
        raise Unavailable(words) from error


def _inside(wanted: Artifact, folder: Path | None) -> Path:
    """Return the file at a path in the attempt's folder; no link may lead out of it."""
    told = f"artifact {wanted.name!r}: {wanted.path!r}"
    if folder is None:
        raise Invalid(f"{told} is in the folder of the attempt, and the operation made none")
    try:
        path = (folder / wanted.path).resolve(strict=True)
    except (OSError, RuntimeError):
        raise Invalid(f"{told} is not in the folder of the attempt when the step ends") from None
    if not path.is_relative_to(folder.resolve()):
        raise Invalid(f"{told} leads out of the folder of the attempt")
    return path
