"""Under what a call's outputs are kept: the digest of all that they depend on."""

import asyncio
import hashlib
from collections.abc import Mapping
from functools import lru_cache

from engine.core.attempt import Attempt
from engine.core.values import Json, canonical

# What a guess at a secret costs whoever reads the keys: about 30 ms and 16 MB.
_COST = 1 << 14


def key_of(attempt: Attempt, secrets: Mapping[str, str]) -> bytes:
    """Return the key of a step's call; raise EvaluationError or ValueError if it cannot be told.

    Arguments are rendered with each secret's version, from `secrets`, in the place of its value.
    """
    step, names = attempt.step, {**attempt.names}
    if step.uses is None or step.plan.cache is None:
        raise ValueError(f"{attempt.path} is not cached")
    more = step.cache_key.evaluate(names)
    if secrets:
        names["secrets"] = {**secrets}
    workflow = attempt.workflow if step.plan.cache.scope == "workflow" else ""
    kept: list[Json] = [[each.name, each.source, each.schema] for each in step.plan.outputs]
    files: list[Json] = [
        [each.name, each.source, each.path, each.media_type] for each in step.plan.artifacts
    ]
    about: list[Json] = [
        attempt.namespace, workflow, step.uses.operation, step.arguments.evaluate(names),
        more, kept, files, step.plan.settings,
    ]  # fmt: skip
    return hashlib.sha256(canonical(about)).digest()


async def versions(namespace: str, secrets: Mapping[str, str]) -> Mapping[str, str]:
    """Return what tells one value of each secret from another, and does not tell the value."""
    return await asyncio.to_thread(_versions, namespace, secrets) if secrets else {}


def _versions(namespace: str, secrets: Mapping[str, str]) -> Mapping[str, str]:
    return {
        name: _stretched(f"{namespace}/{name}", hashlib.sha256(value.encode()).digest())
        for name, value in secrets.items()
    }


@lru_cache(maxsize=1_000)
def _stretched(salt: str, value: bytes) -> str:
    return hashlib.scrypt(value, salt=salt.encode(), n=_COST, r=8, p=1).hex()
