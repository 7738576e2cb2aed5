"""Operations by name: what is taken in, what is refused, and who is closed when."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from adapters.contract import (
    Call,
    ErrorClass,
    ErrorType,
    Manifest,
    Operation,
    Outcome,
    Role,
    Succeeded,
)
from adapters.manifest.echo import MANIFEST as ECHO
from adapters.registry import Registry, check_manifest


class Noted:
    """An adapter that notes when it is opened and closed, and may refuse to open."""

    def __init__(self, notes: list[str], name: str, *, fails: bool = False) -> None:
        self._notes, self._name, self._fails = notes, name, fails
        self.manifest = replace(ECHO, name=f"{name}.say@1", errors=())

    def operations(self) -> Sequence[Operation]:
        return (self,)

    async def invoke(self, call: Call) -> Outcome:
        return Succeeded({"message": call.run})

    async def open(self) -> None:
        if self._fails:
            raise RuntimeError(self._name)
        self._notes.append(f"open {self._name}")

    async def close(self) -> None:
        self._notes.append(f"close {self._name}")


def test_adapters_are_closed_in_reverse_and_once() -> None:
    """
    Every adapter is opened in its order and closed in the reverse, however often it is asked.
    """
    notes: list[str] = []
    registry = Registry([Noted(notes, "a"), Noted(notes, "b")])

    async def story() -> None:
        await registry.open()
        await registry.close()
        await registry.close()

    asyncio.run(story())
    assert notes == ["open a", "open b", "close b", "close a"]
    assert {"a.say@1", "b.say@1"} == set(registry.manifests) == set(registry.operations)


def test_all_are_open_or_none() -> None:
    """
    When one adapter cannot be opened, those before it are closed again.
    """
    notes: list[str] = []
    registry = Registry([Noted(notes, "a"), Noted(notes, "b", fails=True)])

    with pytest.raises(RuntimeError, match="b"):
        asyncio.run(registry.open())
    assert notes == ["open a", "close a"]


def test_a_name_is_taken_once() -> None:
    """
    A second operation of one name is refused, and the first stays.
    """
    registry = Registry([Noted([], "a")])

    with pytest.raises(ValueError, match="already registered"):
        registry.add(Noted([], "a"))
    assert {"a.say@1"} == set(registry.operations)


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (replace(ECHO, name="say@1"), "must look like"),
        (replace(ECHO, name="echo.say"), "must look like"),
        (replace(ECHO, name="Echo.say@1"), "must look like"),
        (replace(ECHO, effect="maybe"), "effect"),
        (replace(ECHO, arguments={"type": "string"}), "type object"),
        (replace(ECHO, outputs={}), "type object"),
        (replace(ECHO, effect_by=("other", {})), "no argument"),
        (replace(ECHO, idempotent_by=("other", {})), "no argument"),
        (replace(ECHO, effect_by=("delay", {"1s": "maybe"})), "unknown effect"),
        (replace(ECHO, roles={"/other": (Role.CODE,)}), "no argument"),
        (replace(ECHO, roles={"delay": (Role.CODE,)}), "no argument"),
        (replace(ECHO, faults={"/message": lambda _: ()}), "no code"),
        (
            replace(ECHO, roles={"/message": (Role.CODE,)}, reads={"/message": lambda _: ()}),
            "no argument `values`",
        ),
        (replace(ECHO, errors=ECHO.errors * 2), "twice"),
        (replace(ECHO, files=("a", "a")), "files must be"),
        (replace(ECHO, files=("../a",)), "files must be"),
        (
            replace(ECHO, errors=(ErrorType("x.y", ErrorClass.PERMANENT, "z"),)),
            "does not begin",
        ),
    ],
)
def test_manifests_that_contradict_themselves(manifest: Manifest, problem: str) -> None:
    """
    A mistake in a manifest is found when it is registered, not when a run needs it.
    """
    with pytest.raises(ValueError, match=problem):
        check_manifest(manifest)
