"""What compiles can be evaluated: random specs of scopes in scopes, compiled and run."""

import json
from collections.abc import Mapping
from zlib import crc32

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.core.compiler import compile_file
from engine.core.values import Json
from tests.core.catalogue import CATALOGUE
from tests.core.stage import Broken, Stage

_INTEGER = {"type": "integer"}
_KINDS = ("set", "uses", "block", "for_each", "repeat", "switch", "race")


class Writer:
    """Writes steps that each give an integer `n`, and read those that they see."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._count = 0

    def steps(self, seen: list[str], depth: int) -> tuple[dict[str, Json], list[str]]:
        """Return a graph of steps and the names of those that it has."""
        made: dict[str, Json] = {}
        names: list[str] = []
        for _ in range(self._draw(st.integers(1, 3))):
            self._count += 1
            name = f"s{self._count}"
            made[name] = self._step([*seen, *names], depth)
            names.append(name)
        return made, names

    def value(self, seen: list[str]) -> str:
        """Return an expression that gives an integer."""
        if not seen or self._draw(st.booleans()):
            return str(self._draw(st.integers(0, 3)))
        name = self._draw(st.sampled_from(seen))
        default = self._draw(st.sampled_from(["", " | default(1)", " | default(2)"]))
        return f"(steps.{name}.outputs.n{default})"

    def scope(self, seen: list[str], depth: int) -> dict[str, Json]:
        """Return steps, and `n` of one of them as what they give."""
        steps, names = self.steps(seen, depth + 1)
        return {"steps": steps, "outputs": {"n": self._typed([*seen, *names])}}

    def _typed(self, seen: list[str]) -> Json:
        return {**_INTEGER, "value": f"{{{{ {self.value(seen)} }}}}"}

    def _step(self, seen: list[str], depth: int) -> dict[str, Json]:
        kinds = _KINDS if depth < 3 else _KINDS[:2]
        step = getattr(self, f"_{self._draw(st.sampled_from(kinds))}")(seen, depth)
        told: dict[str, Json] = dict(step)
        if self._draw(st.integers(0, 4)) == 0:
            told["if"] = f"{self.value(seen)} > 0"
        if self._draw(st.integers(0, 5)) == 0:
            told["optional"] = True
        if seen and self._draw(st.integers(0, 9)) == 0:
            told["fallback"] = {"outputs": {"n": f"{{{{ {self.value(seen)} }}}}"}}
            told = told if "set" not in told else dict(step)
        return told

    def _set(self, seen: list[str], _: int) -> dict[str, Json]:
        return {"set": {"n": self._typed(seen)}}

    def _uses(self, seen: list[str], _: int) -> dict[str, Json]:
        undo: Json = {"uses": "count.up@2", "with": {"by": f"{{{{ {self.value(seen)} }}}}"}}
        more = {"compensate": undo} if self._draw(st.booleans()) else {}
        outputs: Json = {"n": {**_INTEGER, "from": "total"}}
        by = f"{{{{ {self.value(seen)} }}}}"
        return {"uses": "count.up@2", "with": {"by": by}, "outputs": outputs, **more}

    def _block(self, seen: list[str], depth: int) -> dict[str, Json]:
        told = self.scope(seen, depth)
        if self._draw(st.booleans()):
            value = f"{{{{ {self.value(seen)} }}}}"
            match: Json = {"match": {"any": True}, "then": "recover", "steps": {}}
            told["on_failure"] = [{**match, "outputs": {"n": value}}]  # type: ignore[dict-item]
        return {"block": told}

    def _for_each(self, seen: list[str], depth: int) -> dict[str, Json]:
        collect: Json = {"n": {**_INTEGER, "value": "{{ items | map('n') | sum }}"}}
        bounds: dict[str, Json] = {"over": "[1, 2]", "as": f"i{self._count}"}
        return {"for_each": {**bounds, **self.scope(seen, depth), "collect": collect}}

    def _repeat(self, seen: list[str], depth: int) -> dict[str, Json]:
        until = "self.outputs.n > 1"
        bounds: dict[str, Json] = {"until": until, "max_times": 2, "on_exhausted": "continue"}
        outputs: Json = {"n": {**_INTEGER, "from": "last.n"}}
        return {"repeat": {**self.scope(seen, depth), **bounds}, "outputs": outputs}

    def _switch(self, seen: list[str], depth: int) -> dict[str, Json]:
        choice: Json = {"if": f"{self.value(seen)} > 1", **self.scope(seen, depth)}
        return {"switch": [choice, {"else": self.scope(seen, depth)}]}

    def _race(self, seen: list[str], depth: int) -> dict[str, Json]:
        branches: Json = {"a": self.scope(seen, depth), "b": self.scope(seen, depth)}
        return {"race": {"branches": branches}}


@st.composite
def specs(draw: st.DrawFn) -> str:
    head = {"apiVersion": "sark/v1", "kind": "Workflow", "name": "demo"}
    return json.dumps({**head, **Writer(draw).scope([], 0)})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(), st.integers(0, 3))
def test_what_compiles_can_be_evaluated(source: str, luck: int) -> None:
    """
    A run of a spec that compiles ends, and no expression in it meets what is not there.
    """
    [workflow] = compile_file("demo.yaml", source.encode(), CATALOGUE).workflows
    assume(workflow.plan is not None)

    def play(path: str, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        if crc32(f"{luck}{path}".encode()) % 4 < luck:
            raise Broken(path)
        return {"total": arguments["by"]}

    run = Stage(source, play).run

    errors = [each.error for each in run.steps.values() if each.error] + [run.error or {}]
    assert [] == [each for each in errors if str(each.get("type")).startswith("sark.")]
