"""Variables: what differs from environment to environment."""

import pytest

from engine.core import plan
from engine.core.commit import Commit
from engine.core.compiler import Visibility, compile_survey, survey
from engine.core.compiler.world import World
from engine.core.facts import Catalogue
from engine.core.values import Json
from engine.operations import catalogue
from engine.source import Cache, Compiled, File, compile_files
from tests.core.catalogue import CATALOGUE

HEAD = "apiVersion: sark/v1\nkind: {}\nname: {}\n"
SAY = "steps: {{a: {{uses: echo.say@1, with: {{message: '{}'}}}}}}\n"


def environment(name: str, rest: str = "") -> str:
    return HEAD.format("Environment", name) + rest


def variables(name: str, told: str) -> str:
    return environment(name, f"variables: {{{told}}}\n")


def workflow(rest: str, name: str = "w") -> str:
    return HEAD.format("Workflow", name) + rest


def compiled(*texts: str, at: str = "", cache: Cache | None = None) -> Compiled:
    files = [File(f"{index}.yaml", text, text.encode()) for index, text in enumerate(texts)]
    return compile_files(files, CATALOGUE, cache, at)


def found(made: Compiled) -> list[tuple[str, str, str]]:
    """Return code, place and hint of each finding."""
    spans = ((each, each.span) for each in made.diagnostics)
    return [
        (each.code, f"{span.file[0]}:{span.line}:{span.column}", each.hint) for each, span in spans
    ]


def message(made: Compiled) -> Json:
    """Return what the step `a` of the workflow `w` says."""
    verb = made.plans["w"].root.steps[0].verb
    assert isinstance(verb, plan.Uses)
    assert isinstance(verb.arguments, dict)
    told: Json = verb.arguments["message"]
    return told


def test_a_workflow_has_the_values_of_its_environment() -> None:
    """
    The same commit says another thing in each environment, as another plan.
    """
    texts = (
        workflow(
            "inputs: {n: {type: integer}}\n" + SAY.format("{{ variables.REGION }}-{{ inputs.n }}")
        ),
        variables("production", "REGION: north"),
        variables("staging", "REGION: south"),
    )  # fmt: skip
    cache = Cache()

    north, south = (compiled(*texts, at=at, cache=cache) for at in ("production", "staging"))

    assert ([], []) == (found(north), found(south))
    assert "north-{{ inputs.n }}" == message(north)
    assert "south-{{ inputs.n }}" == message(south)
    assert north.plans["w"].digest != south.plans["w"].digest
    again = compiled(*texts, at="production", cache=cache)
    assert north.plans["w"].digest == again.plans["w"].digest


def test_a_workflow_that_reads_no_variable_is_the_same_everywhere() -> None:
    """
    Its plan does not change with a variable, nor with the environment.
    """
    told = workflow(SAY.format("hi"))
    plain = compiled(told).plans["w"].digest

    for texts, at in (
        ((variables("p", "A: 1"), variables("s", "A: 2")), "p"),
        ((variables("p", "A: 1"), variables("s", "A: 3")), "s"),
        ((), "elsewhere"),
    ):
        made = compiled(told, *texts, at=at)
        assert ([], plain) == (found(made), made.plans["w"].digest)


def test_a_variable_that_changes_changes_only_who_reads_it() -> None:
    """
    The others are not compiled again.
    """
    reading, other = workflow(SAY.format("{{ variables.A }}")), workflow(SAY.format("x"), "other")
    cache = Cache()
    old = compiled(reading, other, variables("p", "A: one, B: 1"), at="p", cache=cache)

    new = compiled(reading, other, variables("p", "A: two, B: 1"), at="p", cache=cache)
    same = compiled(reading, other, variables("p", "A: two, B: 2"), at="p", cache=cache)

    assert ("one", "two") == (message(old), message(new))
    assert old.units["1.yaml"] is new.units["1.yaml"]
    assert new.units["0.yaml"] is same.units["0.yaml"]


