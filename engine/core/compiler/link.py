"""Plans laid into the plans that call them, and sealed: from here on they have their digests."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from operator import is_
from typing import Any

from engine.core import codec
from engine.core.commit.circle import settled
from engine.core.commit.declared import Declared
from engine.core.compiler.protection import protected
from engine.core.frozen import frozen
from engine.core.plan import Call, Plan, Step


@frozen
class Laid:
    """A plan with what it calls laid in, and the very plans that it was made of.

    `bare` is the plan without the `protection` that holds its runs.
    """

    plan: Plan
    own: Plan
    callees: tuple[Plan, ...]
    bare: Plan
    protection: Step | None = None


def laid(
    workflows: Iterable[Declared], kept: Mapping[str, Laid], protection: Step | None = None
) -> dict[str, Laid]:
    """Return each workflow's plan, by name and sealed, with all that it calls laid in.

    Where there is a `protection` it stands before each. One that calls what has no plan has none
    either: there is an error that says why. What is `kept` of an earlier time is taken where it
    was made of the very same plans.
    """
    done: dict[str, Laid] = {}
    calling: dict[str, tuple[Plan, tuple[str, ...]]] = {}
    for each in workflows:
        if each.plan is None or each.name in done or each.name in calling:
            continue
        if each.wiring.calls:
            calls = tuple(dict.fromkeys(told.name for told in each.wiring.calls))
            calling[each.name] = (each.plan, calls)
        else:
            done[each.name] = _laid(each.plan, {}, protection, kept.get(each.name))
    for name in settled({name: calls for name, (_, calls) in calling.items()}):
        plan, calls = calling[name]
        if all(callee in done for callee in calls):
            callees = {callee: done[callee].bare for callee in calls}
            done[name] = _laid(plan, callees, protection, kept.get(name))
    return done


def _laid(
    own: Plan, callees: Mapping[str, Plan], protection: Step | None, kept: Laid | None
) -> Laid:
    parts = tuple(callees.values())
    # Equal plans may differ: to Python `1` is `True`.
    if kept is not None and kept.own is own and all(map(is_, kept.callees, parts)):
        is_held_alike = kept.protection == protection
        return kept if is_held_alike else _sealed(own, parts, kept.bare, protection)
    if not parts:
        return _sealed(own, (), own, protection)
    secrets = sorted({*own.secrets, *(name for each in parts for name in each.secrets)})
    whole: Plan = _with_bodies(replace(own, secrets=tuple(secrets)), callees)
    return _sealed(own, parts, whole, protection)


def _sealed(own: Plan, parts: tuple[Plan, ...], bare: Plan, protection: Step | None) -> Laid:
    plan = bare if protection is None else protected(bare, protection)
    return Laid(codec.sealed(plan), own, parts, bare, protection)


def _with_bodies(value: Any, callees: Mapping[str, Plan]) -> Any:
    """Return a part of a plan in which every call holds what it calls."""
    if isinstance(value, Call):
        callee = callees[value.workflow]
        return replace(value, inputs=callee.inputs, body=callee.root)
    if isinstance(value, tuple):
        return tuple(_with_bodies(each, callees) for each in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {each.name: _with_bodies(getattr(value, each.name), callees) for each in fields(value)}
    return replace(value, **parts)
