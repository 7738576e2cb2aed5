"""The language server: specs checked while they are written, by the compiler that checks commits.

It speaks the Language Server Protocol 3.17 on stdin and stdout.
"""

import asyncio
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from adapters.contract import Manifest
from engine.cli.editor import leading, showing
from engine.cli.editor.described import Described
from engine.cli.editor.workspace import Workspace, relative, root_of
from engine.core.diagnostic import Diagnostic, Severity, Span
from engine.core.published import json_schema
from engine.core.rendering.excerpt import line_starts, lines_of
from engine.operations import catalogue

# A check begins when nobody has typed for so long, in seconds.
QUIET = 0.1
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_SORTS = {
    "key": types.CompletionItemKind.Property,
    "name": types.CompletionItemKind.Variable,
    "function": types.CompletionItemKind.Function,
    "operation": types.CompletionItemKind.Module,
    "word": types.CompletionItemKind.EnumMember,
}


class Server(LanguageServer):
    """One editor: the roots that it has files of, and when to check them next."""

    def __init__(self) -> None:
        super().__init__("sark", version("sark-engine"))
        self.operations: dict[str, Manifest] = dict(catalogue())
        self.described = Described(json_schema(self.operations))
        self.spaces: dict[Path, Workspace] = {}
        self.found: dict[str, list[Diagnostic]] = {}
        self._due: dict[Path, asyncio.TimerHandle] = {}

    def space(self, uri: str) -> tuple[Workspace, str]:
        """Return the work tree of a file, and its path there; a new one is read."""
        file = _path(uri)
        folders = [_path(each) for each in self.workspace.folders]
        root = root_of(file, folders)
        if root not in self.spaces:
            self.spaces[root] = Workspace(root, self.operations)
            self.spaces[root].look()
        return self.spaces[root], relative(file, root)

    def changed(self, uri: str) -> None:
        """Take over the text of a file, and check its work tree soon."""
        space, path = self.space(uri)
        space.open(path, self.workspace.get_text_document(uri).source)
        self.soon(space)

    def closed(self, uri: str) -> None:
        """Let a file speak for itself again."""
        space, path = self.space(uri)
        space.close(path)
        self._publish(uri, [], space)
        self.soon(space)

    def soon(self, space: Workspace) -> None:
        """Check a work tree when the editor has been quiet for a moment."""
        if space.root in self._due:
            self._due[space.root].cancel()
        loop = asyncio.get_running_loop()
        self._due[space.root] = loop.call_later(QUIET, self.check, space)

    def check(self, space: Workspace) -> None:
        """Tell the editor what is wrong with the files of a work tree that it has open."""
        due = self._due.pop(space.root, None)
        if due is not None:
            due.cancel()
        for path, found in space.findings().items():
            self._publish((space.root / path).as_uri(), found, space)

    def settled(self, uri: str) -> tuple[Workspace, str]:
        """Return what `space` does, with the last keystrokes looked at."""
        space, path = self.space(uri)
        if space.root in self._due:
            self.check(space)
        return space, path

    def _publish(self, uri: str, found: list[Diagnostic], space: Workspace) -> None:
        self.found[uri] = found
        told = [self.told(each, space) for each in found]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, told))

    def told(self, each: Diagnostic, space: Workspace) -> types.Diagnostic:
        """Return a finding as the editor shows it."""
        notes = [each.message, f"expected: {each.expected}" if each.expected else "", each.hint]
        notes.append(f"More: sark explain {each.code}")
        related = [
            types.DiagnosticRelatedInformation(self.location(other.span, space), other.message)
            for other in each.related
        ]
        return types.Diagnostic(
            range=self.range(each.span, space),
            message="\n".join(filter(None, notes)),
            severity=_SEVERITIES[each.severity],
            code=each.code,
            source="sark",
            related_information=related or None,
        )

    def location(self, span: Span, space: Workspace) -> types.Location:
        """Return a place as the editor counts."""
        return types.Location((space.root / span.file).as_uri(), self.range(span, space))

    def range(self, span: Span, space: Workspace) -> types.Range:
        """Return a stretch of a line as the editor counts: by its own units, from 0."""
        lines = lines_of(space.text(span.file))
        line = lines[span.line - 1] if span.line <= len(lines) else ""
        units = self.workspace.position_codec.client_num_units
        first, last = (units(line[: max(each - 1, 0)]) for each in (span.column, span.end))
        row = span.line - 1
        return types.Range(types.Position(row, first), types.Position(row, max(first, last)))

    def index(self, text: str, position: types.Position) -> int:
        """Return the index in a text of a place as the editor counts."""
        starts = line_starts(text)
        if position.line >= len(starts):
            return len(text)
        begin = starts[position.line]
        line = lines_of(text)[position.line]
        units, width = self.workspace.position_codec.client_num_units, 0
        for column, each in enumerate(line):
            if width >= position.character:
                return begin + column
            width += units(each)
        return begin + len(line)


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path)).absolute()


