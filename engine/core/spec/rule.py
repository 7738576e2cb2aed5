"""What a mapping asks beyond its single keys, as JSON Schema: the words of all rules there are."""

from typing import Any, Final

VERBS: Final = (
    "uses", "call", "block", "for_each", "repeat", "switch", "race", "set", "wait", "await",
    "approve", "emit", "fail", "rollback",
)  # fmt: skip

# Keys that mean something for the call of an operation alone.
_WITH_USES: Final = (
    "retry", "idempotency", "effect", "circuit", "rate", "cache", "pool", "sandbox", "resources",
    "artifacts", "env", "connection",
)  # fmt: skip


def exactly_one(*keys: str) -> dict[str, Any]:
    """Return the rule that exactly one of the keys is there."""
    return {"oneOf": [{"required": [each]} for each in keys]}


def one_verb(*instead: str, alone: str = "") -> dict[str, Any]:
    """Return the rules of a mapping with exactly one verb, or one of the keys `instead`.

    The key `alone` may stand in its place where it is the only one.
    """
    rules = exactly_one(*instead, *VERBS)
    if alone:
        rules["oneOf"].append({"required": [alone], "maxProperties": 1})
    calls = {"with": ("uses", "call"), "detach": ("call",), **dict.fromkeys(_WITH_USES, ("uses",))}
    return {**rules, **goes_with(**calls)}


def goes_with(**companions: tuple[str, ...]) -> dict[str, Any]:
    """Return the rule that each key stands only where one of its companions does."""
    single = {key: list(others) for key, others in companions.items() if len(others) == 1}
    several = {
        key: {"anyOf": [{"required": [each]} for each in others]}
        for key, others in companions.items()
        if len(others) > 1
    }
    rules = {"dependentRequired": single, "dependentSchemas": several}
    return {name: rule for name, rule in rules.items() if rule}


def never_both(one: str, other: str) -> dict[str, Any]:
    """Return the rule that the two keys exclude each other."""
    return {"not": {"required": [one, other]}}
