"""Keys of a step that stand where they mean nothing, beyond what the reader tells."""

from engine.core import spec
from engine.core.compiler.findings import Findings
from engine.core.compiler.node import AFTERWARDS, Kind, Node

_DOERS = frozenset({"uses", "call", "block", "for_each", "repeat", "switch", "race"})
# The verbs by the names of their fields.
_VERBS = {name: key.key for name, key in spec.Step.keys.items() if key.key in spec.VERBS}
# What a key beside the verb goes with, and why with nothing else.
_ONLY_WITH = {
    "outputs": ({"uses", "repeat", "await"}, "gives what it says itself, or nothing"),
    "fallback": (_DOERS | {"await"}, "does nothing that could be stood in for"),
    "compensate": (_DOERS | {"emit"}, "does nothing that could be undone"),
    "pivot": (_DOERS | {"emit"}, "does nothing after which there is no way back"),
    "concurrency": ({"uses"}, "makes no call that could wait"),
    "priority": ({"uses"}, "makes no call that could wait"),
    "timeout": (_DOERS | {"await", "approve"}, "takes no time, or says itself how much"),
}


def verb_of(step: spec.Step) -> str:
    """Return the verb of a step; the reader has seen to it that there is one."""
    return next(verb for name, verb in _VERBS.items() if name in step.written)


def may_have(node: Node, key: str) -> bool:
    """True if a key means something beside the verb of a step."""
    return verb_of(node.spec) in _ONLY_WITH[key][0]


def check_keys(findings: Findings, node: Node) -> None:
    """Find keys that mean nothing beside the verb of a step, or in its scope."""
    step = node.spec
    if not _ONLY_WITH.keys().isdisjoint(step.written):
        verb = verb_of(step)
        for key, (verbs, why) in _ONLY_WITH.items():
            if key in step.written and verb not in verbs and _says(step, key):
                _misplaced(findings, node, key, f"beside `{verb}`, which {why}")
    _check_scope(findings, node)


def _check_scope(findings: Findings, node: Node) -> None:
    """Find what undoes, or forbids to undo, where nothing is undone."""
    keys = [each for each in ("compensate", "pivot") if _says(node.spec, each)]
    if not keys or all(each.kind not in _NOT_UNDONE for each in node.scope.chain()):
        return
    where = f"in {node.scope.called}: what is done there is not undone"
    for key in keys:
        _misplaced(findings, node, key, where)


def _says(step: spec.Step, key: str) -> bool:
    return getattr(step, key) not in (None, False)


_NOT_UNDONE: frozenset[Kind] = AFTERWARDS | {Kind.COMPENSATION}


def _misplaced(findings: Findings, node: Node, key: str, where: str) -> None:
    message = f"`{key}` means nothing {where}"
    findings.error("misplaced-key", message, node.at(key, key=True))
