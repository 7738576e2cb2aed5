"""The door by which people decide on what runs ask them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from engine.broker import Rings, ring
from engine.core import schema
from engine.core.approver import Person, objection
from engine.core.event import Decided, to_row
from engine.core.values import Json
from engine.errors import Conflict, Denied, Invalid, NotFound
from engine.store import approvals, audit, inbox, schedules
from engine.store.approvals import Approval
from engine.store.audit import Entry
from engine.store.inbox import Telling
from engine.store.pool import Connection

_TOKEN = "token:"  # nosec B105 - the kind of an actor


async def decide(
    connection: Connection, bell: Rings | None, run: UUID, told: Decided, person: Person,
    entry: Entry,
) -> bool:  # fmt: skip
    """Tell a run what a person has decided, durably and with `entry` in the audit log.

    Return False if this person has said the same before. Raise NotFound if nobody asks, Denied if
    the person may not decide, Invalid if the form does not fit, and Conflict if it is too late,
    something else is asked by now, or the person has decided otherwise. Not to be called in a
    transaction: the bell must not ring before the commit.
    """
    async with connection.transaction():
        found = await approvals.claim(connection, run, told.path)
        if found is None:
            raise NotFound(f"run {run} asks for no approval at {told.path[:200]!r}")
        await _check_person(connection, found, person)
        now = await schedules.now(connection)
        _check_asked(found, told, now)
        told = _filled_in(found, told)
        if _is_repeated(found, told):
            return False
        await approvals.note(connection, run, told.path, told.by, _word(told))
        row = to_row(told, 0, now)
        telling = Telling(run, row.kind, row.path, f"{told.asked} {told.by}", row.data)
        heard = await inbox.tell(connection, [telling])
        if not heard:
            raise Conflict(f"run {run} has ended")
        await audit.append(connection, entry)
    ring(bell, heard)
    return True


async def _check_person(connection: Connection, found: Approval, person: Person) -> None:
    actor = await approvals.initiator(connection, found.run_id)
    initiator = None if actor is not None and actor.startswith("run/") else _name(actor)
    by, exclude = _texts(found.body["by"]), _texts(found.body["exclude"])
    reason = objection(person, by, exclude, initiator)
    if reason:
        raise Denied(reason)


def _check_asked(found: Approval, told: Decided, now: datetime) -> None:
    if found.expires_at <= now:
        raise Conflict(f"the approval has expired at {found.expires_at.isoformat()}")
    if found.body["asked"] != told.asked:
        raise Conflict(
            "something else is asked by now, so this decision is void: look again; `asked` is "
            f"{found.body['asked']}"
        )


def _filled_in(found: Approval, told: Decided) -> Decided:
    """Return a decision held against its form, and filled in; a rejection brings nothing.

    Later forms go over earlier ones, so the first alone brings the defaults.
    """
    wanted: Json = found.body["form"] if told.approved else None
    if wanted is None and told.form:
        what = "this approval" if told.approved else "a rejection"
        raise Invalid(f"{what} takes no form", (("/form", "leave it out"),))
    if wanted is None:
        return told
    form = {**({} if found.decided else _defaults(wanted)), **told.form}
    problems = schema.validator(wanted).problems(form)
    if problems:
        faults = tuple((f"/form{pointer}", words) for pointer, words in problems)
        raise Invalid("the form does not fit", faults)
    return replace(told, form=form)


def _defaults(wanted: Json) -> dict[str, Json]:
    """Return the defaults of a form's fields."""
    fields = wanted.get("properties") if isinstance(wanted, Mapping) else None
    told = fields if isinstance(fields, Mapping) else {}
    return {
        name: each["default"]
        for name, each in told.items()
        if isinstance(each, Mapping) and "default" in each
    }


def _is_repeated(found: Approval, told: Decided) -> bool:
    before = found.decided.get(told.by)
    if before is not None and before != _word(told):
        raise Conflict(f"{told.by} has decided before: {before}")
    return before is not None


def _word(told: Decided) -> str:
    return "approved" if told.approved else "rejected"


def _name(actor: str | None) -> str:
    """Return the name of the person that an actor is, empty for any other."""
    return actor.removeprefix(_TOKEN) if actor is not None and actor.startswith(_TOKEN) else ""


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
