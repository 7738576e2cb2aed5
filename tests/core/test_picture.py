"""Pictures of a plan: what they show, that they are neat, and that nobody can smuggle into them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from time import perf_counter
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core import bounds, picture
from engine.core.picture import layers
from engine.core.picture.graph import Kind, draw, nested
from engine.core.picture.layers import Cell
from engine.core.picture.place import Box, place
from engine.core.plan import Block, Emit, Plan, Step, Trigger
from engine.core.values import Json
from tests.core.runs import edge, only, plan, scope, step
from tests.core.showcase import SHOWCASE
from tests.core.test_machine_scope_walks import plans

NASTY = [
    'x"]; click n1 "javascript:alert(1)" %%{init: {}}%% `y` <script>alert(1)</script>',
    "end\n  n1 --> n9\r\nsubgraph x\x00\x1b[31m",
    'a\\" ]; evil [label="\\',
    "&lt;b&gt; ]]> --> <!-- {{ x }} 日本語 \u202e",
]
SVG = "{http://www.w3.org/2000/svg}"
MERMAID = re.compile(
    r"flowchart TB| *(?:(?:subgraph )?n\d+\[\"[^\"`{}%\\]*\"\]|end|"
    r"n\d+ (?:-->|-\.->|==>|-\.-)(?:\|\"[^\"`{}%\\]*\"\|)? n\d+|"
    r"classDef \w+ [\w:#,]+|class [n\d,]+ \w+)"
)
DOT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def named(text: str) -> Plan:
    """Return a plan with a text of its author wherever one may stand."""
    inner = scope(step("a", verb=Emit(text), condition=text))
    made = plan(scope(step("b", verb=Block(inner)), step("c", edge(0), condition=text)))
    return replace(made, name=text, title=text, triggers=(Trigger("t", text, {}),), file=text)


def test_a_graph_tells_its_edges_apart() -> None:
    """
    What the author wrote, what was inferred from data or from order, and what stands beside.
    """
    graph = draw(SHOWCASE)
    names = {each.key: each.title for each in graph.shapes}
    lines = {(names[e.source], names[e.target], e.kind, e.label) for e in graph.lines}

    assert {
        ("start_here", "load", Kind.NEEDS, ""),
        ("load", "alarm", Kind.NEEDS, "failed"),
        ("fetch", "check", Kind.DATA, ""),
        ("start_here", "report", Kind.ORDER, ""),
        ("store", "compensate", Kind.COMPENSATION, ""),
        ("send", "fallback", Kind.FALLBACK, ""),
        ("steps", "on_failure acme.declined of load", Kind.HANDLER, ""),
        ("steps", "on_failure if error.class == 'x' then recover", Kind.HANDLER, ""),
        ("steps", "finally", Kind.FINALLY, ""),
        ("steps", "on_compensation_failure", Kind.ALERT, ""),
    } <= lines


def test_a_graph_has_every_scope_where_it_belongs() -> None:
    """
    A case, a branch and an item stand inside their step; a scope of one verb is one node.
    """
    graph = draw(SHOWCASE)
    inside = {
        shape.path: next((s.path or s.title for s in graph.shapes if s.key == shape.inside), "")
        for shape in graph.shapes
    }

    assert "load" == inside["load[].fetch"]
    assert "route" == inside["route[2]"]
    assert "route[2]" == inside["route[2].a"]
    assert "fast" == inside["fast[cdn]"]
    assert "steps" == inside["load"]
    assert "on_failure[1]" == inside["on_failure[1].declined"]
    poll = next(each for each in graph.shapes if each.path == "poll")
    assert (False, "echo.say@1 · 4 attempts") == (poll.is_cluster, poll.about)
    assert "repeat until self.outputs.x, at most 30 times" == poll.note


def test_mermaid_of_a_small_plan() -> None:
    """
    Solid arrows as written, dotted as inferred.
    """
    made = plan(scope(step("a"), step("b", edge(0)), step("c", edge(0, inferred=True))))

    assert """\
flowchart TB
  n1["a<br/><small>echo.say@1</small>"]
  n2["b<br/><small>echo.say@1</small>"]
  n3["c<br/><small>echo.say@1</small>"]
  n1 --> n2
  n1 -.-> n3
