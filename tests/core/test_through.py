"""Steps that call through a connection."""

import pytest

from engine.core.change.reach import reach
from engine.core.facts import Catalogue
from engine.core.plan import Plan, Uses
from engine.core.values import Json
from engine.operations import catalogue
from engine.source import Compiled, File, compile_files
from tests.core.test_variable import HEAD, environment, found

STORE = HEAD.format("Connection", "store") + (
    "adapter: http\nsecrets: [token]\n"
    "with: {url: 'https://store.example/v1/', auth: {bearer: '{{ secrets.token }}'}, "
    "headers: {X-A: a}}\n"
)
DB = HEAD.format("Connection", "db") + (
    "adapter: sql\nsecrets: [dsn]\nwith: {dsn: '{{ secrets.dsn }}'}\n"
)
WORKFLOW = HEAD.format("Workflow", "w") + "inputs: {n: {type: string}}\n"


def compiled(*texts: str, at: str = "") -> Compiled:
    files = [File(f"{i}.yaml", "", each.encode()) for i, each in enumerate(texts)]
    return compile_files(files, catalogue(), None, at)


def plan(steps: str, *beside: str, at: str = "") -> Plan:
    made = compiled(WORKFLOW + steps, *beside, at=at)
    assert [] == [each for each in made.diagnostics if each.code != "unused-input"]
    return made.plans["w"]


def arguments(made: Plan) -> Json:
    [step] = made.root.steps
    assert isinstance(step.verb, Uses)
    return step.verb.arguments


def url(made: Plan) -> Json:
    told = arguments(made)
    assert isinstance(told, dict)
    url: Json = told["url"]
    return url


def test_a_connection_gives_what_a_step_leaves_out() -> None:
    """
    Where it talks, and as whom: the step says the rest, its path behind the connection's address.
    """
    made = plan(
        "steps: {a: {uses: http.request@1, connection: store, "
        "with: {url: '/orders/{{ inputs.n }}', headers: {X-B: b}}}}\n",
        STORE,
    )

    assert {
        "url": "https://store.example/v1/orders/{{ (inputs.n) | urlencode }}",
        "auth": {"bearer": "{{ secrets.token }}"},
        "headers": {"X-A": "a", "X-B": "b"},
    } == arguments(made)
    assert ("token",) == made.secrets
    told = reach(made, Catalogue(catalogue()))
    assert (("store.example",), ("token",)) == (told.hosts, told.secrets)


def test_a_step_may_leave_out_all() -> None:
    """
    The required arguments may all be the connection's.
    """
    made = plan("steps: {a: {uses: http.request@1, connection: store}}\n", STORE)

    assert "https://store.example/v1/" == url(made)


def test_an_environment_says_where_its_steps_talk() -> None:
    """
    The overlay of a connection leads the steps elsewhere there.
    """
    p = environment("p", "connections: {store: {with: {url: 'https://p.example'}}}\n")
    steps = "steps: {a: {uses: http.request@1, connection: store, with: {url: /x}}}\n"

    urls = [url(plan(steps, STORE, p, at=at)) for at in ("p", "q")]

    assert ["https://p.example/x", "https://store.example/v1/x"] == urls


def test_every_call_may_go_through_one() -> None:
    """
    A body, a fallback and a compensation name a connection as a step does.
    """
    call = "uses: sql.query@1, connection: db, with: {statement: SELECT 1}"
    made = plan(
        f"steps:\n  a: {{{call}, effect: read, fallback: {{{call}, effect: read}}}}\n"
        f"  b: {{for_each: {{over: '[1]', max_items: 1, {call}, effect: read}}}}\n"
        f"  c: {{switch: [{{if: inputs.n == 'x', steps: [{{id: d, {call}, effect: read}}]}}, "
        "{else: {steps: []}}]}\n",
        DB,
    )

    assert ("dsn",) == made.secrets


