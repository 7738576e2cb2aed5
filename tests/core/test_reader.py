"""The reader: what a document says, and what there is to say of it."""

import pytest

from engine.core import spec
from engine.core.diagnostic import MAX_FINDINGS, Diagnostic, Severity
from engine.core.document import load
from engine.core.reader import CODES, read

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: w\n"
STEPS = "steps: {a: {uses: echo.say@1}}\n"


def findings(text: str) -> list[Diagnostic]:
    documents, found = load(text.encode(), "w.yaml")
    assert found == []
    workflow, told = read(documents[0])
    assert (workflow is None) == any(each.severity is Severity.ERROR for each in told)
    assert {each.code for each in told} <= CODES.keys() | {"too-many-findings"}
    return told


def workflow(text: str) -> spec.Workflow:
    documents, found = load(text.encode(), "w.yaml")
    made, told = read(documents[0])
    assert (found, told) == ([], [])
    assert isinstance(made, spec.Workflow)
    return made


def test_a_string_key_takes_what_is_written() -> None:
    """
    No text turns into a boolean, a number or a date because of how it looks.
    """
    made = workflow(
        f"{HEAD}title: 1.10\nowners: [NO, 014, on, 2026-01-02]\n"
        f"labels: {{country: NO, none: null, empty: ''}}\ndescription: '{{{{ braces }}}}'\n{STEPS}"
    )

    assert made.title == "1.10"
    assert made.owners == ["NO", "014", "on", "2026-01-02"]
    assert made.labels == {"country": "NO", "none": "null", "empty": ""}
    assert made.description == "{{ braces }}"


TYPED = (
    f"{HEAD}inputs:\n"
    "  python: {type: string, enum: [3.9, 3.10, NO], examples: [3.10]}\n"
    "  rate: {type: number, enum: [1.10]}\n"
    "  tag:\n"
    "    type: object\n"
    "    properties: {v: {type: [string, 'null'], const: 1.10}, n: {type: integer}}\n"
    "    additionalProperties: {type: string, default: on}\n"
    "    items: false\n"
    "    default: {v: 1.10, n: 7, x: 2.20}\n"
    "  x: {anyOf: [{type: string, enum: [1.10]}, {type: integer}, true], properties: [1.1]}\n"
    "steps: {a: {set: {v: {type: string, value: 1.10}, w: {value: 1.10}}}}\n"
    "outputs: {o: {type: array, items: {type: string}, value: [3.10, NO]}}\n"
)


def test_a_value_beside_a_schema_is_of_its_type() -> None:
    """
    A version or a country code in an `enum`, a `const`, or the `value` of `set` and `outputs` is
    a text where the schema says so, as deep as the schema goes; elsewhere it is what YAML says.
    """
    made = workflow(TYPED)

    assert made.inputs == {
        "python": {"type": "string", "enum": ["3.9", "3.10", "NO"], "examples": ["3.10"]},
        "rate": {"type": "number", "enum": [1.1]},
        "tag": {
            "type": "object",
            "properties": {
                "v": {"type": ["string", "null"], "const": "1.10"},
                "n": {"type": "integer"},
            },
            "additionalProperties": {"type": "string", "default": "on"},
            "items": False,
            "default": {"v": "1.10", "n": 7, "x": "2.20"},
        },
        "x": {
            "anyOf": [{"type": "string", "enum": ["1.10"]}, {"type": "integer"}, True],
            "properties": [1.1],
        },
    }
    steps = made.steps
    assert isinstance(steps, dict)
    assert steps["a"].set is not None
    assert [each.value for each in steps["a"].set.values()] == ["1.10", 1.1]
    assert made.outputs["o"].value == ["3.10", "NO"]


def test_an_input_gives_its_default_a_type() -> None:
    """
    A default is typed by the schema beside it: a country code and a version stay texts.
    """
    made = workflow(
        f"{HEAD}{STEPS}inputs:\n"
        "  version: {type: string, default: 1.10}\n"
        "  none: {type: string, default: null}\n"
        "  codes: {type: array, items: {type: string}, default: [no, 014, '1']}\n"
        "  open: {type: array, default: [1, x]}\n"
        "  one: {type: object, properties: {code: {type: string}}, default: {code: on, n: 1}}\n"
        "  odd: {type: [string], default: 1}\n"
    )

    told = {name: each["default"] for name, each in made.inputs.items()}
    assert told == {
        "version": "1.10",
        "none": None,
        "codes": ["no", "014", "1"],
        "open": [1, "x"],
        "one": {"code": "on", "n": 1},
        "odd": "1",
    }


