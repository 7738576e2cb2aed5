"""A review for programs: JSON, and words about lines as forges show them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.core import change
from engine.core.diagnostic import Diagnostic, Severity
from engine.core.rendering.machine import finding_as_json
from engine.core.review import words
from engine.core.review.model import Annotation, Head, Impact, Review, Ruling
from engine.core.review.owners import Touched
from engine.core.values import Json

FORMAT = 1
MOST_ANNOTATIONS = 200
_LEVELS: Mapping[Severity, str] = {
    Severity.ERROR: "failure",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
}


def as_json(review: Review, now: datetime) -> dict[str, Json]:
    """Return all of it, nothing cut; `schemas/review.schema.json` says what is where."""
    told = change.as_json(review.changes, now)
    guard = review.guard
    return {
        "format": FORMAT,
        "source": review.source,
        "environment": review.environment,
        "root": review.root,
        "base": _head(review.base),
        "head": _head(review.head),
        "specs": review.specs,
        "plan": review.digest,
        "conclusion": review.conclusion.value,
        "workflows": told["workflows"],
        "impact": _impacts(review.impact),
        "findings": [finding_as_json(each) for each in review.findings],
        "rulings": [_ruling(each) for each in review.rulings.rulings],
        "rules": list(review.rulings.rules),
        "flips": list(review.rulings.flips),
        "callers": [{"workflow": name, "caller": caller} for name, caller in review.callers],
        "guard": None if guard is None else {"gone": guard.gone, "of": guard.of},
        "owners": _owners(review.owners),
        "what_if": list(review.what_if),
        "pull": review.pull or None,
        "fork": review.is_fork,
        "draft": review.is_draft,
    }


def annotations(review: Review) -> Sequence[Annotation]:
    """Return what is said of lines, the worst first, 200 at most."""
    return [_annotation(each) for each in words.findings(review)[:MOST_ANNOTATIONS]]


def _annotation(finding: Diagnostic) -> Annotation:
    message = f"{finding.message}\n{finding.hint}" if finding.hint else finding.message
    span = finding.span
    return Annotation(span.file, span.line, _LEVELS[finding.severity], finding.code, message)


def _head(head: Head) -> Json:
    return {"name": head.name, "commit": head.commit or None}


def _impacts(impacts: Mapping[str, Impact] | None) -> Json:
    if impacts is None:
        return None
    return {name: {"in_flight": dict(each.in_flight), "also": list(each.also)}
            for name, each in impacts.items()}  # fmt: skip


def _owners(told: Touched | None) -> Json:
    if told is None:
        return None
    return {
        "file": told.owners.file,
        "changes": told.is_changed,
        "groups": [{"owners": list(group), "files": list(files)}
                   for group, files in told.groups.items()],
        "unowned": list(told.unowned),
        "faults": [{"line": each.span.line, "message": each.message}
                   for each in told.owners.faults],
    }  # fmt: skip


def _ruling(each: Ruling) -> Json:
    return {
        "rule": each.rule,
        "effect": each.effect.value,
        "reason": each.reason,
        "workflow": each.workflow or None,
        "file": each.file or None,
        "line": each.line or None,
        "team": each.team or None,
        "approved_by": each.approved_by or None,
        "by_review": each.by_review,
    }
