"""Files beside the specs: named from the root, checked, and laid into the plan."""

from collections.abc import Mapping

import pytest

from engine.core import codec
from engine.core.commit import Commit, Unit
from engine.core.compiler import compile_survey, compile_workflow, survey
from engine.core.document import load
from engine.core.facts import Catalogue
from engine.core.reader import read
from engine.core.spec import Workflow
from engine.core.values import Json
from tests.core.beside import Files
from tests.core.catalogue import CATALOGUE, Facts
from tests.core.exposed import SECRETS

_TEMPLATE: Json = {"template": {"type": "string", "maxLength": 100}, "values": {"type": "object"}}
_ARGUMENTS: dict[str, Json] = {
    "type": "object",
    "properties": _TEMPLATE,
    "additionalProperties": False,
}
TEXT = Facts("text.render@1", _ARGUMENTS, {"type": "object"}, roles={"/template": ("code",)})
OPERATIONS = Catalogue({**CATALOGUE, TEXT.name: TEXT})
HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\n"
HOOK = """\
triggers:
  hook:
    type: webhook
    path: x
    auth: {{hmac: key}}
    filter: event.body.id == 'x'
    payload: {{$ref: {}}}
  other:
    type: webhook
    path: y
    auth: {{hmac: key}}
    payload: {{type: object}}
steps:
  a: {{uses: echo.say@1, with: {{message: hi}}}}
"""
RENDER = "steps:\n  a: {{uses: text.render@1, with: {{template: {}}}}}\n"
SCHEMA = b'{"type": "object", "properties": {"id": {"type": "string"}}}'


def compiled(text: str, **files: bytes | None) -> Unit:
    """Compile a spec beside these files; `__` in a name is a slash, `_` a point."""
    beside = {name.replace("__", "/").replace("_", "."): each for name, each in files.items()}
    surveyed = survey("deep/demo.yaml", f"{HEAD}{text}".encode())
    return compile_survey(surveyed, OPERATIONS, Commit(surveyed.documents, Files(beside)))


def told(unit: Unit) -> list[tuple[str, str, str]]:
    return [
        (each.code, f"{each.span.line}:{each.span.column}", each.message)
        for each in unit.diagnostics
    ]


def test_a_payload_may_stand_in_a_file() -> None:
    """
    The schema is part of the plan, and what an expression reads is checked against it.
    """
    unit = compiled(HOOK.format("schemas/x.json"), schemas__x_json=SCHEMA)

    [workflow] = unit.workflows
    assert () == unit.diagnostics
    assert workflow.plan is not None
    settings = workflow.plan.triggers[0].settings
    assert isinstance(settings, Mapping)
    assert {"type": "object", "properties": {"id": {"type": "string"}}} == settings["payload"]
    assert ["file"] == [each.about for each in unit.asked]


def test_what_a_file_says_is_checked_like_what_a_spec_says() -> None:
    """
    With another schema in the file, the same filter is an error.
    """
    other = b'{"type": "object", "properties": {"name": {"type": "string"}}}'

    unit = compiled(HOOK.format("x.json"), x_json=other)

    assert ["unknown-property"] == [each.code for each in unit.diagnostics]


def test_a_template_may_stand_in_a_file() -> None:
    """
    Its text is laid into the plan, so that a run renders what its commit held.
    """
    unit = compiled(RENDER.format("templates/note.md.j2"), templates__note_md_j2=b"Hi {{ name }}\n")
    same = compiled(RENDER.format('"Hi {{ name }}\\n"'))

    assert () == unit.diagnostics
    [plan, written] = [each.workflows[0].plan for each in (unit, same)]
    assert plan is not None
    assert written is not None
    assert codec.digest(written) == codec.digest(plan)


@pytest.mark.parametrize(
    "text", ["Hi", "'note.j2 {{ x }}'", "'see note.j2'", "note.txt", '"a\\n.j2"']
)
def test_any_other_text_is_the_template_itself(text: str) -> None:
    """
    Only a path that ends in `.j2`, on one line and with no braces or spaces, is a file.
    """
    unit = compiled(RENDER.format(text))

    assert ((), ()) == (unit.diagnostics, unit.asked)