EVERY_KEY = """
triggers:
  hand: {type: manual}
  code: {type: api}
  pushed: {type: github.push, repo: acme/web, branches: [main, '!x'], filter: event.forced}
  hook:
    type: webhook
    path: orders/paid
    auth: {standard: whsec, tolerance: 1m}
    payload: {type: object}
    with: {n: 1, f: 1.5, b: true, z: null, s: "{{ event.body }}"}
  other: {type: webhook, path: x, auth: {hmac: key}}
inputs:
  env: {type: string, default: dev}
steps:
  - id: a
    uses: http.request@1
    with: {url: "https://x", list: [1, [a], {k: NULL}]}
    needs: {b: done}
    join: 2
    if: inputs.env == 'dev'
    optional: true
    timeout: {attempt: 5s}
    retry: {max_attempts: 3, backoff: {factor: 3}, if: error.status == 503}
    outputs: {id: {type: string, from: body.id}}
  - id: b
    set: {x: {type: integer, value: 3}}
    needs: [a]
    join: any
    timeout: 1h30m
finally:
  steps: {c: {uses: echo.say@1}}
outputs:
  x: {type: integer, value: "{{ steps.b.outputs.x }}"}
"""


def test_every_key_reads_into_its_field() -> None:
    """
    Aliases, defaults, unions and free areas arrive in the model as the author meant them.
    """
    made = workflow(HEAD + EVERY_KEY)

    assert isinstance(made.steps, list)
    first, second = made.steps
    assert first.needs == {"b": "done"}
    assert (first.join, first.optional, first.if_) == (2, True, "inputs.env == 'dev'")
    assert spec.Timeout(attempt="5s") == first.timeout
    assert first.with_ == {"url": "https://x", "list": [1, ["a"], {"k": None}]}
    assert first.retry is not None
    assert (
        first.retry.max_attempts,
        first.retry.backoff.factor,
        first.retry.if_,
    ) == (3, 3.0, "error.status == 503")
    assert first.outputs is not None
    assert (
        first.outputs["id"].from_,
        first.outputs["id"].extra,
    ) == ("body.id", {"type": "string"})
    assert (second.join, second.timeout, second.needs) == ("any", "1h30m", ["a"])
    assert second.set is not None
    assert second.set["x"].value == 3
    hook, other = made.triggers["hook"], made.triggers["other"]
    assert isinstance(hook, spec.WebhookTrigger)
    assert isinstance(other, spec.WebhookTrigger)
    assert spec.StandardWebhooksAuth(standard="whsec", tolerance="1m") == hook.auth
    assert spec.HmacAuth(hmac="key") == other.auth
    values = {"n": 1, "f": 1.5, "b": True, "z": None, "s": "{{ event.body }}"}
    assert values == hook.with_
    assert made.finally_ is not None


HOOK = "triggers:\n hook:\n  type: webhook\n  path: a\n "
STEP = "steps:\n  a:\n    uses: echo.say@1\n"

