"""Strangers' text that is handed to workflows that are called, and that comes back from them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.commit import Commit, Unit, findings
from engine.core.compiler import compile_file, compile_survey, survey
from engine.core.diagnostic import Diagnostic
from engine.core.facts import Catalogue
from tests.core.catalogue import CATALOGUE

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
HOOK = "triggers: {hook: {type: webhook, path: p, auth: {hmac: key}}}\n"
TEXT = "{{ trigger.event.body.x }}"
KNOWN = Catalogue(CATALOGUE)


def flow(name: str, *lines: str) -> str:
    return f"{HEAD}{name}\n" + "\n".join(lines) + "\n"


def get(url: str, name: str = "get") -> str:
    return f'  {name}: {{uses: http.request@1, with: {{url: "{url}"}}}}'


CALLEES = [
    flow("reaches", "inputs: {host: {type: string}}", "steps:", get("https://{{ inputs.host }}/")),
    flow(
        "folder",
        "inputs: {in: {type: string}}",
        "steps:",
        '  run: {uses: shell.run@1, with: {script: ls, cwd: "{{ inputs.in }}"}}',
    ),
    flow(
        "typed",
        "inputs: {host: {type: string, enum: [a.example]}, n: {type: integer}}",
        "steps:",
        get("https://{{ inputs.host }}-{{ inputs.n }}/"),
    ),
    flow("behind", "inputs: {x: {type: string}}", "steps:",
         get("https://a.example/{{ inputs.x }}")),
    flow(
        "on",
        "inputs: {x: {type: string}, y: {type: string}}",
        "steps:",
        '  said: {set: {x: {type: string, value: "a{{ inputs.x }}"}}}',
        '  call: {call: reaches, with: {host: "{{ steps.said.outputs.x }}"}}',
        '  say: {uses: http.request@1, with: {url: "https://a.example/{{ inputs.y }}"}}',
    ),
    flow(
        "echoes",
        "inputs: {x: {type: string}, y: {type: string}}",
        "steps:",
        '  say: {uses: echo.say@1, with: {message: "{{ inputs.y }}"}}',
        "outputs:",
        '  x: {type: string, value: "{{ inputs.x }}"}',
        '  y: {type: string, value: "{{ inputs.y | urlencode }}"}',
        '  n: {type: integer, value: "{{ inputs.x | length }}"}',
    ),
    flow(
        "asks",
        "steps:",
        "  ask: {approve: {by: [group:ops], expires: 1h, form: {x: {type: string}}}}",
        "outputs:",
        '  x: {type: string, value: "{{ steps.ask.outputs.form.x | default(\'a\') }}"}',
    ),
    flow(
        "started",
        HOOK.strip(),
        "inputs: {x: {type: string, default: \"{{ trigger.event.body.x | default('a') }}\"}}",
        "steps: {say: {set: {x: {type: string, value: \"{{ inputs.x }}\"}}}}",
        "outputs: {x: {type: string, value: \"{{ steps.say.outputs.x }}\"}}",
    ),
    flow("wild", "inputs: {x: {type: string}, y: {type: string}}", "steps:",
         "  all: {set: {x: {type: object, value: \"{{ inputs }}\"}}}",
         get("https://{{ steps.all.outputs.x.y }}/")),
]  # fmt: skip


def compiled(*texts: str) -> list[Diagnostic]:
    """Return what is found in specs, each in a file of its own, and then between them."""
    surveyed = [survey(f"{number}.yaml", text.encode()) for number, text in enumerate(texts)]
    commit = Commit(told for each in surveyed for told in each.documents)
    units = [compile_survey(each, KNOWN, commit) for each in surveyed]
    own = [told for unit in units for told in unit.diagnostics]
    assert [] == [each for each in own if each.severity == "error"], own
    return [each for each in linked(units) if each.code == "untrusted-value"]


def linked(units: list[Unit]) -> list[Diagnostic]:
    return findings([told for unit in units for told in unit.documents])


def caller(*steps: str) -> str:
    return flow("caller", HOOK.strip(), "steps:", *steps)


def call(name: str, given: str, step: str = "call") -> str:
    return f"  {step}: {{call: {name}, with: {{{given}}}}}"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([call("reaches", f'host: "{TEXT}"')], [(6, "reaches")]),
        ([call("reaches", f'host: "{TEXT}.example"')], [(6, "reaches")]),
        ([call("reaches", 'host: "{{ trigger.event.body.x | urlencode }}"')], [(6, "reaches")]),
        ([call("reaches", 'host: "{{ trigger.event.body.x | sha256 }}"')], []),
        ([call("reaches", "host: a.example")], []),
        (['  call: {call: reaches, if: run.id == "a", with: {host: "{{ run.id }}"}}'], []),
        ([call("folder", f'in: "{TEXT}"')], [(6, "folder")]),
        ([call("folder", 'in: "{{ trigger.event.body.x | urlencode }}"')], []),
        ([call("typed", f'host: "{TEXT}", n: "{{{{ trigger.event.body.n }}}}"')], []),
        ([call("behind", f'x: "{TEXT}"')], []),
        ([call("on", f'x: "{TEXT}", y: a')], [(6, "on")]),
        ([call("on", f'x: a, y: "{TEXT}"')], []),
        ([f'  call: {{call: reaches, detach: true, with: {{host: "{TEXT}"}}}}'], [(6, "reaches")]),
        ([call("echoes", f'x: "{TEXT}", y: a'), get("https://{{ steps.call.outputs.x }}/")],
         [(7, "url")]),
        ([call("echoes", f'x: "{TEXT}", y: a'), get("https://{{ steps.call.outputs.y }}/")], []),
        ([call("echoes", f'x: "{TEXT}", y: a'), get("https://{{ steps.call.outputs.n }}/")], []),
        ([call("echoes", f'x: a, y: "{TEXT}"'), get("https://{{ steps.call.outputs.x }}/")], []),
        ([call("echoes", f'x: a, y: "{TEXT}"'), get("https://{{ steps.call.outputs.y }}/")],
         [(7, "url")]),
        ([call("echoes", f'x: a, y: "{TEXT}"'),
          call("folder", 'in: "{{ steps.call.outputs.y }}"', "run")], []),
        ([call("echoes", f'x: "{TEXT}", y: a'),
          call("folder", 'in: "{{ steps.call.outputs.x }}"', "run")], [(7, "folder")]),
        ([call("echoes", f'x: "{TEXT}", y: a'),
          call("echoes", 'x: "{{ steps.call.outputs.x }}", y: a', "more"),
          call("reaches", 'host: "{{ steps.more.outputs.x }}"', "run")], [(8, "reaches")]),
        ([call("echoes", "x: a, y: a"), call("echoes", f'x: "{TEXT}", y: a', "more"),
          call("reaches", 'host: "{{ steps.call.outputs.x }}"', "run")], []),
        (["  call: {call: asks}", get("https://{{ steps.call.outputs.x }}/")], [(7, "url")]),
        (["  call: {call: asks}", call("reaches", 'host: "{{ steps.call.outputs.x }}"', "run")],
         [(7, "reaches")]),
        (["  call: {call: started}", get("https://{{ steps.call.outputs.x }}/")], []),
        ([call("started", f'x: "{TEXT}"'), get("https://{{ steps.call.outputs.x }}/")],
         [(7, "url")]),
        ([call("wild", f'x: a, y: "{TEXT}"')], [(6, "wild")]),
        ([call("wild", "x: a, y: a")], []),
    ],
)  # fmt: skip
def test_text_of_strangers_is_followed_through_calls(
    steps: list[str], expected: list[tuple[int, str]]
) -> None:
    """
    What a caller hands over goes nowhere in the callee where it could not go at home, and what
    comes back is as little trusted as it was.
    """
    found = compiled(*CALLEES, caller(*steps))

    assert expected == [
        (each.span.line, name)
        for each in found
        for name in [word for _, word in expected]
        if f'"{name}"' in each.message or f"`{name}`" in each.message
    ]
    assert len(expected) == len(found)


def test_a_finding_shows_the_way() -> None:
    """
    It stands at the caller's argument, and leads over each call to the place that takes the text.
    """
    [found] = compiled(*CALLEES, caller(call("on", f'x: "{TEXT}", y: a')))

    assert (
        "`trigger.event.body.x` comes from outside and may not go into `x` of workflow "
        '"on": there it chooses a host in `url`'
    ) == found.message
    assert ("9.yaml", 6, 34) == (found.span.file, found.span.line, found.span.column)
    assert [
        ("4.yaml", 7, '`steps.said.outputs.x` is handed on to workflow "reaches" here'),
        ("0.yaml", 6, "`inputs.host` stands in `url` here"),
    ] == [(each.span.file, each.span.line, each.message) for each in found.related]


def test_what_comes_back_leads_to_where_it_was_given() -> None:
    """
    The finding stands where the text may not be, and names the callee's output.
    """
    back = get("https://{{ steps.call.outputs.x }}/")
    [found] = compiled(*CALLEES, caller("  call: {call: asks}", back))

    assert [("6.yaml", 7, 'workflow "asks" gives it here')] == [
        (each.span.file, each.span.line, each.message) for each in found.related
    ]
    assert "`steps.call.outputs.x` comes from outside and may not choose the host in `url`" == (
        found.message
    )


def test_a_caller_that_is_started_by_hand_is_trusted() -> None:
    """
    Whoever starts a run by hand or by the API answers for its inputs; an event does not.
    """
    lines = ["inputs: {x: {type: string}}", "steps:", call("on", 'x: "{{ inputs.x }}", y: a')]
    fed = HOOK.replace("key}}}", 'key}, with: {x: "{{ event.body.x }}"}}}').strip()

    assert [] == compiled(*CALLEES, flow("caller", *lines))
    assert [7] == [each.span.line for each in compiled(*CALLEES, flow("caller", fed, *lines))]


def test_what_is_told_at_home_is_not_told_again() -> None:
    """
    Text that is wrong by the workflow alone is one finding, however it may also come back.
    """
    lines = [
        call("echoes", f'x: "{TEXT}", y: a'),
        f'  all: {{set: {{x: {{type: string, value: "{TEXT}{{{{ steps.call.outputs.x }}}}"}}}}}}',
        get("https://{{ steps.all.outputs.x }}/"),
    ]
    text = caller(*lines)
    surveyed = [survey(f"{number}.yaml", each.encode()) for number, each in enumerate(CALLEES)]
    surveyed.append(survey("caller.yaml", text.encode()))
    commit = Commit(told for each in surveyed for told in each.documents)
    units = [compile_survey(each, KNOWN, commit) for each in surveyed]

    assert [8] == [each.span.line for each in units[-1].diagnostics]
    assert [] == [each for each in linked(units) if each.code == "untrusted-value"]


def test_circles_of_calls_end() -> None:
    """
    Workflows that call each other in a circle are refused for that, and the search ends.
    """
    one = flow("one", "inputs: {x: {type: string}}", "steps:",
               call("two", 'x: "{{ inputs.x }}"'), get("https://{{ inputs.x }}/"))  # fmt: skip
    two = flow("two", "inputs: {x: {type: string}}", "steps:", call("one", 'x: "{{ inputs.x }}"'))

    assert [] == compiled(one, two, caller(call("one", f'x: "{TEXT}"')))


@pytest.mark.parametrize("count", [3, 70])
@pytest.mark.parametrize("given", [TEXT, "a"])
def test_a_value_of_very_many_texts_is_made_of_all(count: int, given: str) -> None:
    """
    Past 64 texts in one value nobody keeps them apart; what is in it is still not trusted.
    """
    names = [f"x{number}" for number in range(count)]
    mixed = " ".join(f"{{{{ inputs.{name} }}}}" for name in names)
    inputs = ", ".join(f"{name}: {{type: string}}" for name in names)
    callee = flow("many", f"inputs: {{{inputs}}}", "steps:",
                  f'  all: {{set: {{x: {{type: string, value: "{mixed}"}}}}}}',
                  get("https://{{ steps.all.outputs.x }}/"),
                  "outputs:",
                  '  x: {type: string, value: "{{ steps.all.outputs.x }}"}')  # fmt: skip
    told = ", ".join(f'{name}: "{given if name == "x1" else "a"}"' for name in names)
    found = compiled(callee, caller(call("many", told), get("https://{{ steps.call.outputs.x }}/")))

    assert ([6, 7] if given == TEXT else []) == [each.span.line for each in found]


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_value_of_very_many_calls_is_made_of_all(is_asked: bool) -> None:
    """
    The same is true of what calls give back.
    """
    calls = [call("echoes", "x: a, y: a", f"c{number}") for number in range(70)]
    if is_asked:
        calls[1] = "  c1: {call: asks}"
    mixed = " ".join(f"{{{{ steps.c{number}.outputs.x }}}}" for number in range(70))
    value = f'  all: {{set: {{x: {{type: string, value: "{mixed}"}}}}}}'
    found = compiled(*CALLEES, caller(*calls, value, get("https://{{ steps.all.outputs.x }}/")))

    assert ([77] if is_asked else []) == [each.span.line for each in found]


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ("""\
  loop:
    repeat:
      steps:
        back: {call: echoes, with: {x: "{{ last.x | default('a') }}", y: a}}
        say: {set: {x: {type: string, value: "TEXT"}}}
        get: {uses: http.request@1, with: {url: "https://{{ steps.back.outputs.x }}/"}}
      outputs: {x: {type: string, value: "{{ steps.say.outputs.x }}"}}
      until: self.outputs.x == ''
      max_times: 2
