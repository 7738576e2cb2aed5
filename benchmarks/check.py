"""How long `sark check` takes: 1,000 specs of 40 lines cold and again, and one file by itself.

python -m benchmarks.check [COUNT]

Each row is a command as a person types it, process start included: the middle of five (of three,
cold). `cpu` is the user and system time of the command with its children; `again` finds the cache
that `cold` has written, `changed` does so after a change of one file. `start` is `sark --help`,
below which no command can be. Python keeps what it has compiled of the program, as it does wherever
that is installed; a first command, which is not told, has it compile. The last line is JSON.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Row = dict[str, object]

_COUNT = 1_000
_GOALS = {"cold": 1.5, "again": 0.2, "one": 0.4}
_SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: w{n}
title: Load shard {n}
owners: [team-data]
inputs:
  env: {{type: string, enum: [staging, production], default: staging}}
  count: {{type: integer, default: 3}}
secrets: [token]
triggers:
  pushed:
    type: github.push
    repo: acme/web
    branches: [main]
  hook:
    type: webhook
    path: w{n}
    auth: {{hmac: key}}
    filter: event.body.status == 'done'
steps:
  fetch:
    uses: http.request@1
    with:
      method: GET
      url: "https://apps.example/{n}/{{{{ inputs.env }}}}"
      auth: {{bearer: "{{{{ secrets.token }}}}"}}
    outputs:
      image: {{type: string, from: body.image}}
  say:
    uses: echo.say@1
    with: {{message: "image {{{{ steps.fetch.outputs.image }}}} {n}"}}
    if: inputs.count > 2
  again:
    uses: echo.say@1
    needs: [say]
    with: {{message: "done {{{{ inputs.count + {n} }}}}"}}
finally:
  steps:
    log: {{uses: echo.say@1, with: {{message: "{{{{ run.status }}}}"}}}}
outputs:
  image: {{type: string, value: "{{{{ steps.fetch.outputs.image }}}}"}}
"""


def main() -> None:
    """Print each figure as it is known, then all of them as JSON on the last line."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _COUNT
    told: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="sark-bench-") as name:
        bench = _Bench(Path(name))
        for number in range(count):
            bench.write(number, 0)
        bench.run(["check", str(bench.specs / "w0.yaml")], lambda _: None, 0)
        shapes: list[tuple[str, int, Callable[[int], None], list[str]]] = [
            ("start", 5, lambda _: None, ["--help"]),
            ("cold", 3, lambda _: bench.forget(), ["check", str(bench.specs)]),
            ("again", 5, lambda _: None, ["check", str(bench.specs)]),
            ("changed", 5, lambda turn: bench.write(0, turn), ["check", str(bench.specs)]),
            ("one", 5, lambda _: bench.forget(), ["check", str(bench.specs / "w1.yaml")]),
        ]
        for shape, repeats, before, words in shapes:
            rows = sorted(bench.run(words, before, turn) for turn in range(1, repeats + 1))
            seconds, cpu = rows[repeats // 2]
            goal = {"goal": _GOALS[shape]} if shape in _GOALS else {}
            told.append({"shape": shape, "seconds": seconds, "cpu": cpu, **goal})
            print("  ".join(f"{key}={value}" for key, value in told[-1].items()), flush=True)
    print(json.dumps({"specs": count, "cores": os.cpu_count(), "rows": told}))


class _Bench:
    """A folder of specs, and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.specs = folder / "specs"
        self.specs.mkdir()
        self._cache = folder / "cache"

    def write(self, number: int, turn: int) -> None:
        """Write a spec, another one for another turn."""
        text = _SPEC.format(n=number) + f"labels: {{turn: t{turn}}}\n"
        (self.specs / f"w{number}.yaml").write_text(text)

    def forget(self) -> None:
        """Take away what was found out before."""
        for file in self._cache.glob("sark/check/*"):
            file.unlink()

    def run(self, words: list[str], before: Callable[[int], None], turn: int) -> tuple[float, ...]:
        """Return the seconds, and the CPU seconds, that a command takes; it must succeed."""
        before(turn)
        environment = {**os.environ, "XDG_CACHE_HOME": str(self._cache)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        began, cpu = time.perf_counter(), _cpu()
        subprocess.run(
            [sys.executable, "-m", "engine.cli", *words],
            check=True, capture_output=True, env=environment,
        )  # fmt: skip
        return round(time.perf_counter() - began, 3), round(_cpu() - cpu, 3)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
