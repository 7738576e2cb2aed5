"""Takes known secrets out of what the far side said, before it becomes part of an error."""

from collections.abc import Mapping, Sequence

from adapters.contract import Json

MASK = "***"


def mask(value: Json, secrets: Sequence[str]) -> Json:
    """Return `value` with every occurrence of a secret in its texts and names covered."""
    if isinstance(value, str):
        return mask_text(value, secrets)
    if isinstance(value, Mapping):
        return {mask_text(name, secrets): mask(each, secrets) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [mask(each, secrets) for each in value]
    return value


def mask_text(text: str, secrets: Sequence[str]) -> str:
    """Return `text` with every occurrence of a secret covered; give longer secrets first."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
