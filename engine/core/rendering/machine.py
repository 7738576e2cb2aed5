"""Findings for programs: the JSON of `sark check`, SARIF 2.1.0, GitHub annotations."""

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from engine.core.diagnostic import Diagnostic, Edit, Severity, Span
from engine.core.rendering.excerpt import visible
from engine.core.values import Json

_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_SARIF: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def as_json(findings: Sequence[Diagnostic], files: int) -> str:
    """Return `{"findings": [...], "files": n}`, indented; `files` were looked at."""
    body = {"findings": [finding_as_json(each) for each in findings], "files": files}
    return json.dumps(body, indent=2, ensure_ascii=False)


def as_sarif(findings: Sequence[Diagnostic]) -> str:
    """Return a SARIF 2.1.0 log with one run, indented; columns count code points."""
    codes = sorted({each.code for each in findings})
    rules = [{"id": code} for code in codes]
    run = {
        "tool": {"driver": {"name": "sark", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.code)) for each in findings],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def as_github(findings: Sequence[Diagnostic]) -> str:
    """Return a workflow command a line, which GitHub Actions shows in the diff."""
    return "".join(f"{_command(each)}\n" for each in findings)


def finding_as_json(each: Diagnostic) -> dict[str, Json]:
    """Return one finding as `sark check --format json` prints it."""
    return {
        "code": each.code,
        "severity": each.severity.value,
        "message": each.message,
        "file": each.span.file,
        "line": each.span.line,
        "column": each.span.column,
        "hint": each.hint,
        "fix": None if each.fix is None else _fix(each.fix),
    }


def _fix(each: Edit) -> dict[str, Json]:
    return {
        "line": each.span.line,
        "column": each.span.column,
        "end": each.span.end,
        "text": each.text,
        "sure": each.is_sure,
    }


def _result(each: Diagnostic, rule: int) -> dict[str, Json]:
    result: dict[str, Json] = {
        "ruleId": each.code,
        "ruleIndex": rule,
        "level": _LEVELS[each.severity],
        "message": {"text": _sentence(each)},
        "locations": [_location(each.span)],
    }
    if each.related:
        result["relatedLocations"] = [
            {"id": index, "message": {"text": other.message}, **_location(other.span)}
            for index, other in enumerate(each.related)
        ]
    if each.fix is not None:
        result["fixes"] = [_sarif_fix(each.hint, each.fix)]
    return result


def _sarif_fix(hint: str, fix: Edit) -> dict[str, Json]:
    replacement: Json = {"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.text}}
    change: Json = {"artifactLocation": _artifact(fix.span), "replacements": [replacement]}
    return {"description": {"text": hint}, "artifactChanges": [change]}


def _location(span: Span) -> dict[str, Json]:
    return {"physicalLocation": {"artifactLocation": _artifact(span), "region": _region(span)}}


def _artifact(span: Span) -> dict[str, Json]:
    return {"uri": quote(span.file)}


def _region(span: Span) -> dict[str, Json]:
    region: dict[str, Json] = {"startLine": span.line, "startColumn": span.column}
    if span.end > span.column:
        region["endColumn"] = span.end
    return region


def _command(each: Diagnostic) -> str:
    """Return the command, escaped as `@actions/core` does it in `command.ts`."""
    span = each.span
    properties = {"file": span.file, "line": str(span.line), "col": str(span.column)}
    if span.end > span.column:
        properties["endColumn"] = str(span.end)
    properties["title"] = each.code
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[each.severity]} {told}::{_data(_sentence(each))}"


def _sentence(each: Diagnostic) -> str:
    return f"{each.message}\n{each.hint}" if each.hint else each.message


def _data(text: str) -> str:
    lines = (visible(line).replace("%", "%25") for line in text.split("\n"))
    return "%0A".join(lines)


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
