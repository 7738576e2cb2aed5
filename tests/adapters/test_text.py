"""`text.render@1`: what templates can do, and what they cannot make it do."""

import asyncio
import time
from collections.abc import Mapping

import pytest

from adapters.contract import ErrorClass, Failed, Json
from adapters.manifest.text import MANIFEST
from adapters.template.budget import MOST_STEPS
from adapters.text import create
from tests.adapters.speaking import call, failed, opened, outputs


def render(template: str, values: Mapping[str, Json] | None = None) -> str:
    """Return the text of a template."""

    async def story() -> str:
        async with opened(create({})) as operation:
            arguments: dict[str, Json] = {"template": template, "values": values or {}}
            return str(outputs(await operation.invoke(call(**arguments)))["text"])

    return asyncio.run(story())


def refusal(template: str, values: Mapping[str, Json] | None = None) -> Failed:
    """Return the failure of a template."""

    async def story() -> Failed:
        async with opened(create({})) as operation:
            arguments: dict[str, Json] = {"template": template, "values": values or {}}
            return failed(await operation.invoke(call(**arguments)))

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("plain\n", {}, "plain\n"),
        ("{{ a.b[0].c }}", {"a": {"b": [{"c": "x"}]}}, "x"),
        ("{{ a['b'] }}{{ a[-1:] }}", {"a": {"b": 1}}, None),
        ("{{ xs[1:] | join('-') }}", {"xs": ["a", "b", "c"]}, "b-c"),
        ("{% for x in xs %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
         {"xs": ["a", "b"]}, "1a,2b"),
        ("{% for x in xs if x > 1 %}{{ x }}{% else %}none{% endfor %}", {"xs": [1]}, "none"),
        ("{% for k, v in m | items %}{{ k }}={{ v }};{% endfor %}", {"m": {"a": 1}}, "a=1;"),
        ("{% for k in m %}{{ k }}{% endfor %}", {"m": {"a": 1, "b": 2}}, "ab"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", {}, "012"),
        ("{% if a %}A{% elif b %}B{% else %}C{% endif %}", {"a": 0, "b": "x"}, "B"),
        ("{% set n = 1 + 2 %}{{ n * 2 }}", {}, "6"),
        ("{% raw %}{{ x }}{% endraw %}{# not here #}", {}, "{{ x }}"),
        ("{{ x | default('d') }}{{ y.z.w | default(1) }}", {"y": {}}, "d1"),
        ("{{ x | default('d', true) }}", {"x": ""}, "d"),
        ("{{ x is defined }} {{ x is undefined }} {{ n is none }}", {"n": None}, "false true true"),
        ("{{ a or 'b' }}{{ a and 'c' or 'd' }}", {"a": ""}, "bd"),
        ("{{ 'yes' if a == 1 else 'no' }}{{ 'x' if a == 2 }}", {"a": 1}, "yes"),
        ("{{ true }} {{ 1.5 }} {{ 2 ~ 'a' }} {{ -3 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 7 / 2 }}", {},
         "true 1.5 2a -3 3 3 3.5"),
        ("{{ 1 == true }} {{ 1 < 2 < 3 }} {{ 'a' in 'abc' }} {{ 'x' not in xs }}", {"xs": ["a"]},
         "false true true true"),
        ("{{ m | tojson }} {{ [1, {'a': none}] | tojson }}", {"m": {"a": "å"}},
         '{"a":"å"} [1,{"a":null}]'),
        ("{{ xs | map('n') | sum }} {{ xs | sum('n') }} {{ xs | map(attribute='n') | max }}",
         {"xs": [{"n": 1}, {"n": 2}]}, "3 3 2"),
        ("{{ xs | sort | join }} {{ xs | unique | length }} {{ xs | first }}{{ xs | last }}",
         {"xs": ["b", "a", "b"]}, "abb 2 bb"),
        ("{{ ' A b ' | trim | upper | replace(' ', '_') }}", {}, "A_B"),
        ("{{ 'a,b' | split(',') | reverse | join }}", {}, "ba"),
        ("{{ 2.567 | round(1) }} {{ 2.5 | round }} {{ '7' | int }} {{ '1.5' | float }}", {},
         "2.6 2 7 1.5"),
        ("{{ 'a\\nb' | indent(2) }} {{ 'abcdef' | truncate(4) }} {{ 'a b/' | urlencode }}", {},
         "a\n  b abc… a%20b%2F"),
        ("{% set x = 'out' %}{% for i in [1] %}{% set x = 'in' %}{% endfor %}{{ x }}", {}, "out"),
        ("{{ user }}", {"user": "{{ 7 * 7 }}{% for %}"}, "{{ 7 * 7 }}{% for %}"),
    ],
)  # fmt: skip
def test_templates(template: str, values: dict[str, Json], expected: str | None) -> None:
    """
    Loops, conditions, members, filters and tests, over JSON values; values are never templates.
    """
    if expected is None:
        assert refusal(template, values).type == "text.value"
    else:
        assert expected == render(template, values)