# What stands below `name: w`, then code, line, column, a part of the message, a part of the hint.
TABLE: list[tuple[str, str, int, int, str, str]] = [
    (f"titel: x\n{STEPS}", "unknown-key", 4, 1, '"titel" in the workflow', '"title"?'),
    (f"Title: x\n{STEPS}", "unknown-key", 4, 1, '"Title"', '"title"?'),
    (f"on: push\n{STEPS}", "unknown-key", 4, 1, '"on"', '"triggers"?'),
    (f"zzzzzz: x\n{STEPS}", "unknown-key", 4, 1, '"zzzzzz"', "it takes `apiVersion`, `kind`"),
    (f'"a\\nb": x\n{STEPS}', "unknown-key", 4, 1, '"a\\nb"', "it takes"),
    (f"{STEP}    tiemout: 2m\n", "unknown-key", 7, 5, '"tiemout" in step "a"', '"timeout"?'),
    (f"{STEP}    when: x\n", "unknown-key", 7, 5, '"when" in step "a"', '"if"?'),
    (f"{STEP}    retry: {{a: 1}}\n", "unknown-key", 7, 13, 'in "retry" of step "a"', "it takes"),
    ("title: x\n", "missing-key", 1, 1, 'the workflow has no "steps"', "steps"),
    (f"{STEP}    outputs: {{x: {{type: a}}}}\n", "missing-key", 7, 15, 'has no "from"', "from"),
    ("steps:\n  - uses: echo.say@1\n", "missing-key", 5, 5, 'step 1 has no "id"', "`id: ...`"),
    ("steps: {a: {uses: a.b@1, id: a}}\n", "misplaced-key", 4, 26, '"id"', "the key is the id"),
    ("steps: {a: {name: x}}\n", "no-verb", 4, 9, 'step "a" has no verb', "`uses`, `call`"),
    ("steps:\n  - id: x\n", "no-verb", 5, 5, "step 1 has no verb", "or `rollback`"),
    (f"{STEP}    set: {{}}\n", "two-verbs", 7, 5, "`uses` and `set`", "two steps"),
    (f"title:\n{STEPS}", "missing-value", 4, 1, '"title" has no value', "take the key out"),
    (f"owners:\n  -\n{STEPS}", "missing-value", 5, 4, '"owners[1]" has no value', ""),
    (f"defaults:\n{STEPS}", "missing-value", 4, 1, '"defaults" has no value', ""),
    (f"{STEP}    join:\n", "missing-value", 7, 5, '"join" of step "a"', ""),
    (f"{STEP}    effect:\n", "missing-value", 7, 5, "`pure`, `read`", ""),
    (f"triggers: {{t: {{type: }}}}\n{STEPS}", "missing-value", 4, 16, '"type" of trigger "t"', ""),
    (f"triggers: {{t: {{type: []}}}}\n{STEPS}", "wrong-type", 4, 22, "this is a list", ""),
    (f"title: [x]\n{STEPS}", "wrong-type", 4, 8, "a text; this is a list", "quotes"),
    (f"owners: team\n{STEPS}", "wrong-type", 4, 9, "a list; this is `team`", "`[team]`"),
    (f"owners: 'team'\n{STEPS}", "wrong-type", 4, 9, 'the text "team"', "`[ ]`"),
    (f"owners: {{a: b}}\n{STEPS}", "wrong-type", 4, 9, "a list; this is a mapping", ""),
    (f"labels: [a]\n{STEPS}", "wrong-type", 4, 9, "a mapping; this is a list", ""),
    (f"defaults: x\n{STEPS}", "wrong-type", 4, 11, "a mapping; this is `x`", ""),
    ("steps: {a: x}\n", "wrong-type", 4, 12, 'step "a" takes a mapping', ""),
    ("steps: x\n", "wrong-type", 4, 8, '"steps" takes a mapping or a list', ""),
    (f"{STEP}    needs: b\n", "wrong-type", 7, 12, "a list or a mapping", "`[b]`"),
    (f"{STEP}    timeout: []\n", "wrong-type", 7, 14, "a duration", ""),
    (f"{STEP}    optional: yes\n", "wrong-type", 7, 15, "`true` or `false`", "`true`"),
    (f"{STEP}    optional: Off\n", "wrong-type", 7, 15, "`true` or `false`", "`false`"),
    (f"{STEP}    optional: maybe\n", "wrong-type", 7, 15, "`maybe`", ""),
    (f"{STEP}    optional: 'true'\n", "wrong-type", 7, 15, 'text "true"', "quotes away"),
    (f"{STEP}    optional: []\n", "wrong-type", 7, 15, "a list", ""),
    (f"{STEP}    effect: []\n", "wrong-type", 7, 13, "a list", ""),
    (f"{STEP}    retry: {{max_attempts: '3'}}\n", "wrong-type", 7, 27, "number", "quotes away"),
    (f"{STEP}    retry: {{max_attempts: 1.5}}\n", "wrong-type", 7, 27, "from 1 to 100", ""),
    (f"{STEP}    retry: {{max_attempts: true}}\n", "wrong-type", 7, 27, "`true`", ""),
    (f"{STEP}    retry: {{max_attempts: .nan}}\n", "wrong-type", 7, 27, "`.nan`", ""),
    (f"{STEP}    retry: {{max_attempts: []}}\n", "wrong-type", 7, 27, "a list", ""),
    (f"{STEP}    retry: {{max_attempts: 101}}\n", "bad-value", 7, 27, "`101`", ""),
    (f"{STEP}    retry: {{max_attempts: 0}}\n", "bad-value", 7, 27, "from 1 to 100", ""),
    (f"{STEP}    join: 0\n", "bad-value", 7, 11, "`all`, `any` or a whole number of 1 or more", ""),
    (f"{STEP}    join: some\n", "bad-value", 7, 11, "`some`", ""),
    (f"{STEP}    effect: reed\n", "bad-value", 7, 13, "`pure`", '"read"?'),
    (f"{STEP}    needs: {{b: okay}}\n", "bad-value", 7, 16, '"needs.b" of step "a"', ""),
    (f"timeout: 5 minutes\n{STEPS}", "bad-value", 4, 10, "`5m`", ""),
    (f"timeout: 1234567d\n{STEPS}", "bad-value", 4, 10, "a duration", ""),
    (f"timeout: P\n{STEPS}", "bad-value", 4, 10, "a duration", ""),
    ("steps: {a: {uses: echo.say}}\n", "bad-value", 4, 19, "`name@major`", ""),
    (f"secrets: [API-Key]\n{STEPS}", "bad-value", 4, 11, "`API-Key`", "`api_key`"),
    ("steps: {My-Step: {uses: a.b@1}}\n", "bad-name", 4, 9, 'step "My-Step"', "`my_step`"),
    ("steps: {1a: {uses: a.b@1}}\n", "bad-name", 4, 9, "a letter first", ""),
    (f"inputs: {{x: {{default: .inf}}}}\n{STEPS}", "bad-value", 4, 23, "`.inf`", "quote it"),
    (f"inputs: {{x: {{default: 1e999}}}}\n{STEPS}", "bad-value", 4, 23, "too large", "quote it"),
    (f"inputs: {{x: {{a: [{2**64}]}}}}\n{STEPS}", "bad-value", 4, 18, "64 bits", "quote it"),
    (
        f"inputs: {{x: string}}\n{STEPS}",
        "wrong-type",
        4,
        13,
        'input "x" takes a mapping',
        "`{type: string}`",
    ),
    (f"inputs: {{x: text}}\n{STEPS}", "wrong-type", 4, 13, 'input "x" takes a mapping', ""),
    (f"outputs: {{x: integer}}\n{STEPS}", "wrong-type", 4, 14, "", "`{type: integer, value: ...}`"),
    ("steps: {a: {set: {x: '{{ y }}'}}}\n", "wrong-type", 4, 22, "a mapping", "{value: '{{ y }}'}"),
    ("steps: {a: {uses: '{{ x }}'}}\n", "template-not-allowed", 4, 19, "no template", "write"),
    (f"owners: ['{{{{ x }}}}']\n{STEPS}", "template-not-allowed", 4, 10, "no template", "write"),
    (f"{STEP}    optional: '{{{{ x }}}}'\n", "template-not-allowed", 7, 15, "no template", "write"),
    (f"triggers: {{t: manual}}\n{STEPS}", "wrong-type", 4, 15, "a mapping", "`{type: manual}`"),
    (f"triggers: {{t: often}}\n{STEPS}", "wrong-type", 4, 15, "a mapping", "`{type: ...}`"),
    (f"triggers: {{t: [1]}}\n{STEPS}", "wrong-type", 4, 15, "a mapping", "`{type: ...}`"),
    (f"triggers: {{t: {{}}}}\n{STEPS}", "missing-key", 4, 12, 'has no "type"', "`manual`"),
    (f"triggers: {{t: {{type: manul}}}}\n{STEPS}", "unknown-type", 4, 22, "`manul`", '"manual"?'),
    (f"triggers: {{t: {{type: carrier}}}}\n{STEPS}", "unknown-type", 4, 22, "`carrier`", "`api`"),
    (f"triggers: {{t: {{type: api, path: x}}}}\n{STEPS}", "unknown-key", 4, 27, "path", "`type`"),
    (
        f"{HOOK} auth: {{}}\n{STEPS}",
        "missing-key",
        8,
        3,
        'neither "hmac", "standard" nor "bearer"',
        "add one",
    ),
    (f"{HOOK} auth: {{hmacs: x}}\n{STEPS}", "missing-key", 8, 3, "neither", '"hmac"?'),
    (f"{HOOK} auth: x\n{STEPS}", "wrong-type", 8, 9, "a mapping; this is `x`", ""),
]