def serve() -> None:
    """Serve one editor until it says goodbye."""
    made().start_io()


def made() -> Server:
    """Return a server with all that it can do."""
    server = Server()
    _follow(server)
    _answer(server)
    _mend(server)
    return server


def _follow(server: Server) -> None:
    """Let the server follow what is opened, typed, saved and closed."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(told: types.DidOpenTextDocumentParams) -> None:
        server.changed(told.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(told: types.DidChangeTextDocumentParams) -> None:
        server.changed(told.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(told: types.DidCloseTextDocumentParams) -> None:
        server.closed(told.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(told: types.DidSaveTextDocumentParams) -> None:
        space, _ = server.space(told.text_document.uri)
        space.look()
        server.soon(space)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(told: types.DidChangeWatchedFilesParams) -> None:
        for space in server.spaces.values():
            space.look()
            server.soon(space)


def _answer(server: Server) -> None:
    """Let the server answer what is asked of a place."""

    def at(
        document: types.TextDocumentIdentifier, position: types.Position
    ) -> tuple[Workspace, str, int]:
        space, path = server.settled(document.uri)
        return space, path, server.index(space.text(path), position)

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", "{", "|"])
    )
    async def complete(told: types.CompletionParams) -> list[types.CompletionItem]:
        space, path, index = at(told.text_document, told.position)
        items = showing.complete(space, server.described, path, index)
        return [_item(each) for each in items]

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(told: types.HoverParams) -> types.Hover | None:
        space, path, index = at(told.text_document, told.position)
        text = showing.hover(space, server.described, path, index)
        markup = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(markup) if text else None

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def define(told: types.DefinitionParams) -> list[types.Location]:
        space, path, index = at(told.text_document, told.position)
        spans = leading.definition(space, server.described, path, index)
        return [server.location(each, space) for each in spans]

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def refer(told: types.ReferenceParams) -> list[types.Location]:
        space, path, index = at(told.text_document, told.position)
        spans = leading.references(space, server.described, path, index)
        return [server.location(each, space) for each in spans]


def _mend(server: Server) -> None:
    """Let the server offer the fixes of findings."""

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    )
    async def act(told: types.CodeActionParams) -> list[types.CodeAction]:
        uri = told.text_document.uri
        space, _ = server.settled(uri)
        lines = range(told.range.start.line + 1, told.range.end.line + 2)
        found = [each for each in server.found.get(uri, ()) if each.span.line in lines]
        return [_action(server, uri, each, space) for each in found if each.fix is not None]


def _item(each: showing.Item) -> types.CompletionItem:
    return types.CompletionItem(
        each.word,
        kind=_SORTS[each.sort],
        detail=each.detail or None,
        documentation=each.prose or None,
        insert_text=f"{each.word}: " if each.sort == "key" else each.word,
    )


def _action(server: Server, uri: str, each: Diagnostic, space: Workspace) -> types.CodeAction:
    assert each.fix is not None
    edit = types.TextEdit(server.range(each.fix.span, space), each.fix.text)
    return types.CodeAction(
        f"Write `{each.fix.text.strip()}`",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[server.told(each, space)],
        is_preferred=each.fix.is_sure,
        edit=types.WorkspaceEdit(changes={uri: [edit]}),
    )