""" == picture.as_mermaid(made).replace("#64;", "@")


def test_dot_draws_clusters() -> None:
    """
    A scope is a cluster, and an edge to it ends at its border.
    """
    made = plan(scope(step("a"), step("b", edge(0), verb=Block(scope(step("c"))))))
    told = picture.as_dot(made)

    assert "subgraph cluster_n2 {" in told
    assert "n1 -> n2_ [lhead=cluster_n2];" in told
    assert 'digraph "demo" {' == told.splitlines()[0]


@pytest.mark.parametrize("made", [SHOWCASE, *map(named, NASTY)])
def test_nothing_an_author_wrote_is_mermaid(made: Plan) -> None:
    """
    Every line is one that the printer means, whatever titles, conditions and types hold.
    """
    lines = picture.as_mermaid(made).splitlines()

    assert [] == [line for line in lines if not MERMAID.fullmatch(line)]
    assert lines.count("flowchart TB") == 1


@pytest.mark.parametrize("made", [SHOWCASE, *map(named, NASTY)])
def test_nothing_an_author_wrote_is_dot(made: Plan) -> None:
    """
    Outside of its strings a graph holds only words and marks of the printer.
    """
    bare = DOT.sub('""', picture.as_dot(made))

    assert re.fullmatch(r'[\w\s{}\[\];=,>"-]*', bare)
    assert bare.count("{") == bare.count("}")
    assert "evil" not in bare


@settings(max_examples=60, deadline=None)
@given(st.text())
@example(NASTY[0])
@example(NASTY[1])
@example(NASTY[2])
@example(NASTY[3])
def test_nothing_an_author_wrote_is_svg(text: str) -> None:
    """
    The file is well-formed, has the same elements whatever it says, and asks for nothing outside.
    """
    drawn = picture.as_svg(named(text))
    tags = [each.tag for each in ElementTree.fromstring(drawn).iter() if each.tag != f"{SVG}text"]

    assert tags == [
        each.tag
        for each in ElementTree.fromstring(picture.as_svg(named("x"))).iter()
        if each.tag != f"{SVG}text"
    ]
    assert not re.search(r"href|src=|@import|url\((?!#)|<script|<foreignObject", drawn)


def test_an_svg_is_for_everybody() -> None:
    """
    It has a name and a description that tells every edge, and colours for light and for dark.
    """
    root = ElementTree.fromstring(picture.as_svg(SHOWCASE))
    told = root.findtext(f"{SVG}desc") or ""

    assert ("img", "title desc") == (root.get("role"), root.get("aria-labelledby"))
    assert "Workflow showcase" == root.findtext(f"{SVG}title")
    assert "load[].check: echo.say@1, reads load[].fetch." in told
    assert "alarm: emit acme.failed, after load (failed)." in told
    assert "prefers-color-scheme:dark" in (root.findtext(f"{SVG}style") or "")


def test_a_long_description_is_cut() -> None:
    """
    Nobody has to listen to two thousand sentences.
    """
    drawn = picture.as_svg(plan(scope(*(step(f"s{n}") for n in range(70)))))

    assert "And 10 more.</desc>" in drawn


def meets(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@settings(max_examples=60, deadline=None)
@given(plans())
@example(SHOWCASE)
def test_shapes_stand_in_their_cluster_and_clear_of_each_other(made: Plan) -> None:
    """
    No box covers another beside it, none leaves the one that it belongs to or the picture.
    """
    graph = draw(made)
    placed = place(graph)
    whole = Box(0, 0, placed.width, placed.height)
    for one, other in combinations(graph.shapes, 2):
        if one.inside == other.inside:
            assert not meets(placed.boxes[one.key], placed.boxes[other.key]), (one, other)
    for each in graph.shapes:
        box, around = placed.boxes[each.key], placed.boxes.get(each.inside, whole)
        assert around.x - 0.1 <= box.x <= around.x + around.width - box.width + 0.1
        assert around.y - 0.1 <= box.y <= around.y + around.height - box.height + 0.1
    assert len(graph.shapes) == sum(not is_end for _, _, is_end in nested(graph))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_arrows_lead_down_and_around_boxes(data: st.DataObject) -> None:
    """
    An arrow begins at its source, ends at its target, and goes through no other box.
    """
    count = data.draw(st.integers(1, 12))
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    arrows = [(a, b) for a, b in data.draw(st.lists(pair, max_size=20, unique=True)) if a < b]
    sizes = data.draw(st.lists(st.integers(10, 200), min_size=count, max_size=count))
    laid = layers.arrange([Cell(w / 2, w / 2, w / 4) for w in sizes], arrows)

    assert arrows == [(each.source, each.target) for each in laid.routes]
    for route in laid.routes:
        ys = [y for _, y in route.points]
        assert ys == sorted(ys)
        assert route.points[-1] == (laid.cells[route.target].x, laid.cells[route.target].y)
        for number, cell in enumerate(laid.cells):
            if number in (route.source, route.target):
                continue
            for (x, y), (to_x, to_y) in zip(route.points, route.points[1:], strict=False):
                beside = max(x, to_x) <= cell.x - cell.left or min(x, to_x) >= cell.x + cell.right
                assert beside or to_y <= cell.y or y >= cell.y + cell.height


@pytest.mark.parametrize(
    ("arrows", "order"),
    [
        ([(0, 3), (1, 2)], [3, 2]),
        ([(a, b) for a in (0, 1) for b in (2, 3)], [2, 3]),
        ([(0, 3), (1, 2), (2, 5), (3, 4)], [3, 2]),
    ],
)
def test_arrows_cross_no_more_than_they_must(
    arrows: list[tuple[int, int]], order: list[int]
) -> None:
    """
    Boxes of a layer change places where that untangles arrows, and only then.
    """
    cells = layers.arrange([Cell(20, 20, 10) for _ in range(6)], arrows).cells

    assert order == sorted(order, key=lambda each: cells[each].x)


def test_two_thousand_steps_are_drawn_in_seconds() -> None:
    """
    The largest plan there may be, with arrows over many layers, is no reason to wait.
    """
    row: list[Step] = [step("s0")]
    for n in range(1, 2000):
        row.append(step(f"s{n}", *map(edge, sorted({0, n - 1, max(0, n - 900)}))))
    made = plan(scope(*row))
    began = perf_counter()
    drawn = picture.as_svg(made)

    assert perf_counter() - began < 60
    assert 2000 == drawn.count('class="node uses"')


def test_the_text_of_a_plan_shows_scopes_in_their_step() -> None:
    """
    The tree holds what a step opens, when it is skipped, and what stands in for it.
    """
    lines = picture.as_text(SHOWCASE, bounds.of(SHOWCASE)).splitlines()
    told = [re.sub(r" {2,}", "  ", line.strip()) for line in lines]

    assert "showcase  One of everything" == told[0]
    assert "secrets  token" == told[4]
    assert any(line.startswith("├─ load  for each each of inputs.all") for line in told)
    assert "│  ┆ ● fetch  echo.say@1  up to 4 attempts, timeout 5m" in told
    assert "│  ┆  ┆ compensate  echo.say@1  up to 4 attempts, timeout 5m" in told
    assert any("alarm  emit acme.failed  skipped unless load failed" in line for line in told)
    assert any("skipped without outputs of start_here" in line for line in told)
    assert "on_compensation_failure  echo.say@1  timeout 5m" in told
    assert "at worst" in told


def test_the_text_of_a_plan_ends_with_its_worst_case() -> None:
    """
    Numbers, and `no limit` where there is none.
    """
    made = plan(scope(step("a", verb=Emit("e"), compensation=only(Emit("e")))))
    lines = picture.as_text(made, bounds.of(made)).splitlines()
    plain = plan(scope(step("a")))
    alert = scope(step("page", compensation=only(Emit("e")), verb=Emit("e")))
    endless = replace(made, on_compensation_failure=alert)
    worst = picture.as_text(endless, bounds.of(endless))

    assert ["adapter calls  0", "at once        0", "duration       0s", "events         2"] == [
        line.strip() for line in lines[-4:]
    ]
    assert "events         no limit" in worst
    assert "events" not in picture.as_text(plain, bounds.of(plain))
    assert "duration       no limit" in worst


def test_the_text_of_a_plan_steers_no_terminal() -> None:
    """
    What an author wrote is shown and not obeyed.
    """
    made = named(NASTY[1])
    told = picture.as_text(made, bounds.of(made))

    assert "\x1b" not in told
    assert "\x00" not in told


def test_the_text_of_a_plan_tells_when_the_clock_starts_it() -> None:
    """
    The next three times of each schedule, from the instant that is asked for.
    """
    settings: dict[str, Json] = {
        "cron": "30 2 * * *", "timezone": "Europe/Oslo",
        "dst": {"gap": "run_after", "overlap": "first"},
    }  # fmt: skip
    never: Json = {**settings, "cron": "30 2 30 2 *"}
    triggers = (
        Trigger("manual", "manual", {}), Trigger("nightly", "schedule", settings),
        Trigger("never", "schedule", never),
    )  # fmt: skip
    made = replace(plan(scope(step("a"))), triggers=triggers)
    told = picture.as_text(made, bounds.of(made), datetime(2026, 3, 28, 12, tzinfo=UTC))

    assert [
        "  next     nightly: 2026-03-29T03:00:00+02:00, 2026-03-30T02:30:00+02:00,"
        " 2026-03-31T02:30:00+02:00",
        "  next     never: never within 50 years",
    ] == [line for line in told.splitlines() if line.startswith("  next")]
