"""Words of the language that this version does not speak yet, told apart from misspelt ones."""

from collections.abc import Mapping
from typing import Final

VERBS: Final = frozenset({
    "call", "block", "for_each", "repeat", "switch", "race", "wait", "await", "approve", "emit",
    "fail", "rollback",
})  # fmt: skip
KINDS: Final = frozenset(
    {"Connection", "Pool", "CircuitBreaker", "Calendar", "Environment", "WorkflowTest"}
)
TRIGGERS: Final = frozenset(
    {"schedule", "event", "workflow", "file", "absent", "github.pull_request"}
)
_TRIGGER: Final = frozenset(
    {"fan_out", "dedupe", "rate", "debounce", "batch", "spec_from", "backfill", "max_chain"}
)
_WORKFLOW: Final = frozenset({
    "concurrency", "priority", "idempotency", "budget", "objectives", "cancel_when", "on_failure",
    "on_step_failure", "on_compensation_failure", "max_chain", "env",
})  # fmt: skip
_STEP: Final = VERBS | {
    "fallback", "compensate", "pivot", "circuit", "rate", "concurrency", "priority", "pool",
    "sandbox", "resources", "cache", "artifacts", "env", "detach",
}  # fmt: skip

# By the title of the model that may have them one day.
KEYS: Final[Mapping[str, frozenset[str]]] = {
    "Workflow": _WORKFLOW,
    "Step": _STEP,
    "ManualTrigger": _TRIGGER,
    "ApiTrigger": _TRIGGER,
    "GithubPushTrigger": _TRIGGER,
    "WebhookTrigger": _TRIGGER,
    "HmacAuth": frozenset({"bearer"}),
    "StandardWebhooksAuth": frozenset({"bearer"}),
}


def told(what: str) -> str:
    """Return the message for something of the language that is not there yet."""
    return f"{what} is not supported by this version"
