"""What the compiler knows of a template before anything is rendered."""

import json
from collections.abc import Mapping

import pytest

from adapters.contract import Json
from engine.operations import catalogue
from engine.source import File, compile_files

VALUES: Mapping[str, Json] = {"name": "Ann", "items": [{"n": 1}]}


def found(template: str, values: Json = VALUES) -> list[tuple[str, str, str]]:
    """Return what is said of a step with this template: the code, what is marked, the hint."""
    told = json.dumps({"template": template, "values": values})
    text = (
        "apiVersion: sark/v1\nkind: Workflow\nname: a\nsteps:\n"
        "  first: {set: {x: {value: {a: 1}}}}\n"
        f"  a: {{uses: text.render@1, with: {told}}}\n"
    )
    lines = text.splitlines()
    return [
        (each.code, lines[each.span.line - 1][each.span.column - 1 : each.span.end - 1], each.hint)
        for each in compile_files([File("a.yaml", "", text.encode())], catalogue()).diagnostics
    ]


@pytest.mark.parametrize(
    ("template", "marked", "hint"),
    [
        ("Hello, {{ nmae }}!", "nmae", 'did you mean "name"?'),
        ("{{nmae | upper}}", "nmae", 'did you mean "name"?'),
        ("{{- other.n }}", "other", "add it to `values`: `other: ...`"),
        ("{% for each in itmes %}{{ each.n }}{% endfor %}", "itmes", 'did you mean "items"?'),
        ("{% if nmae %}x{% elif name %}y{% endif %}", "nmae", 'did you mean "name"?'),
        ("{{ 'nmae' ~ name[nmae] }}", "nmae", 'did you mean "name"?'),
        ("{% set day = dya %}{{ day }}", "dya", "add it to `values`: `dya: ...`"),
        ("{{ hour }}{% set hour = 1 %}", "hour", "add it to `values`: `hour: ...`"),
        ("{{ name | default(nmae) }}", "nmae", 'did you mean "name"?'),
        ("{{ name | default(value=nmae) }}", "nmae", 'did you mean "name"?'),
        ("{{ (nmae ~ 'x') | default('y') }}", "nmae", 'did you mean "name"?'),
        ("a\n  {{ name }}\nb {{ nmae }}", '"template"', 'did you mean "name"?'),
        ("{% for each in items %}{{ ecah.n }}{% endfor %}", "ecah", 'did you mean "each"?'),
    ],
)
def test_a_name_that_no_value_has_is_found_before_it_is_rendered(
    template: str, marked: str, hint: str
) -> None:
    """
    A slip of the finger in a template is known before merge, where it stands.
    """
    assert [("unknown-name", marked, hint)] == found(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ name }} {{- name.first | upper -}} {{ 'x' ~ name }} {{ true }}",
        "{% for each in items %}{{ loop.index }} {{ each.n }}{% endfor %}{{ range(3) | join }}",
        "{%- for (key, value) in name %}{{ key }}{{ value }}{% endfor %}",
        "{% set day = 1 %}{{ day }}",
        "{% for each in items if each.n > 1 %}{{ each.n }}{% else %}{{ name }}{% endfor %}",
        "{% for run in items %}{{ run.n }}{% endfor %}{{ 'run.id' }}",
        "{{ name[0].x | default('x') }} {{ away.x[0] | default('x') }}",
        "{{ away.first.x if away.first is defined else name }}",
        "{{ away | default('x') }} {{ name if away is defined else away }}",
        "{% if away is not defined %}-{% else %}{{ away }}{% endif %}",
        "{% raw %}{{ away }}{% endraw %}",
        "{# {{ away }} #}",
    ],
)
def test_what_a_template_may_read_is_no_finding(template: str) -> None:
    """
    Values, loops and sets are there, what is tested may be away, and braces may be plain text.
    """
    assert [] == found(template)


def test_values_that_are_known_only_in_a_run_are_believed() -> None:
    """
    Where `values` is one template nobody knows yet which names it has.
    """
    assert [] == found("{{ anything }}", "{{ steps.first.outputs.x }}")


@pytest.mark.parametrize("template", ["{{ run.id }}", "{{ inputs.x | default('a') }}", "{{ run }}"])
def test_a_template_reads_no_name_of_the_run(template: str) -> None:
    """
    What a run knows is handed over through `values`, under whatever name.
    """
    hint = (
        "hand the value over as data (`env`, `argv`, `values`, `params`), and read it in the code"
    )
    name = "inputs" if "inputs" in template else "run"

    assert [("template-in-code", name, hint)] == found(template)
    assert [] == found(template, {"run": {"id": 1}, "inputs": {}})


def test_a_template_that_is_none_is_told_of_once() -> None:
    """
    Where a template cannot be read, nobody knows what it reads.
    """
    assert ["bad-code"] == [code for code, _, _ in found("{{ nmae }} {% include 'x' %}")]
