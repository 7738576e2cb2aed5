"""`sark lsp` as an editor meets it: a process, spoken to over stdin and stdout."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: demo
inputs:
  count: {type: integer, default: 3}
secrets: [token]
steps:
  fetch: {uses: http.request@1, with: {url: "https://example.org/", auth: {bearer: "{{ secrets.token }}"}}}
  say:
    uses: echo.say@1
    needs: [fetch]
    if: inputs.count > 2
    with:
      message: "ü {{ steps.fetch.outputs.status }} {{ inputs.count }}"
"""  # noqa: E501


class Editor:
    """A client that writes JSON-RPC by hand."""

    def __init__(self, root: Path, process: asyncio.subprocess.Process) -> None:
        self.root = root
        self.published: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._process = process
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._versions: dict[str, int] = {}
        self._reading = asyncio.create_task(self._read())

    async def ask(self, method: str, params: object) -> Any:
        number = len(self._answers) + 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        self._send({"id": number, "method": method, "params": params})
        answer = await asyncio.wait_for(self._answers[number], 180)
        assert "error" not in answer, answer
        return answer["result"]

    def tell(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    async def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Open a file with this text; return what is found in it."""
        document = {"uri": self.uri(name), "languageId": "yaml", "version": 0, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return await self.found(name)

    async def type(self, name: str, text: str) -> list[dict[str, Any]]:
        """Replace the whole text; return what is found in it."""
        self.write(name, text)
        return await self.found(name)

    def write(self, name: str, text: str) -> None:
        self._versions[name] = self._versions.get(name, 0) + 1
        document = {"uri": self.uri(name), "version": self._versions[name]}
        changes = {"textDocument": document, "contentChanges": [{"text": text}]}
        self.tell("textDocument/didChange", changes)

    async def found(self, name: str) -> list[dict[str, Any]]:
        while True:
            told = await asyncio.wait_for(self.published.get(), 180)
            if told["uri"] == self.uri(name):
                found: list[dict[str, Any]] = told["diagnostics"]
                return found

    async def at(self, what: str, name: str, text: str, mark: str, **more: object) -> Any:
        """Ask about the place in a text at the end of the first `mark`."""
        before = text[: text.index(mark) + len(mark)]
        line = before.count("\n")
        column = len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
        place = {"textDocument": {"uri": self.uri(name)},
                 "position": {"line": line, "character": column}, **more}  # fmt: skip
        return await self.ask(f"textDocument/{what}", place)

    async def words(self, name: str, text: str, mark: str) -> dict[str, str]:
        """Return what is offered there, with its type."""
        told = await self.at("completion", name, text, mark)
        return {each["label"]: each.get("detail", "") for each in told}

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while line := await stream.readline():
            if not line.lower().startswith(b"content-length"):
                continue
            size = int(line.split(b":")[1])
            while (await stream.readline()).strip():
                pass
            message = json.loads(await stream.readexactly(size))
            if message.get("method") == "textDocument/publishDiagnostics":
                self.published.put_nowait(message["params"])
            elif "method" not in message:
                self._answers[message["id"]].set_result(message)


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[Editor]:
    """Start the server for a work tree, and see it end well."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine.cli", "lsp",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    editor = Editor(root, process)
    folders = [{"uri": root.as_uri(), "name": "specs"}]
    await editor.ask("initialize", {"processId": None, "rootUri": root.as_uri(),
                                    "capabilities": {}, "workspaceFolders": folders})  # fmt: skip
    editor.tell("initialized", {})
    yield editor
    await editor.ask("shutdown", None)
    editor.tell("exit", None)
    assert 0 == await asyncio.wait_for(process.wait(), 180)


@pytest.fixture
def session(tmp_path: Path) -> Callable[[Callable[[Editor], Awaitable[None]]], None]:
    """Run what an editor does."""
    (tmp_path / ".git").mkdir()

    async def run(act: Callable[[Editor], Awaitable[None]]) -> None:
        async with opened(tmp_path) as editor:
            await act(editor)

    return lambda act: asyncio.run(run(act))


Session = Callable[[Callable[[Editor], Awaitable[None]]], None]


def test_findings_follow_the_text(session: Session) -> None:
    """
    What is wrong shows when a file is opened, with code and place, and goes when it is mended.
    """

    async def act(editor: Editor) -> None:
        (found,) = await editor.open("a.yaml", SPEC.replace("fetch.outputs", "fetc.outputs"))
        again = await editor.type("a.yaml", SPEC)

        start, end = found["range"]["start"], found["range"]["end"]
        assert ("unknown-step", 1, "sark") == (found["code"], found["severity"], found["source"])
        assert (13, 21, 46) == (start["line"], start["character"], end["character"])
        assert 'did you mean "fetch"?' in found["message"]
        assert "sark explain unknown-step" in found["message"]
        assert [] == again

    session(act)


def test_a_file_is_checked_among_those_of_its_commit(session: Session, tmp_path: Path) -> None:
    """
    The other specs of the work tree count, as they are on disk or as the editor has them unsaved.
    """
    caller = SPEC.replace("uses: echo.say@1", "call: other").replace("name: demo", "name: caller")
    other = SPEC.replace("name: demo", "name: other").replace("count", "message")
    (tmp_path / "other.yaml").write_text(other)

    async def act(editor: Editor) -> None:
        first = await editor.open("a.yaml", caller)
        await editor.open("other.yaml", other)
        editor.write("other.yaml", other.replace("name: other", "name: another"))
        renamed = await editor.found("a.yaml")
        while "unknown-workflow" not in {each["code"] for each in renamed}:
            renamed = await editor.found("a.yaml")

        assert "unknown-workflow" not in {each["code"] for each in first}
        place = await editor.at("definition", "a.yaml", caller, "call: oth")
        assert [] == place

    session(act)


def test_what_is_no_spec_is_let_be(session: Session) -> None:
    """
    An editor hands over every YAML file; one that is no spec of ours has no findings.
    """

    async def act(editor: Editor) -> None:
        assert [] == await editor.open("compose.yaml", "services: {web: {image: nginx}}\n")

    session(act)


_HALF: list[tuple[str, dict[str, str]]] = [
    ("{{ steps.fetch.outputs.", {"status": "integer", "body": "anything"}),
    ("{{ steps.fetch.", {"succeeded": "boolean"}),
    ("{{ inputs.", {"count": "integer"}),
    ("{{ secrets.to", {"token": "string"}),
    ("{{ run.", {"id": "string"}),
    ("{{ in", {"inputs": "{count: integer}", "join": "join(value, [separator])"}),
    ("{{ inputs.count | de", {"default": "default(value, [default_value], [boolean])"}),
]


def test_names_are_offered_in_half_an_expression(session: Session) -> None:
    """
    Inside `{{ }}` all that may be read there is offered with its type, while nothing parses yet.
    """

    async def act(editor: Editor) -> None:
        await editor.open("a.yaml", SPEC)
        for typed, expected in _HALF:
            text = SPEC[: SPEC.index("{{ steps.fetch")] + typed
            await editor.type("a.yaml", text)
            told = await editor.words("a.yaml", text, typed)

            found = {name: told[name] for name in expected}
            assert expected == found

    session(act)


_KEYS = [
    ("", "    ret", "retry", "uses"),
    ("", "    if: inputs.", "count", "steps"),
    ("", "    uses: ech", "echo.say@1", "if"),
    ("", "    effect: ", "read", "if"),
    ("finally:", "\n  steps:\n    last: {uses: http.request@1, with: {me", "method", "message"),
    ("finally:", "\n  steps:\n    last: {uses: http.request@1, with: {method: ", "GET", "url"),
    ("triggers:", "\n  hook: {type: webhook, ", "auth", "calendar"),
    ("", "    needs: [", "fetch", "say"),
    ("", '    env: {A: "{{ steps.', "fetch", "say"),
]


def test_keys_and_words_are_offered(session: Session) -> None:
    """
    Keys, operations, their arguments and the words of a key come from the published schema.
    """

    async def act(editor: Editor) -> None:
        await editor.open("a.yaml", SPEC)
        for before, typed, offered, not_offered in _KEYS:
            text = f"{SPEC}{before}{typed}"
            await editor.type("a.yaml", text)
            told = await editor.words("a.yaml", text, f"{before}{typed}")
            assert (True, False) == (offered in told, not_offered in told)

    session(act)


_HOVERS = [
    ("{{ steps.fetch.outputs.stat", "steps.fetch.outputs.status: integer"),
    ("{{ inputs.co", "inputs.count: integer"),
    ("if: inputs.co", "inputs.count: integer"),
    ("uses: echo", "**echo.say@1**"),
    ("    nee", "Steps that must end before this one"),
    ("with: {ur", "URL"),
]


def test_hover_tells_types_and_prose(session: Session) -> None:
    """
    Under the pointer stand the type of a name, what a key is for, and what an operation does.
    """

    async def act(editor: Editor) -> None:
        await editor.open("a.yaml", SPEC)
        for mark, expected in _HOVERS:
            told = await editor.at("hover", "a.yaml", SPEC, mark)

            assert expected.lower() in told["contents"]["value"].lower()

    session(act)


_LEADS = [
    ("{{ steps.fet", 7, [7, 10, 13]),
    ("needs: [fet", 7, [7, 10, 13]),
    ("  fet", 7, [7, 10, 13]),
    ("{{ inputs.co", 4, [4, 11, 13]),
    ("{{ secrets.to", 5, [5, 7]),
]


def test_names_lead_to_where_they_are_declared(session: Session) -> None:
    """
    A name leads to its step, input or secret, and from there to all that read it.
    """

    async def act(editor: Editor) -> None:
        await editor.open("a.yaml", SPEC)
        for mark, line, lines in _LEADS:
            (found,) = await editor.at("definition", "a.yaml", SPEC, mark)
            context = {"context": {"includeDeclaration": True}}
            read = await editor.at("references", "a.yaml", SPEC, mark, **context)

            assert line == found["range"]["start"]["line"]
            assert lines == sorted(each["range"]["start"]["line"] for each in read)

    session(act)


def test_a_call_leads_to_the_workflow(session: Session, tmp_path: Path) -> None:
    """
    `call: other` opens the file of that workflow.
    """
    caller = SPEC.replace("uses: echo.say@1", "call: other")
    (tmp_path / "other.yaml").write_text(SPEC.replace("name: demo", "name: other"))

    async def act(editor: Editor) -> None:
        await editor.open("a.yaml", caller)
        (found,) = await editor.at("definition", "a.yaml", caller, "call: oth")

        assert (editor.uri("other.yaml"), 2) == (found["uri"], found["range"]["start"]["line"])

    session(act)


def test_a_fix_is_offered(session: Session) -> None:
    """
    A misspelt word has a quick fix that replaces just that word.
    """

    async def act(editor: Editor) -> None:
        text = SPEC.replace("fetch.outputs", "fetc.outputs")
        (found,) = await editor.open("a.yaml", text)
        (action,) = await editor.ask("textDocument/codeAction", {
            "textDocument": {"uri": editor.uri("a.yaml")}, "range": found["range"],
            "context": {"diagnostics": [found]},
        })  # fmt: skip

        (edit,) = action["edit"]["changes"][editor.uri("a.yaml")]
        place = edit["range"]
        assert ("fetch", True) == (edit["newText"], action["isPreferred"])
        assert (27, 31) == (place["start"]["character"], place["end"]["character"])

    session(act)


def test_nothing_that_is_typed_stops_the_server(session: Session) -> None:
    """
    Whatever is typed, deleted and asked for, in whatever order, the server goes on.
    """
    chance = random.Random(7)
    bits = ["{{ ", " }}", "{", "}", "[", "]", ":", ": ", "- ", "\n", "\n  ", '"', "'", "steps.",
            "inputs.", "😀", "---\n", "|\n", "#", "\t", "\r\n", "uses: ", "a", "\x00"]  # fmt: skip

    async def act(editor: Editor) -> None:
        text = SPEC
        await editor.open("a.yaml", text)
        for turn in range(60):
            at = chance.randrange(len(text) + 1)
            end = at + chance.choice([0, 0, 1, 5, 40])
            text = text[:at] + chance.choice(bits) + text[end:]
            if turn % 25 == 24:
                text = SPEC
            editor.write("a.yaml", text)
            mark = text[: chance.randrange(len(text))]
            for what in ("completion", "hover", "definition", "references"):
                more = {"context": {"includeDeclaration": True}} if what == "references" else {}
                await editor.at(what, "a.yaml", text, mark, **more)

        found = await editor.type("a.yaml", SPEC)
        while found:  # what was typed before is told first
            found = await editor.found("a.yaml")

    session(act)