@pytest.mark.parametrize(
    "template",
    [
        "{% include 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}",
        "{% extends 'x' %}", "{% block a %}{% endblock %}", "{% macro a() %}{% endmacro %}",
        "{% call a() %}{% endcall %}", "{% filter upper %}x{% endfilter %}",
        "{% set x %}block{% endset %}", "{% set a, b = [1, 2] %}", "{% set a.b = 1 %}",
        "{% with a = 1 %}{% endwith %}", "{% autoescape true %}{% endautoescape %}",
        "{% do 1 %}", "{% for x in xs recursive %}{% endfor %}", "{% for a.b in xs %}{% endfor %}",
        "{{ 2 ** 9 }}", "{{ cycler(1) }}", "{{ lipsum() }}", "{{ namespace() }}",
        "{{ ''.join([]) }}", "{{ x.format(1) }}", "{{ self.x() }}", "{{ range(*xs) }}",
        "{{ x | pprint }}", "{{ x | attr('a') }}", "{{ x | center(9) }}", "{{ x | xmlattr }}",
        "{{ x is callable }}", "{{ x is divisibleby 2 }}", "{{ x | join(*xs) }}",
        "{{ x", "{% for %}", "{% endif %}", "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "9" * 5000 + " }}", "{{ 1" + " + 1" * 50 + " }}", "{{ 1 }}" * 6000, "x" * 65_537,
        "{% for a in x %}" * 4 + "{% endfor %}" * 4, "{{ " + "-" * 100 + "1 }}", "\ud800",
    ],
)  # fmt: skip
def test_constructs_that_are_refused(template: str) -> None:
    """
    What is not on the list is a fault of the template, whatever its values are, known beforehand.
    """
    found = refusal(template, {"x": "a", "xs": [1]})
    [(line, words)] = MANIFEST.faults["/template"](template)

    assert (found.type, found.error_class) == ("text.template", ErrorClass.PERMANENT)
    assert found.message == f"line {line}: {words}"
    assert line == 1


@pytest.mark.parametrize(
    "template",
    [
        "{{ nope }}", "{{ m.nope }}", "{{ m['__class__'] }}", "{{ m.__class__.__mro__ }}",
        "{{ s.__class__ }}", "{{ s.upper }}", "{{ xs.append }}", "{{ n.real }}", "{{ none.x }}",
        "{{ none }}", "{{ m }}", "{{ xs }}", "{{ s * 9 }}", "{{ xs * 9 }}", "{{ s % 1 }}",
        "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1.0e308 * 10 }}", "{{ n * n * n * n * n }}",
        "{{ s < 1 }}", "{{ true + 1 }}", "{{ 1 in 'a' }}", "{{ 1 in 2 }}", "{{ s + xs }}",
        "{{ xs | sort }}", "{{ 1 | length }}", "{{ [] | first }}", "{{ [] | max }}",
        "{{ 'x' | int }}", "{{ s | join }}", "{{ s | split('') }}", "{{ s | upper(1) }}",
        "{{ s | indent(65) }}", "{{ xs[::0] }}", "{{ range(1, 2, 0) }}", "{{ range('a') }}",
        "{% for x in s %}{% endfor %}", "{% for a, b in xs %}{% endfor %}",
        "{{ s | default }}", "{{ s | replace(1, 2) }}", "{{ m | sum }}", "{{ s | keys }}",
        "{{ '\\ud800' }}", "{{ '\\ud800' | urlencode }}", "{{ ['\\ud800'] | tojson }}",
    ],
)  # fmt: skip
def test_values_that_are_wrong(template: str) -> None:
    """
    A value that is missing or of a wrong type is an error with its line, which does not show it.
    """
    secret = "s3cr3t"
    values: dict[str, Json] = {"m": {"a": secret}, "s": secret, "xs": [1, "a"], "n": 10**15}

    found = refusal("\n" + template, values)
    assert (found.type, found.error_class) == ("text.value", ErrorClass.PERMANENT)
    assert found.message.startswith("line 2: ")
    assert secret not in found.message


