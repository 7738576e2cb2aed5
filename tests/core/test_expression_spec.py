"""The expressions of whole specs: a deploy, a nightly load, a booking, an incident, a preview."""

import pytest

from engine.core import schema
from engine.core.expression import parse_expression, parse_template, type_of
from engine.core.values import Json

STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
INTEGER: Json = {"type": "integer"}
BOOLEAN: Json = {"type": "boolean"}
MAYBE: Json = {"type": ["string", "null"]}
STRINGS: Json = {"type": "array", "items": STRING}

SHA = "0123456789abcdef0123456789abcdef01234567"
NAMES: dict[str, Json] = {
    "inputs": {
        "version": "v1.2.3", "env": "production", "day": "2026-03-28", "regions": ["fr", "no"],
        "flight": {"id": "SK1"}, "car": None, "amount": 100, "service": "web", "severity": "page",
        "fingerprint": "f1", "pr": 7, "sha": SHA, "fork": False, "order_id": "o-1",
    },
    "steps": {
        "staging": {"outputs": {"revision": "r1"}},
        "staging_healthy": {"outputs": {"state": "ready"}},
        "approve": {"outputs": {"form": {"ticket": "CHG-1"}, "decision": "approved"}},
        "watch": {"outputs": {"worst": 0.05}},
        "load": {"outputs": {"loaded": 7, "failed": ["no"]}},
        "check": {"outputs": {"null_pc": 0.5}},
        "gather": {"outputs": {"memory_pc": 95.5}},
        "quiet": {},
        "page": {"outputs": {"incident": "i1"}},
        "acked": {"timed_out": True},
        "up": {"outputs": {"url": "https://p.example"}},
    },
    "trigger": {"kind": "backfill", "interval": {"start": "2026-03-29T00:30:00+02:00"}},
    "event": {
        "labels": ["preview", "web"], "draft": False, "number": 7, "head": {"sha": SHA},
        "data": {"incident": "i1", "fingerprint": "f1", "flight": {"id": "SK1"}, "car": None},
    },
    "items": [{"copy": {"loaded": 3}}, {"copy": {"loaded": 4}}],
    "failures": {"no": {"type": "http.status"}, "de": {"type": "timeout"}},
    "error": {"type": "deploy.unhealthy", "step": "gate", "class": "permanent", "status": 404},
    "run": {"id": "n-1", "compensated": True},
    "self": {"outputs": {"state": "rolling", "rate": 0.01}, "idempotency_key": "k1"},
    "item": {"status": "firing"},
    "region": "fr",
    "rows": [{"n": 1}],
}  # fmt: skip
OUTPUTS: dict[str, dict[str, Json]] = {
    "staging": {"revision": STRING},
    "staging_healthy": {"state": {"type": "string", "enum": ["rolling", "ready"]}},
    "approve": {
        "form": {"type": "object", "properties": {"ticket": STRING}},
        "decision": {"type": "string", "enum": ["approved", "rejected"]},
    },
    "watch": {"worst": NUMBER},
    "load": {"loaded": INTEGER, "failed": STRINGS},
    "check": {"null_pc": NUMBER},
    "gather": {"deploy": MAYBE, "memory_pc": NUMBER},
    "quiet": {"revision": STRING, "loaded": INTEGER, "deploy": MAYBE},
    "page": {"incident": STRING},
    "acked": {"by": MAYBE},
    "up": {"url": STRING},
}  # fmt: skip
SHAPES: dict[str, Json] = {
    "inputs": schema.closed({
        "type": "object",
        "properties": {
            "version": STRING, "env": {"type": "string", "enum": ["staging", "production"]},
            "day": {"type": "string", "format": "date"}, "regions": STRINGS,
            "flight": {"type": "object", "properties": {"id": STRING}},
            "car": {"type": ["object", "null"], "properties": {"id": STRING}},
            "amount": INTEGER, "service": STRING,
            "severity": {"type": "string", "enum": ["page", "ticket", "info"]},
            "fingerprint": STRING, "pr": INTEGER, "sha": STRING, "fork": BOOLEAN,
            "order_id": STRING,
        },
    }),
    "steps": schema.closed({
        "type": "object",
        "properties": {
            name: {"type": "object", "properties": {
                "outputs": {"type": "object", "properties": {**outputs}}, "timed_out": BOOLEAN,
            }}
            for name, outputs in OUTPUTS.items()
        },
    }),
    "trigger": {"type": "object", "properties": {
        "kind": {"type": "string", "enum": ["schedule", "manual", "backfill"]},
        "interval": {"type": "object", "properties": {"start": STRING}},
    }},
    "items": {"type": "array", "items": {"type": "object", "properties": {
        "copy": {"type": "object", "properties": {"loaded": INTEGER}},
    }}},
    "failures": {"type": "object", "additionalProperties": {"type": "object"}},
    "region": STRING,
    **{name: {} for name in ("event", "error", "run", "self", "item", "rows")},
}  # fmt: skip

