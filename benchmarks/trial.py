"""How many tests a second `sark test` tries out: five steps, one of them asked twice.

python -m benchmarks.trial [COUNT]

`read` is the YAML of the tests to their models, `judge` what becomes of them; seconds are of the
CPU. The last line is JSON.
"""

import json
import os
import sys
import time
from collections.abc import Sequence

from engine.cli.garbage import uncollected
from engine.core import spec
from engine.core.compiler import survey
from engine.core.document import MAX_DOCUMENTS
from engine.core.facts import Catalogue
from engine.core.trial import Suite, Written
from engine.operations import catalogue
from engine.source import File, compile_files

_COUNT = 2_000
_GOAL = 2_000  # tests a second
_WORKFLOW = """\
apiVersion: sark/v1
kind: Workflow
name: order
inputs:
  day: {type: string}
steps:
  look:
    uses: http.request@1
    with: {method: GET, url: "https://shop.example/{{ inputs.day }}"}
    outputs: {count: {type: integer, from: body.count}}
  load:
    uses: http.request@1
    with: {method: PUT, url: "https://store.example/days", json: {n: "{{ steps.look.outputs.count }}"}}
    outputs: {id: {type: string, from: body.id}}
  ok: {needs: [load], approve: {by: ["group:ops"], expires: 1h, show: "Publish?"}}
  publish:
    needs: [ok]
    uses: http.request@1
    with: {method: PUT, url: "https://store.example/live", json: {id: "{{ steps.load.outputs.id }}"}}
  say: {needs: [publish], uses: echo.say@1, with: {message: "published {{ inputs.day }}"}}
outputs:
  id: {type: string, value: "{{ steps.load.outputs.id }}"}
"""  # noqa: E501
_TEST = """\
apiVersion: sark/v1
kind: WorkflowTest
name: t{n}
workflow: order
given: {{inputs: {{day: d{n}}}}}
mock:
  look: [{{error: {{type: http.status, class: transient}}}}, {{outputs: {{count: {n}}}}}]
  load: {{outputs: {{id: x{n}}}}}
  ok: {{decision: approved, takes: 5m}}
expect:
  run: {{state: succeeded}}
  steps: {{look: {{attempts: 2}}, say: succeeded}}
  order: [look, load, ok, publish, say]
  outputs: {{id: x{n}}}
"""


def main() -> None:
    """Print how many tests a second are read and judged."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _COUNT
    with uncollected():  # as the command is
        _measure(count)


def _measure(count: int) -> None:
    plans = compile_files([File("w.yaml", "", _WORKFLOW.encode())], catalogue()).plans
    began = time.process_time()
    tests = _read(count)
    read = time.process_time()
    suite = Suite(plans, Catalogue(catalogue()), lambda _: True)
    failed = sum(not suite.judge(each).has_passed for each in tests)
    judged = time.process_time()
    if failed:
        raise SystemExit(f"{failed} of {count} tests failed")
    rows = [_row("read", count, read - began), _row("judge", count, judged - read)]
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()))
    print(json.dumps({"tests": count, "cores": os.cpu_count(), "goal": _GOAL, "rows": rows}))


def _read(count: int) -> Sequence[Written]:
    """Return tests as a person has them, many in a file."""
    tests = []
    for first in range(0, count, MAX_DOCUMENTS):
        texts = (_TEST.format(n=n) for n in range(first, min(first + MAX_DOCUMENTS, count)))
        for part in survey("t.yaml", "---\n".join(texts).encode()).parts:
            assert isinstance(part.model, spec.WorkflowTest)
            tests.append(Written(part.document, part.model))
    return tests


def _row(shape: str, count: int, seconds: float) -> dict[str, object]:
    return {"shape": shape, "seconds": round(seconds, 3), "a_second": round(count / seconds)}


if __name__ == "__main__":
    main()
