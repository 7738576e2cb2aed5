"""Those whom a decision is left to: that there are any, and enough of them."""

from engine.core import spec
from engine.core.compiler.findings import Findings, Path, Place


def check(findings: Findings, told: spec.Approve | spec.Protection, path: Path) -> None:
    """Find a decision, written at `path`, that nobody can take."""
    left = [each for each in told.by if each not in told.exclude]
    if not left:
        message = "nobody is left to decide: all of `by` are in `exclude`"
        findings.error("nobody-decides", message, Place((*path, "by")))
    users = [each for each in left if each.startswith("user:")]
    if left and len(users) == len(left) and told.min > len(users):
        message = f"`min: {told.min}` asks for more people than the {len(users)} who may decide"
        findings.error("nobody-decides", message, Place((*path, "min")))