@pytest.mark.parametrize(
    "rest",
    [
        "inputs: {n: {type: integer, default: '{{ variables.N }}'}}\n"
        + SAY.format("{{ inputs.n }}"),
        "concurrency: {group: 'g-{{ variables.N }}', limit: 1}\n" + SAY.format("x"),
        "idempotency: {key: 'k-{{ variables.N }}', ttl: 1h}\n" + SAY.format("x"),
        "defaults: {retry: {max_attempts: 2, if: error.attempt < variables.N}}\n" + SAY.format("x"),
        "on_failure: [{match: {if: variables.N > 1}, steps: {b: {wait: {for: 1s}}}}]\n"
        + SAY.format("x"),
        "outputs: {n: {type: integer, value: '{{ variables.N }}'}}\n" + SAY.format("x"),
        "cancel_when: [{event: a.b, match: event.data.n == variables.N}]\n" + SAY.format("x"),
        "triggers: {t: {type: event, event: a.b, payload: {type: object}, "
        "filter: variables.N > 1}}\n" + SAY.format("x"),
        "steps: [{id: a, if: variables.N > 1, wait: {for: '{{ variables.N }}s'}}]\n",
        "steps: {a: {for_each: {over: variables.L, as: n, max_items: 3, key: n ~ variables.N, "
        "steps: {b: {wait: {for: '{{ n }}s'}}}}}}\n",
        "steps: {a: {switch: {value: variables.M.k, cases: {x: {steps: {b: {wait: {for: 1s}}}}}, "
        "else: {steps: {c: {wait: {for: 1s}}}}}}}\n",
        "steps: {a: {repeat: {max_times: 2, until: variables.N > 1, "
        "steps: {b: {wait: {for: 1s}}}}}}\n",
    ],
)  # fmt: skip
def test_a_variable_is_read_wherever_expressions_stand(rest: str) -> None:
    """
    Nothing is left of its name in the plan: a run needs no environment.
    """
    there = variables("p", "N: 2, L: [1, 2], M: {k: x}")

    made = compiled(workflow(rest), there, at="p")

    assert [] == [each for each in found(made) if each[0] not in ("event-nobody-emits",)]
    assert "variables" not in str(made.plans["w"])