@pytest.mark.parametrize(("body", "code", "line", "column", "message", "hint"), TABLE)
def test_each_mistake_has_its_code_place_and_help(
    body: str, code: str, line: int, column: int, message: str, hint: str
) -> None:
    """
    One mistake is one finding, where it stands, in plain words, with a way to mend it.
    """
    found = findings(HEAD + body)

    assert [(code, line, column)] == [(e.code, e.span.line, e.span.column) for e in found]
    assert message in found[0].message
    assert hint in found[0].hint


WHOLE = [
    ("[a]", "not-a-spec", "this is a list", "begin it with"),
    ("services: {web: {}}", "not-a-spec", "neither", "begin it with"),
    (
        f"apiVersion: sark/v1\nkind: Deployment\nname: x\n{STEPS}",
        "unknown-kind",
        "`Deployment`",
        "`Workflow`",
    ),
    ("apiVersion: sark/v1\nkind: workflow\n", "unknown-kind", "`workflow`", '"Workflow"?'),
    (f"apiVersion: sark/v1\nname: x\n{STEPS}", "missing-key", '"kind"', "`kind: Workflow`"),
    (f"kind: Workflow\nname: x\n{STEPS}", "missing-key", '"apiVersion"', "`apiVersion: sark/v1`"),
    (f"apiVersion: sark/v2\nkind: Workflow\nname: x\n{STEPS}", "bad-value", "`sark/v2`", "sark/v1"),
    (f"apiVersion: sark/v1\nkind:\nname: x\n{STEPS}", "missing-value", '"kind"', ""),
    (f"apiVersion: sark/v1\nkind: []\nname: x\n{STEPS}", "wrong-type", '"kind"', ""),
]


