"""What is wrong with the specs of a work tree; what was found out before is not looked at again."""

import hashlib
from collections.abc import Mapping
from functools import cache, partial

from engine.cli import crew, memo
from engine.cli.folder import Beside, Given
from engine.core.commit import findings
from engine.core.diagnostic import Diagnostic
from engine.tree import File, Survey, Surveyed, Tree, Units

_FILE = "file"


def findings_of(given: Given, *, is_cached: bool) -> list[Diagnostic]:
    """Return what is wrong with the specs, by file and then between files."""
    return look(given, is_cached=is_cached)[0]


def look(given: Given, *, is_cached: bool) -> tuple[list[Diagnostic], frozenset[str]]:
    """Return the same, and the files that the specs name."""
    if not is_cached:
        return _look(given, {})
    known = memo.opened(given.root)
    found = _look(given, known)
    known.save(all_=given.is_whole)
    return found


def files(texts: Mapping[str, bytes]) -> dict[str, File]:
    """Return specs with the ids of their contents, by their names."""
    return {
        name: File(name, hashlib.sha256(data).hexdigest(), data) for name, data in texts.items()
    }


def _look(given: Given, known: Units) -> tuple[list[Diagnostic], frozenset[str]]:
    beside = Beside(given.root)

    def among(texts: Mapping[str, bytes]) -> tuple[frozenset[str], list[Diagnostic]]:
        batch = partial(crew.batch, beside)
        units = Tree(files(texts), _surveyed, "", known, beside, batch=batch).units().values()
        found = [told for unit in units for told in unit.diagnostics]
        documents = [told for unit in units for told in unit.documents]
        asked = (each for unit in units for each in unit.asked)
        names = frozenset(each.name for each in asked if each.about == _FILE)
        return names, [*found, *findings(documents)]

    names, found = given.among(among)
    return found, names


def _surveyed(path: str, source: bytes) -> Surveyed:
    """Return a file that nothing is known of."""
    return _compiler()(path, source)


@cache
def _compiler() -> Survey:
    """Return what surveys files; the compiler is imported for the first of them."""
    from engine.core.facts import Catalogue
    from engine.operations import catalogue
    from engine.source import surveyed

    return partial(surveyed, Catalogue(catalogue()))