""", 11),
        ("""\
  loop:
    for_each:
      over: "[trigger.event.body.x]"
      max_items: 3
      steps: {s: {set: {y: {type: integer, value: 1}}}}
      outputs: {x: {type: string, value: "{{ item }}"}}
      collect: {all: {type: array, value: "{{ items }}"}}
  run: {call: reaches, with: {host: "{{ steps.loop.outputs.all[0] }}"}}
""", 13),
        ("""\
  held:
    block:
      steps: {f: {fail: {type: a.b, message: c}}}
      outputs: {x: {type: string, value: a}}
      on_failure:
        - match: {any: true}
          then: recover
          steps: []
          outputs: {x: "TEXT"}
  run: {call: reaches, with: {host: "{{ steps.held.outputs.x }}"}}
""", 15),
        ("""\
  said:
    uses: echo.say@1
    with: {message: "TEXT"}
    compensate:
      steps:
        a: {call: reaches, with: {host: "{{ self.outputs.message | default('a') }}"}}
        b: {call: folder, with: {in: "{{ self.idempotency_key }}"}}
""", 11),
        ("""\
  said:
    uses: http.request@1
    with: {url: https://a.example/}
    outputs: {x: {type: string, from: body.x}}
    fallback: {outputs: {x: "TEXT"}}
  run: {call: reaches, with: {host: "{{ steps.said.outputs.x }}"}}
""", 11),
    ],
)  # fmt: skip
def test_text_is_followed_through_every_scope(steps: str, line: int) -> None:
    """
    A loop's next turn, its items, what a handler gives and what undoes a step hide nothing.
    """
    assert [line] == [
        each.span.line for each in compiled(*CALLEES, caller(steps.replace("TEXT", TEXT)))
    ]


NAMES = ["a", "b", "c", "d"]
SOURCES = st.sampled_from([TEXT, "word", "{{ inputs.x }}", "{{ inputs.x | urlencode }}"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SOURCES, st.booleans()), min_size=4, max_size=4))
def test_a_call_is_judged_like_what_it_does(told: list[tuple[str, bool]]) -> None:
    """
    Text that goes down a chain of calls is refused exactly where the last place would refuse it.
    """
    texts = []
    for number, (name, (source, is_encoded)) in enumerate(zip(NAMES, told, strict=True)):
        given_ = source.replace(TEXT, "word") if number else source.replace("inputs.x", "run.id")
        passed = given_.replace(" }}", " | urlencode }}") if is_encoded and number else given_
        below = NAMES[number + 1] if number < 3 else ""
        step = call(below, f'x: "{passed}"') if below else get(f"https://{passed}/")
        head = HOOK.strip() if not number else "inputs: {x: {type: string}}"
        texts.append(flow(name, head, "steps:", step))

    is_open = told[0][0] == TEXT and all("inputs.x" in source for source, _ in told[1:])

    assert is_open == bool(compiled(*texts))


def test_very_many_inputs_from_an_event_are_told_at_home() -> None:
    """
    A workflow that mixes all that an event gave it needs no caller to be wrong.
    """
    names = [f"x{number}" for number in range(70)]
    fed = ", ".join(f'{name}: "{{{{ event.body.{name} }}}}"' for name in names)
    mixed = " ".join(f"{{{{ inputs.{name} }}}}" for name in names)
    text = flow(
        "many",
        HOOK.replace("key}}}", f"key}}, with: {{{fed}}}}}}}").strip(),
        f"inputs: {{{', '.join(f'{name}: {{type: string}}' for name in names)}}}",
        "steps:",
        f'  all: {{set: {{x: {{type: string, value: "{mixed}"}}}}}}',
        get("https://{{ steps.all.outputs.x }}/"),
    )
    unit = compile_file("many.yaml", text.encode(), CATALOGUE)

    assert [("untrusted-value", 8)] == [(each.code, each.span.line) for each in unit.diagnostics]


def test_a_file_that_has_moved_is_shown_where_it_is() -> None:
    """
    What is known of a content is told of its new path.
    """
    texts = (CALLEES[0], caller(call("reaches", f'host: "{TEXT}"')))
    text = "---\n".join(texts).encode()
    moved = compile_file("old.yaml", text, CATALOGUE).at("new.yaml")
    [found] = linked([moved])

    assert [found] == linked([compile_file("new.yaml", text, CATALOGUE)])
    assert ["new.yaml"] == [each.span.file for each in found.related]