@pytest.mark.parametrize("operation", ["echo.say@1", "nobody.knows@1"])
def test_only_a_template_is_read_from_a_file(operation: str) -> None:
    """
    A path is just a text for an operation that takes no template.
    """
    unit = compiled(f"steps: {{a: {{uses: {operation}, with: {{template: a.j2}}}}}}\n")

    assert () == unit.asked


def test_files_are_found_in_scopes_within_scopes() -> None:
    """
    A template in a handler or in the body of a loop is laid in like any other.
    """
    handler = "on_failure: [{match: {any: true}, uses: text.render@1, with: {template: gone.j2}}]\n"
    steps = "steps: [{id: a, uses: echo.say@1, with: {message: hi}}]\n"

    found = told(compiled(steps + handler))

    assert ("missing-file", "5:73", 'there is no file "gone.j2" below the root') in found


def test_other_keys_stay_as_they_are() -> None:
    """
    A workflow that names one file keeps all else that it says.
    """
    more = 'labels: {a: b}\nsecrets: []\nowners: [x]\ntitle: "T"\n'

    unit = compiled(more + HOOK.format("x.json"), x_json=SCHEMA)

    [workflow] = unit.workflows
    assert workflow.plan is not None
    assert (("x",), "T") == (workflow.plan.owners, workflow.plan.title)


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("y.json", b"", "missing-file", 'there is no file "y.json" below the root'),
        ("x.json", None, "bad-file", "x.json is over 256 KiB, and was not read"),
        ("x.json", b"{,}", "bad-file", "x.json is not JSON: line 1, column 2: "),
        ("x.json", b"[]", "bad-file", "x.json holds no JSON Schema: expected an object"),
        ("x.json", b'{"type": "x"}', "bad-file", "x.json is no JSON Schema, at #/type: "),
        ("../x.json", b"", "bad-file", '"../x.json" is no path of a file below the root'),
        ("/x.json", b"", "bad-file", '"/x.json" is no path of a file below the root'),
        ("a//x.json", b"", "bad-file", '"a//x.json" is no path of a file below the root'),
        ("./x.json", b"", "bad-file", '"./x.json" is no path of a file below the root'),
        ("a\\x.json", b"", "bad-file", '"a\\x.json" is no path of a file below the root'),
    ],
)
def test_a_schema_that_is_none_is_told_where_it_is_named(
    name: str, content: bytes | None, code: str, message: str
) -> None:
    """
    What is wrong with the file is told at the `$ref`, once, and what it is read for is let be.
    """
    [found] = told(compiled(HOOK.format(f"'{name}'"), x_json=content))

    assert (code, "10:21") == found[:2]
    assert found[2].startswith(message)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"\xff", "bad-file", "a.j2 is not UTF-8: byte 1"),
        (b"x" * 101, "bad-argument", "`template` of text.render@1 is not as it must be: "),
    ],
)
def test_a_template_that_is_none_is_told(content: bytes, code: str, message: str) -> None:
    """
    A file is held against what the operation takes, as if its text stood in the spec.
    """
    [found] = told(compiled(RENDER.format("a.j2"), a_j2=content))

    assert (code, "5:45") == found[:2]
    assert found[2].startswith(message)


def test_a_secret_in_a_file_is_told_and_not_laid_in() -> None:
    """
    What is written into a file beside the specs is found as well: at the place that names it, with
    the line of the file, and the plan does not have it.
    """
    secret = SECRETS["a token of GitHub"]
    unit = compiled(RENDER.format("a.j2"), a_j2=f"Hi\n{secret}\n".encode())

    message = "line 2 of a.j2 holds what looks like a token of GitHub"
    assert [("secret-in-spec", "5:45", message)] == told(unit)
    assert secret not in repr(unit.documents)


def test_a_reference_within_a_schema_is_not_a_file() -> None:
    """
    `#/...` leads to another part of the same schema, as ever.
    """
    unit = compiled(HOOK.format("'#/$defs/x'"))

    assert () == unit.asked


def test_a_workflow_alone_takes_a_file_for_anything() -> None:
    """
    Whoever has one document and nothing around it can compile it all the same, as `sark fmt` does.
    """
    [document], _ = load(f"{HEAD}{HOOK.format('gone.json')}".encode(), "demo.yaml")
    workflow, _ = read(document)
    assert isinstance(workflow, Workflow)

    made = compile_workflow(document, workflow, OPERATIONS)

    assert (True, []) == (made.plan is not None, made.diagnostics)