# Each with what it gives and the type of the key that it stands in.
EXPRESSIONS: list[tuple[str, Json, Json]] = [
    ("self.outputs.state != 'rolling'", False, BOOLEAN),
    ("self.outputs.rate > 0.02", False, BOOLEAN),
    (
        "inputs.env == 'production' and steps.staging_healthy.outputs.state == 'ready'",
        True,
        BOOLEAN,
    ),
    ("steps.watch.outputs.worst > 0.02", True, BOOLEAN),
    ("rows[0].n", 1, INTEGER),
    ("inputs.regions", ["fr", "no"], STRINGS),
    ("region", "fr", STRING),
    ("error.class == 'transient' or error.status == 404", True, BOOLEAN),
    ("steps.check.outputs.null_pc > 0.01", True, BOOLEAN),
    ("inputs.car is not none", False, BOOLEAN),
    ("inputs.car is none", True, BOOLEAN),
    ("item.status == 'firing'", True, BOOLEAN),
    ("event.data.fingerprint == inputs.fingerprint", True, BOOLEAN),
    ("steps.approve.outputs.decision == 'approved'", True, BOOLEAN),
    ("event.data.incident == steps.page.outputs.incident", True, BOOLEAN),
    ("steps.acked.timed_out", True, BOOLEAN),
    ("'preview' in event.labels and not event.draft", True, BOOLEAN),
    ("event.number == inputs.pr", True, BOOLEAN),
    ("inputs.fork", False, BOOLEAN),
    ("['unit', 'e2e', 'a11y']", ["unit", "e2e", "a11y"], STRINGS),
]
TEMPLATES: list[tuple[str, Json, Json]] = [
    ("deploy-web-{{ inputs.env }}", "deploy-web-production", STRING),
    (
        "Deploy {{ inputs.version }} to {{ inputs.env }}?\n"
        "Staging revision {{ steps.staging.outputs.revision }} is "
        "{{ steps.staging_healthy.outputs.state }}.\n",
        "Deploy v1.2.3 to production?\nStaging revision r1 is ready.\n",
        STRING,
    ),
    ("{{ steps.approve.outputs.form.ticket }}", "CHG-1", STRING),
    (
        "error rate {{ steps.watch.outputs.worst }} after rollout",
        "error rate 0.05 after rollout",
        STRING,
    ),
    (
        "failed: {{ error.type }} in {{ error.step }} (rolled back: {{ run.compensated }})",
        "failed: deploy.unhealthy in gate (rolled back: true)",
        STRING,
    ),
    ("{{ steps.quiet.outputs.revision | default('') }}", "", STRING),
    ("{{ trigger.interval.start | date }}", "2026-03-29", STRING),
    ("{{ trigger.interval.start | date('UTC') | shift('-1d') }}", "2026-03-27", STRING),
    ("{{ 'low' if trigger.kind == 'backfill' else 'normal' }}", "low", STRING),
    (
        "https://orders.example/export/{{ region }}/{{ inputs.day }}.csv",
        "https://orders.example/export/fr/2026-03-28.csv",
        STRING,
    ),
    ("{{ items | sum('copy.loaded') }}", 7, INTEGER),
    ("{{ failures | keys }}", ["de", "no"], STRINGS),
    ("{{ steps.load.outputs.failed }}", ["no"], STRINGS),
    ("{{ steps.quiet.outputs.loaded | default(0) }}", 0, INTEGER),
    ("{{ inputs.flight.id }}", "SK1", STRING),
    ("{{ event.data.flight }}", {"id": "SK1"}, {"type": "object"}),
    ("{{ event.data.car }}", None, {"type": ["object", "null"]}),
    ("https://cars.example/by-key/{{ self.idempotency_key }}", "https://cars.example/by-key/k1",
     STRING),
    ("{{ inputs.amount }}", 100, {"type": "integer", "minimum": 1}),
    (
        # As `>-` gives it: lines that are indented deeper keep their ends.
        "{{ 'recent_deploy' if steps.gather.outputs.deploy | default(none) is not none\n"
        "   else 'memory' if steps.gather.outputs.memory_pc | default(0) > 90\n"
        "   else 'unknown' }}",
        "memory",
        {"type": "string", "enum": ["recent_deploy", "memory", "unknown"]},
    ),
    ("Roll back {{ steps.gather.outputs.deploy | default('?') }}?", "Roll back ??", STRING),
    ("Preview: {{ steps.up.outputs.url }} ({{ inputs.sha[:8] }})",
     "Preview: https://p.example (01234567)", STRING),
    ("{{ event.head.sha }}", SHA, {"type": "string", "pattern": "^[0-9a-f]{40}$"}),
    ("https://preview.example/envs/pr-{{ inputs.pr }}", "https://preview.example/envs/pr-7",
     STRING),
    ("{{ uuid5('url', inputs.order_id) }}", "1ebab8b4-b952-54e2-8a5f-eb952811fc40", STRING),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "wanted"), EXPRESSIONS)
def test_an_expression_of_a_spec_is_typed_and_evaluated(
    text: str, value: Json, wanted: Json
) -> None:
    """
    What the keys of a whole spec hold has the value and the type that its author counts on.
    """
    compiled = parse_expression(text)
    told, faults = type_of(compiled, SHAPES)

    assert value == compiled.evaluate(NAMES)
    assert [] == faults
    assert schema.assignable(told, wanted) is None


@pytest.mark.parametrize(("text", "value", "wanted"), TEMPLATES)
def test_a_template_of_a_spec_is_typed_and_evaluated(text: str, value: Json, wanted: Json) -> None:
    """
    So have its templates, folded over lines or not.
    """
    compiled = parse_template(text)
    told, faults = type_of(compiled, SHAPES)

    assert value == compiled.evaluate(NAMES)
    assert [] == faults
    assert schema.assignable(told, wanted) is None