@pytest.mark.parametrize(
    ("step", "code", "place"),
    [
        ("uses: http.request@1, connection: stoer", "unknown-connection", "1:4:47"),
        ("uses: sql.query@1, connection: store", "connection-adapter", "1:4:44"),
        (
            "uses: http.request@1, connection: store, with: {url: 'https://evil.example/'}",
            "connection-argument",
            "1:4:61",
        ),
        (
            "uses: http.request@1, connection: store, with: {auth: {bearer: x}}",
            "connection-argument",
            "1:4:68",
        ),
        (
            "uses: http.request@1, connection: store, "
            "with: {url: /x, headers: {X-T: '{{ secrets.token }}'}}",
            "unknown-secret",
            "1:4:89",
        ),
        ("uses: http.nothing@1, connection: store", "unknown-operation", "1:4:19"),
        ("set: {a: {type: string, value: x}}, connection: store", "misplaced-key", "1:4:49"),
    ],
)
def test_what_is_wrong_is_told(step: str, code: str, place: str) -> None:
    """
    A name that is not there, one of another adapter, what is said twice, a secret that is lent to
    the connection alone.
    """
    workflow = HEAD.format("Workflow", "w") + f"steps: {{s: {{{step}}}}}\n"

    told = found(compiled(STORE, workflow))

    assert (code, place) in [each[:2] for each in told]
    assert "unused-secret" not in [each[0] for each in told]


def test_a_connection_gives_only_what_is_taken() -> None:
    """
    A misspelt argument is found at the connection, and at the overlay that says it.
    """
    wrong = STORE.replace("url:", "ulr:")
    p = environment("p", "connections: {store: {with: {ulr: 'https://p.example'}}}\n")
    step = WORKFLOW + "steps: {a: {uses: http.request@1, connection: store}}\n"

    assert "unknown-argument" in [each[0] for each in found(compiled(wrong))]
    assert ("unknown-argument", "2:4:30") in [each[:2] for each in found(compiled(step, STORE, p))]


def test_a_base_with_a_template_is_not_put_before_a_path() -> None:
    """
    Nobody could tell then which host it leads to: the step says nothing of the address.
    """
    told = compiled(
        STORE.replace("https://store.example/v1/", "{{ secrets.token }}"),
        WORKFLOW + "steps: {a: {uses: http.request@1, connection: store, with: {url: /x}}}\n",
    )

    assert "connection-argument" in [each[0] for each in found(told)]


def test_a_broken_connection_is_told_of_where_it_stands() -> None:
    """
    What cannot be read gives nothing, and the commit does not compile for that.
    """
    told = compiled(
        STORE.replace("adapter: http", "adapter: 3"),
        WORKFLOW + "steps: {a: {uses: http.request@1, connection: store, with: {url: /x}}}\n",
    )

    assert ("bad-value", "0:4:10") == found(told)[0][:2]


def test_a_secret_is_lent_to_no_argument_that_takes_none() -> None:
    """
    What holds of a step's own arguments holds of those that it is given.
    """
    leaking = HEAD.format("Connection", "store") + (
        "adapter: http\nsecrets: [token]\n"
        "with: {url: 'https://a.example', query: {t: '{{ secrets.token }}'}}\n"
    )
    step = WORKFLOW + "steps: {a: {uses: http.request@1, connection: store}}\n"

    assert "secret-leak" in [each[0] for each in found(compiled(leaking, step))]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("uses: sql.query@1, connection: bd, with: {statement: SELECT 1}", "unknown-connection"),
        ("uses: http.request@1, connection: bd, with: {url: /orders}", "unknown-connection"),
        ("uses: http.request@1, connection: db, with: {url: /orders}", "connection-adapter"),
    ],
)
def test_what_an_unknown_connection_would_give_is_not_missed(step: str, code: str) -> None:
    """
    Who misspells the name of a connection is told that, and not all that it would have given.
    """
    right = "uses: sql.query@1, connection: db, with: {statement: s}"
    spec = f"steps: {{a: {{{step}}}, b: {{{right}}}}}\n"
    codes = {each.code for each in compiled(WORKFLOW + spec, DB).diagnostics}

    assert {code} == codes - {"unused-input"}