# Two lists that are alike and not the same, each of 2 to the power of 60 items if written out.
TWINS = "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 60


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
        "{% for i in range(10000) %}{% for j in xs %}{{ j }}{% endfor %}{% endfor %}",
        "{% for i in range(10000) %}{{ big }}{% endfor %}",
        "{% for i in range(10000) %}{% set x = big ~ big %}{% endfor %}",
        "{{ big | replace('a', big) }}",
        "{{ xs | join(big) }}",
        "{{ range(10001) | join }}",
        "{% for i in range(1000) %}{{ xs | sort | join | length }}{% endfor %}",
        "{% for i in range(5000) %}{{ big in bigger }}{% endfor %}",
        "{% for i in range(5000) %}{% set y = bigger | upper | lower | length %}{% endfor %}",
        "{% for i in range(9000) %}{% set y = bigger | split('x') %}{% endfor %}",
        "{{ wide | urlencode }}",
        TWINS + "{{ a == b }}",
        TWINS + "{{ a in [b] }}",
        TWINS + "{{ a | tojson | length }}",
        TWINS + "{{ [a] | unique | length }}",
        "{% set a = [1] %}" + "{% set a = [a] %}" * 600 + "{{ a == [a] }}{{ a | tojson }}",
        "{% set a = big ~ big %}{% set b = a ~ a %}{% set c = b ~ b %}{% set d = c ~ c %}"
        "{% set e = d ~ d %}{% set f = e ~ e %}{% set g = f ~ f %}{{ g }}",
    ],
)
def test_work_has_an_end(template: str) -> None:
    """
    A bomb of time or memory ends soon, and the event loop goes round meanwhile.
    """
    values: dict[str, Json] = {
        "big": "a" * 10_000, "bigger": "b" * 200_000, "wide": "é" * 400_000, "xs": [*range(500)]
    }  # fmt: skip
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            began = time.process_time()
            await asyncio.sleep(0)
            longest = max(longest, time.process_time() - began)

    async def story() -> Failed:
        async with opened(create({})) as operation:
            ticking = asyncio.create_task(tick())
            outcome = await operation.invoke(call(template=template, values=values))
            ticking.cancel()
            return failed(outcome)

    began = time.process_time()
    found = asyncio.run(story())

    assert (found.type, found.error_class) == ("text.limit", ErrorClass.PERMANENT)
    assert time.process_time() - began < 30
    assert longest < 5


def test_a_rendering_can_be_stopped() -> None:
    """
    The attempt's time bounds a rendering, and so does a cancellation.
    """
    template = "{% for i in range(10000) %}{% for j in range(20) %}{% endfor %}{% endfor %}"
    assert MOST_STEPS > 200_000

    async def story() -> Failed:
        async with opened(create({})) as operation:
            task = asyncio.create_task(operation.invoke(call(template=template)))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return failed(await operation.invoke(call(0.01, template=template)))

    found = asyncio.run(story())
    assert (found.type, found.error_class) == ("text.timeout", ErrorClass.TRANSIENT)


@pytest.mark.parametrize("arguments", [{}, {"template": 1}, {"template": "x", "values": [1]}])
def test_arguments_that_are_none(arguments: dict[str, Json]) -> None:
    """
    Without a template there is nothing to render.
    """

    async def story() -> str:
        async with opened(create({})) as operation:
            return failed(await operation.invoke(call(**arguments))).type

    assert asyncio.run(story()) == "text.invalid"
