"""The compiler's cases: pairs of files in `plans/`, a spec and what it compiles to.

`NAME.plan.json` is the plan, `NAME.findings.json` what there is to say; a spec with warnings has
both. `python -m tests.core.cases` writes them, and the page of all findings, anew: read the
difference before you commit it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core.codec import encode
from engine.core.commit import Unit
from engine.core.compiler import compile_file
from engine.core.compiler.codes import errors_page
from engine.core.diagnostic import Diagnostic
from engine.core.values import Json
from tests.core.beside import Files
from tests.core.catalogue import CATALOGUE

ERRORS = Path(__file__).parents[2] / "docs/reference/errors.md"
FOLDER = Path(__file__).parent / "plans"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


_BESIDE: Mapping[str, bytes] = {
    "schemas/alert.json": b'{"type": "object", "properties": {"anything": {"type": "string"}}}'
}


def unit_of(file: str, text: bytes) -> Unit:
    """Return what a case compiles to."""
    return compile_file(file, text, CATALOGUE, Files(_BESIDE))


def compiled(name: str) -> dict[str, Any]:
    """Return what a case compiles to, by the ending of the file that holds it."""
    unit = unit_of(f"{name}.yaml", (FOLDER / f"{name}.yaml").read_bytes())
    told: dict[str, Any] = {}
    if unit.workflows and (plan := unit.workflows[0].plan) is not None:
        told["plan.json"] = encode(plan)
    if unit.diagnostics:
        told["findings.json"] = [_finding(each) for each in unit.diagnostics]
    return told


def expected(name: str) -> dict[str, Any]:
    """Return what the files beside a case hold."""
    endings = ("plan.json", "findings.json")
    files = {ending: FOLDER / f"{name}.{ending}" for ending in endings}
    return {ending: json.loads(file.read_text()) for ending, file in files.items() if file.exists()}


def _finding(told: Diagnostic) -> dict[str, Json]:
    where = told.span
    body: dict[str, Json] = {
        "code": told.code,
        "severity": told.severity.value,
        "at": f"{where.line}:{where.column}-{where.end}",
        "message": told.message,
    }
    more: dict[str, Json] = {
        "hint": told.hint,
        "expected": told.expected,
        "related": [f"{each.span.line}:{each.span.column} {each.message}" for each in told.related],
    }
    return body | {key: value for key, value in more.items() if value}


def _write() -> None:
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name in NAMES:
        for ending, body in compiled(name).items():
            text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
            (FOLDER / f"{name}.{ending}").write_text(text)
    ERRORS.write_text(errors_page())


if __name__ == "__main__":
    _write()
