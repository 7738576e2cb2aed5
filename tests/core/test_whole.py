"""The terms on which a run starts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core.plan import Concurrency
from engine.core.values import Json
from engine.core.whole import Idempotency, Terms, WholeRun
from tests.core.runs import plan, scope, step

BARE = plan(scope(step("a")))
RULES: Json = {"limit": 1, "on_conflict": "queue", "max_queue": 1_000, "queue": 3_600_000}


def terms(settings: Json = None, concurrency: Concurrency | None = None) -> Terms:
    made = replace(BARE, settings=settings, concurrency=concurrency)
    return WholeRun(made).terms({"env": "prod", "level": "high"}, {"type": "api"})


def test_a_run_without_terms_is_like_any_other() -> None:
    """
    Where nothing is said a run has the priority of all and waits for nobody.
    """
    assert Terms(1, None, None, None) == terms()


def test_a_run_starts_on_the_terms_of_its_inputs() -> None:
    """
    Priority, tenant, group and key are templates over the inputs; a group is the workflow's own if
    it says so, or the namespace's.
    """
    settings: Json = {
        "priority": {"level": "{{ inputs.level }}", "fair_key": "t-{{ inputs.env }}"},
        "idempotency": {"key": "k-{{ inputs.env }}"},
    }
    group = Concurrency("g-{{ inputs.env }}")

    assert Terms(2, ":g-prod", RULES, Idempotency("k-prod", "demo"), "t-prod") == terms(
        settings, group
    )
    assert "demo:g-prod" == terms(None, replace(group, scope="workflow")).group


def test_keys_may_be_those_of_the_namespace() -> None:
    """
    With `scope: namespace` a key is nobody's alone, and it counts for the `ttl` that is written.
    """
    told: Json = {"key": "k", "scope": "namespace", "ttl": "2h", "on_duplicate": "reject"}

    assert Idempotency("k", "", timedelta(hours=2)) == terms({"idempotency": told}).idempotency
    assert WholeRun(replace(BARE, settings={"idempotency": told})).rejects
    assert not WholeRun(replace(BARE, settings={"idempotency": {"key": "k"}})).rejects


@pytest.mark.parametrize(
    ("settings", "group", "words"),
    [
        ({"priority": {"level": "soon"}}, None, "one of low, normal, high, critical"),
        ({"idempotency": {"key": ""}}, None, "idempotency.key gave 0 characters"),
        (None, Concurrency("x" * 600), "concurrency.group gave 600 characters"),
        ({"idempotency": {"key": "a\0"}}, None, "idempotency.key gave a text with a NUL in it"),
        ({"priority": {"fair_key": "x" * 201}}, None, "fair_key gave 201 characters"),
        ({"priority": {"fair_key": "a\0"}}, None, "fair_key gave a text with a NUL in it"),
        (None, Concurrency("a\0"), "concurrency.group gave a text with a NUL in it"),
    ],
)
def test_terms_without_a_value_start_nothing(
    settings: Json, group: Concurrency | None, words: str
) -> None:
    """
    A level that is none, or a text that is empty, too long or has a NUL, is refused in words.
    """
    with pytest.raises(ValueError, match=words):
        terms(settings, group)
