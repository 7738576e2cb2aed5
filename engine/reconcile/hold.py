"""What people and the calendar say of a source, and which commits that holds. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeAlias

from engine.core.frozen import frozen
from engine.core.override import Kind
from engine.core.schedule import Frozen, Window, frozen_at
from engine.core.values import Json
from engine.reconcile.verdict import Stage, Verdict
from engine.store.overrides import Override

Flag: TypeAlias = tuple[str, bool, str, str]
"""The type, status, reason and message of a condition that stands only while it has something to
say."""


@frozen
class Hold:
    """What a look has found: all overrides as they were read, and what holds at `now`.

    `document` says in words to what the document of the environment pins the source, "" if it does
    not; what a person pins it to goes before.
    """

    rows: tuple[Override, ...]
    frozen: Frozen | None
    now: datetime
    document: str = ""

    def standing(self, kind: Kind) -> Override | None:
        """Return the override of a kind, if its time is not over."""
        found = (each for each in self.rows if each.kind == kind)
        return next((each for each in found if each.until is None or each.until > self.now), None)

    def confirms(self, commit: str) -> bool:
        """True if somebody has said that this commit may remove what it removes (R5)."""
        told = self.standing(Kind.CONFIRM)
        return told is not None and told.value == commit

    @property
    def pinned(self) -> Override | None:
        return self.standing(Kind.PIN)

    @property
    def asked(self) -> Override | None:
        """Return the rollback that somebody asks for."""
        return self.standing(Kind.ROLLBACK)

    @property
    def turn(self) -> datetime | None:
        """Return when something of it is over next; None if nothing ends by itself."""
        ends = [each.until for each in self.rows if each.until and each.until > self.now]
        return min([*ends, *([self.frozen.until] if self.frozen else [])], default=None)

    @property
    def facts(self) -> Json:
        """Return all of it that a verdict depends on (R3)."""
        kept = [each for kind in Kind if (each := self.standing(kind))]
        told: list[Json] = [[each.kind, each.value, each.since.isoformat()] for each in kept]
        return [*told, *([self.frozen.until.isoformat()] if self.frozen else [])]

    def rolled_back(self) -> "Hold":
        """Return what stands once the rollback that is asked for is made: it is the pin."""
        kept = (each for each in self.rows if each.kind != Kind.PIN)
        pin = Kind.PIN.value
        rows = (replace(each, kind=pin) if each.kind == Kind.ROLLBACK else each for each in kept)
        return replace(self, rows=tuple(rows))

    def flags(self) -> list[Flag]:
        """Return the conditions `Suspended` and `Pinned`, where they stand."""
        kinds = ((Kind.SUSPEND, "Suspended"), (Kind.PIN, "Pinned"))
        rows = [(name, each) for kind, name in kinds if (each := self.standing(kind))]
        flags = [(name, True, name, told(each)) for name, each in rows]
        if self.document and self.pinned is None:
            flags.append(("Pinned", True, "ByEnvironment", self.document))
        return flags

    def verdict(self, commit: str) -> Verdict | None:
        """Return what holds a commit that nothing else is against: all of it, by its first (R10).

        A pin holds every commit but its own.
        """
        found = []
        if suspended := self.standing(Kind.SUSPEND):
            found.append(("Suspended", told(suspended)))
        if (pin := self.pinned) is not None and pin.value != commit:
            found.append(("Pinned", told(pin)))
        if self.frozen is not None and self.standing(Kind.THAW) is None:
            found.append(
                ("Freeze", f"frozen until {shown(self.frozen.until)}: {self.frozen.reason}")
            )
        if not found:
            return None
        return Verdict(Stage.UNHELD, found[0][0], "; ".join(message for _, message in found))


def hold(rows: Sequence[Override], windows: Sequence[Window], now: datetime) -> Hold:
    """Return what overrides and freeze windows come to at an instant."""
    return Hold(tuple(rows), frozen_at(windows, now), now)


def told(override: Override) -> str:
    """Return what stands, who has put it there, until when and why."""
    words = {
        Kind.SUSPEND: "suspended", Kind.THAW: "thawed", Kind.CONFIRM: "confirmed",
        Kind.ROLLBACK: f"rolled back to {override.value[:12]}",
        Kind.PIN: f"pinned to {override.value[:12]}",
    }  # fmt: skip
    until = "until it is unpinned" if override.until is None else f"until {shown(override.until)}"
    return f"{words[Kind(override.kind)]} by {override.actor} {until}: {override.reason}"


def shown(instant: datetime) -> str:
    """Return an instant as people are told it: whole seconds of UTC."""
    return instant.astimezone(UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC")
