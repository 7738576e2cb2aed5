"""What one file compiles to."""

from dataclasses import replace

from engine.core.commit.declared import Declared, Kind
from engine.core.commit.neighbour import Question
from engine.core.diagnostic import Diagnostic, Related
from engine.core.frozen import frozen


@frozen
class Unit:
    """What one file compiles to: its documents, and all findings by their place.

    It depends on the file's bytes, on the catalogue, and on the answers to what it `asked` of its
    commit, and on nothing else.
    """

    file: str
    documents: tuple[Declared, ...]
    diagnostics: tuple[Diagnostic, ...]
    asked: tuple[Question, ...] = ()

    @property
    def workflows(self) -> tuple[Declared, ...]:
        return tuple(each for each in self.documents if each.kind is Kind.WORKFLOW)

    def at(self, file: str) -> "Unit":
        """Return the same for a file of the same content at another path."""
        if file == self.file:
            return self
        documents = tuple(each.at(file) for each in self.documents)
        told = tuple(_told_at(each, file) for each in self.diagnostics)
        return Unit(file, documents, told, self.asked)


def _told_at(diagnostic: Diagnostic, file: str) -> Diagnostic:
    related = (Related(replace(each.span, file=file), each.message) for each in diagnostic.related)
    fix = diagnostic.fix and replace(diagnostic.fix, span=replace(diagnostic.fix.span, file=file))
    span = replace(diagnostic.span, file=file)
    return replace(diagnostic, span=span, related=tuple(related), fix=fix)
