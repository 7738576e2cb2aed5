"""What the language has and this version has not: said so, and not taken for a typo."""

import pytest

from engine.core.document import load
from engine.core.reader import read
from engine.core.reader.later import KEYS, KINDS, TRIGGERS, VERBS

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: w\n"
STEPS = "steps: {a: {uses: echo.say@1}}\n"
LATER = "is not supported by this version"
TRIGGER = "triggers: {t: {type: webhook, path: p, auth: {hmac: k}, "


def findings(text: str) -> list[tuple[str, str, int, int]]:
    [document], _ = load(text.encode(), "a.yaml")
    found = read(document)[1]
    return [(each.code, each.message, each.span.line, each.span.column) for each in found]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_to_come_is_named_once(verb: str) -> None:
    """
    A step with a later verb has one finding, at the verb, and not another that it has no verb.
    """
    found = findings(f"{HEAD}steps:\n  a:\n    {verb}: {{x: 1}}\n")

    assert found == [("not-supported", f"`{verb}` {LATER}", 6, 5)]


@pytest.mark.parametrize("key", sorted(KEYS["Step"] - VERBS))
def test_a_modifier_to_come_is_named(key: str) -> None:
    """
    What goes beside a verb is named at its key, whatever stands behind it.
    """
    found = findings(f"{HEAD}steps:\n  a:\n    uses: echo.say@1\n    {key}: {{x: 1}}\n")

    assert found == [("not-supported", f"`{key}` {LATER}", 7, 5)]


@pytest.mark.parametrize("key", sorted(KEYS["Workflow"]))
def test_a_key_of_the_workflow_to_come_is_named(key: str) -> None:
    """
    So is what belongs to the whole workflow.
    """
    assert findings(f"{HEAD}{STEPS}{key}: x\n") == [("not-supported", f"`{key}` {LATER}", 5, 1)]


@pytest.mark.parametrize("kind", sorted(TRIGGERS))
def test_a_trigger_to_come_is_named(kind: str) -> None:
    """
    A schedule is no misspelt webhook.
    """
    found = findings(f"{HEAD}triggers: {{t: {{type: {kind}, x: 1}}}}\n{STEPS}")

    assert found == [("not-supported", f'the type `{kind}` of trigger "t" {LATER}', 4, 22)]


@pytest.mark.parametrize("key", sorted(KEYS["WebhookTrigger"]))
def test_a_key_of_a_trigger_to_come_is_named(key: str) -> None:
    """
    What bounds and shapes the events of a trigger is known by name.
    """
    assert findings(f"{HEAD}{TRIGGER}{key}: 1}}}}\n{STEPS}") == [
        ("not-supported", f"`{key}` {LATER}", 4, len(TRIGGER) + 1)
    ]


def test_another_way_to_sign_is_named() -> None:
    """
    A bearer token is a way to come of saying who sends.
    """
    text = f"{HEAD}triggers: {{t: {{type: webhook, path: p, auth: {{bearer: k}}}}}}\n{STEPS}"

    assert findings(text) == [("not-supported", f"`bearer` {LATER}", 4, 47)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_to_come_is_named(kind: str) -> None:
    """
    Documents of later kinds are no misspelt workflows.
    """
    found = findings(f"apiVersion: sark/v1\nkind: {kind}\nname: w\n")

    assert found == [("not-supported", f"the kind `{kind}` {LATER}", 2, 7)]


def test_a_misspelt_word_is_still_a_typo() -> None:
    """
    What is nearly a word of this version is told so.
    """
    [(code, message, *_)] = findings(f"{HEAD}steps: {{a: {{uses: echo.say@1, tiemout: 5m}}}}\n")

    assert (code, message) == ("unknown-key", 'unknown field "tiemout" in step "a"')


@pytest.mark.parametrize("word", ["usse", "Uses", "run", "sets"])
def test_a_misspelt_verb_is_one_mistake(word: str) -> None:
    """
    Who mistypes the verb is told the right one, and not that the step has none.
    """
    found = findings(f"{HEAD}steps: {{a: {{{word}: x}}}}\n")

    assert [each[0] for each in found] == ["unknown-key"]
