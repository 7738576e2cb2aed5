"""What is wrong with the specs of a work tree; what was found out before is not looked at again."""

import gc
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from engine.cli import crew, memo
from engine.cli.folder import Beside, Given
from engine.core.commit import findings
from engine.core.diagnostic import Diagnostic
from engine.tree import File, Surveyed, Tree, Units

if TYPE_CHECKING:
    from engine.core.facts import Catalogue


def findings_of(given: Given, *, is_cached: bool) -> list[Diagnostic]:
    """Return what is wrong with the specs, by file and then between files."""
    if not is_cached:
        with _uncollected():
            return _findings(given, {})
    with _uncollected():
        known = memo.opened(given.root)
        found = _findings(given, known)
        known.save(all_=given.is_whole)
    return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no cycles be looked for: a check is short, and what it makes stays until its end."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def files(texts: Mapping[str, bytes]) -> dict[str, File]:
    """Return specs with the ids of their contents, by their names."""
    return {
        name: File(name, hashlib.sha256(data).hexdigest(), data) for name, data in texts.items()
    }


def _findings(given: Given, known: Units) -> list[Diagnostic]:
    beside = Beside(given.root)

    def look(texts: Mapping[str, bytes]) -> tuple[None, list[Diagnostic]]:
        batch = partial(crew.batch, beside)
        units = Tree(files(texts), _surveyed, "", known, beside, batch=batch).units()
        found = [told for unit in units.values() for told in unit.diagnostics]
        documents = [told for unit in units.values() for told in unit.documents]
        return None, [*found, *findings(documents)]

    return given.among(look)[1]


def _surveyed(path: str, source: bytes) -> Surveyed:
    """Return a file that nothing is known of; the compiler is imported for the first of them."""
    from engine.source import surveyed

    return surveyed(_catalogue(), path, source)


@cache
def _catalogue() -> "Catalogue":
    from engine.core.facts import Catalogue
    from engine.operations import catalogue

    return Catalogue(catalogue())