@pytest.mark.parametrize(
    ("read", "environments", "code", "place", "hint"),
    [
        ("{{ variables.REGOIN }}", ("REGION: n", "REGION: s"), "unknown-variable", "0:4:51",
         'did you mean "REGION"?'),
        ("{{ variables.X }}", (), "unknown-variable", "0:4:51",
         "add it to each: `variables: {X: ...}`"),
        ("{{ variables | length }}", ("X: 1", "X: 1"), "unknown-variable", "0:4:51", ""),
        ("{{ variables.X }}", ("X: n", "Y: s"), "missing-variable", "0:4:51",
         "add it there, or write `variables.X | default(...)`, nothing between the two"),
        ("{{ (variables.X ~ 1) | default(2) }}", ("X: n", "Y: s"), "missing-variable", "0:4:52",
         "add it there, or write `variables.X | default(...)`, nothing between the two"),
        ("{{ variables.X.gone }}", ("X: {a: 1}", "X: {b: 1}"), "unknown-property", "0:4:51", ""),
        ("{{ variables.X + 1 }}", ("X: n", "X: s"), "expression-type", "0:4:51", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_reading_a_variable_is_said(
    read: str, environments: tuple[str, ...], code: str, place: str, hint: str
) -> None:
    """
    It is checked against all environments, whichever the commit is compiled for.
    """
    told = [variables(name, each) for name, each in zip("ps", environments, strict=False)]

    for at in ("p", "s"):
        made = compiled(workflow(SAY.format(read)), *told, at=at)

        [(first, where, said)] = found(made)[:1]
        assert (code, place) == (first, where)
        assert not hint or hint == said
        assert {} == made.plans


def test_an_environment_that_is_not_described_lacks_every_variable() -> None:
    """
    A source that is bound to it is told so, and by which name it might be described.
    """
    made = compiled(workflow(SAY.format("{{ variables.X }}")), variables("p", "X: n"), at="q")

    told = made.diagnostics[0]
    assert 'the variable "X" is missing in the environment q' == told.message
    assert "as in the environment p" == told.expected


def test_a_variable_that_an_environment_lacks_has_a_default() -> None:
    """
    The default stands in where there is none, and nowhere else.
    """
    told = workflow(SAY.format("{{ variables.X | default(trigger.id) }}"))
    both = (variables("p", "X: north"), variables("s", "Y: 1"))

    assert "north" == message(compiled(told, *both, at="p"))
    assert "{{ trigger.id }}" == message(compiled(told, *both, at="s"))


def test_nothing_is_said_of_what_cannot_be_read() -> None:
    """
    An environment with an error may have any variable; there is one error, and it says where.
    """
    made = compiled(
        workflow(SAY.format("{{ variables.X }}")), environment("p", "variables: 1\n"), at="p"
    )

    assert ["wrong-type"] == [each.code for each in made.diagnostics]


@pytest.mark.parametrize(
    ("values", "place", "says"),
    [
        (("1", "one"), "2:4:16", "is a string here, and a number in the environment p"),
        (("[1]", "{a: 1}"), "2:4:16", "is an object here, and an array in the environment p"),
        (("true", "null"), "2:4:16", "is null here, and a boolean in the environment p"),
        (("1", "1.5"), "", ""),
        (("[1]", "[x, {a: 1}]"), "", ""),
        (("{a: 1}", "{b: x}"), "", ""),
    ],
)
def test_a_variable_is_of_one_type_in_all_environments(
    values: tuple[str, str], place: str, says: str
) -> None:
    """
    The error stands at the later of the two that differ; whole numbers are numbers.
    """
    here, there = (variables(name, f"X: {each}") for name, each in zip("ps", values, strict=True))

    made = compiled(workflow(SAY.format("hi")), here, there, at="p")

    assert ([("variable-types", place)] if says else []) == [each[:2] for each in found(made)]
    assert all(says in each.message for each in made.diagnostics)


@pytest.mark.parametrize(
    "value", ["'{{ inputs.x }}'", "[a, '{% if %}']", "{k: {j: '{# x'}}", "{'{{': 1}"]
)
def test_a_variable_is_a_constant(value: str) -> None:
    """
    Whoever writes a template into one is told that nothing fills it in.
    """
    made = compiled(variables("p", f"X: {value}"))

    assert ["template-in-variable"] == [each.code for each in made.diagnostics]


def test_a_value_must_fit_where_it_is_read_in_every_environment() -> None:
    """
    What holds of a value that is written out holds of a variable, and its environment is named.
    """
    step = "steps: {a: {uses: http.request@1, with: {method: '{{ variables.M }}', url: 'https://x'}}}\n"
    texts = (workflow(step), variables("p", "M: GET"), variables("s", "M: FETCH"))
    files = [File(f"{index}.yaml", "", text.encode()) for index, text in enumerate(texts)]

    whole, there, here = (compile_files(files, catalogue(), None, at) for at in ("", "s", "p"))

    assert [] == here.diagnostics
    for made in (whole, there):
        told = made.diagnostics[0]
        assert ("bad-argument", 4) == (told.code, told.span.line)
        assert told.message.startswith("in the environment s: `method` of http.request@1")


def test_one_text_may_read_several() -> None:
    """
    They are put together where the commit is compiled.
    """
    told = workflow(SAY.format("{{ variables.X }}/{{ variables.Y }}/{{ run.id }}"))

    made = compiled(told, variables("p", "X: a, Y: 1"), at="p")

    assert ([], "a/1/{{ run.id }}") == (found(made), message(made))


def test_an_editor_offers_the_variables_of_all_environments() -> None:
    """
    In a step as in a trigger, each with its type; without any there is nothing to offer.
    """
    rest = "triggers: {t: {type: event, event: a.b, payload: {type: object}}}\n" + SAY.format("hi")
    source = workflow(rest).encode()
    seen: list[World] = []

    def look(*environments: str) -> list[Json]:
        surveys = [survey("w.yaml", source)]
        surveys += [survey("e.yaml", each.encode()) for each in environments]
        commit = Commit(told for each in surveys for told in each.documents)
        compile_survey(surveys[0], Catalogue(CATALOGUE), commit, lambda _, each: seen.append(each))
        names = Visibility(seen[-1]).names
        paths = [("steps", "a", "with", "message"), ("triggers", "t", "filter")]
        return [dict(names(path).get("variables", {})).get("properties") for path in paths]

    assert [{"X": {"type": "string"}, "Y": {"type": "integer"}}] * 2 == look(
        variables("p", "X: a"), variables("s", "X: b, Y: 1")
    )
    assert [None, None] == look()


def test_a_constant_leaves_no_choice_and_that_is_no_mistake() -> None:
    """
    A comparison that never holds here holds elsewhere; a warning that no value bears out is none.
    """
    rest = (
        "inputs: {r: {type: string, enum: [north, east]}}\n"
        "steps: {a: {if: inputs.r == variables.R, uses: http.request@1, "
        "with: {method: '{{ variables.M }}', url: 'https://{{ variables.H }}/'}}}\n"
    )
    there = (variables("p", "R: north, M: GET, H: a"), variables("s", "R: south, M: GET, H: b"))
    texts = (workflow(rest), *there)
    files = [File(f"{index}.yaml", "", text.encode()) for index, text in enumerate(texts)]

    made = compile_files(files, catalogue(), None, "s")

    assert [] == made.diagnostics
    assert "inputs.r == 'south'" == made.plans["w"].root.steps[0].condition


def test_a_warning_of_a_value_is_said_of_its_environment() -> None:
    """
    What only the value brings about is a warning with the name of the environment.
    """
    rest = (
        "steps: {a: {uses: http.request@1, with: {method: '{{ variables.M }}', url: 'https://x'}},"
        " b: {needs: [a], if: 'true', wait: {for: 1s}}}\n"
    )
    files = [
        File(f"{index}.yaml", "", text.encode())
        for index, text in enumerate((workflow(rest), variables("p", "M: DELETE")))
    ]

    made = compile_files(files, catalogue(), None, "p")

    assert {"constant-condition", "unapproved-destructive"} == {
        each.code for each in made.diagnostics
    }


def test_an_environment_is_chosen_where_there_are_several() -> None:
    """
    With one there is nothing to choose, and who reads no variable needs none.
    """
    reading, other = workflow(SAY.format("{{ variables.X }}")), workflow(SAY.format("x"), "other")
    p, s = variables("p", "X: north"), variables("s", "X: south")

    one, two = compiled(reading, other, p), compiled(reading, other, p, s)

    assert ([], "north") == (found(one), message(one))
    assert [("no-environment", "0:3:7", "choose one: `--env NAME`")] == found(two)
    assert ["p, s"] == [each.expected for each in two.diagnostics]
    assert [] == found(compiled(other, p, s))