@pytest.mark.parametrize(("text", "code", "message", "hint"), WHOLE)
def test_what_is_no_workflow_is_told_once(text: str, code: str, message: str, hint: str) -> None:
    """
    A file that is something else gets one finding, not one for each of its keys.
    """
    found = findings(text)

    assert [code] == [each.code for each in found]
    assert message in found[0].message
    assert hint in found[0].hint


def test_all_findings_come_at_once_in_the_order_of_the_lines() -> None:
    """
    One look finds everything, warnings among the errors.
    """
    found = findings(f"{HEAD}steps:\n  A: {{uses: x, with: {{v: NO}}, a: 1}}\nlabels: 3\n")

    codes = ["bad-name", "bad-value", "ambiguous-scalar", "unknown-key", "wrong-type"]
    assert codes == [each.code for each in found]
    assert found == sorted(found, key=lambda each: each.span)


def test_findings_are_bounded() -> None:
    """
    A document of nothing but mistakes costs a bounded number of findings.
    """
    keys = "".join(f"k{number}: 1\n" for number in range(5_000))

    found = findings(HEAD + STEPS + keys)

    assert len(found) == MAX_FINDINGS + 1
    assert "too-many-findings" in [each.code for each in found]


def test_warnings_are_bounded_and_stay_warnings() -> None:
    """
    A long list of country codes is one thing to look at, and no reason to refuse the commit.
    """
    found = findings(f"{HEAD}{STEPS}inputs: {{x: {{enum: [{'NO, ' * 500}]}}}}\nlabels: {{a: b}}\n")

    assert len(found) == MAX_FINDINGS + 1
    assert {each.severity for each in found} == {Severity.WARNING}
    assert found[-1].code == "too-many-findings"


def test_long_texts_are_cut_in_messages() -> None:
    """
    A page of text in the wrong place does not fill the terminal.
    """
    found = findings(f"{HEAD}timeout: {'x' * 5000}\n{STEPS}")

    assert len(found[0].message) < 200
