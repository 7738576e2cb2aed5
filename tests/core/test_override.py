"""What people may put between a commit and its being live."""

from datetime import timedelta

import pytest

from engine.core.override import LONGEST, Asked, Kind, asked, faults
from engine.core.values import Json

SHA, LONG = "c0ffee" + "0" * 34, "f" * 64


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        (Kind.SUSPEND, {"reason": " x ", "for": "2h"},
         Asked(Kind.SUSPEND, "x", timedelta(hours=2))),
        (Kind.SUSPEND, {"reason": "x", "for": "30d"}, Asked(Kind.SUSPEND, "x", timedelta(days=30))),
        (Kind.THAW, {"reason": "x", "for": "1d"}, Asked(Kind.THAW, "x", timedelta(days=1))),
        (Kind.CONFIRM, {"reason": "x", "commit": SHA},
         Asked(Kind.CONFIRM, "x", LONGEST[Kind.CONFIRM], SHA)),
        (Kind.ROLLBACK, {"reason": "x", "commit": LONG}, Asked(Kind.ROLLBACK, "x", None, LONG)),
        (Kind.ROLLBACK, {"reason": "x", "commit": SHA, "for": "90d"},
         Asked(Kind.ROLLBACK, "x", timedelta(days=90), SHA)),
    ],
)  # fmt: skip
def test_what_is_asked_for(kind: Kind, told: dict[str, Json], expected: Asked):
    """
    A reason, a span where the kind has one, a commit where the kind is about one.
    """
    assert () == faults(kind, told)
    assert expected == asked(kind, told)


@pytest.mark.parametrize("kind", LONGEST)
def test_all_faults_are_told_at_once(kind: Kind):
    """
    Whoever is wrong in several places is told of all of them.
    """
    found = faults(kind, {"reason": "", "for": "9999d", "commit": "HEAD", "x": 1})

    assert ["/x", "/reason", "/for", "/commit"] == [pointer for pointer, _ in found]


@pytest.mark.parametrize(
    ("kind", "told", "pointer"),
    [
        (Kind.SUSPEND, {"reason": "x", "for": "30d1ms"}, "/for"),
        (Kind.SUSPEND, {"reason": "x", "for": "0s"}, "/for"),
        (Kind.SUSPEND, {"reason": "x", "for": "-1h"}, "/for"),
        (Kind.SUSPEND, {"reason": "x", "for": 3}, "/for"),
        (Kind.SUSPEND, {"reason": "x", "for": f"{10**15}d"}, "/for"),
        (Kind.SUSPEND, {"reason": "x", "for": "1h", "commit": SHA}, "/commit"),
        (Kind.ROLLBACK, {"reason": "x", "commit": SHA.upper()}, "/commit"),
        (Kind.ROLLBACK, {"reason": "x", "commit": SHA + "0"}, "/commit"),
        (Kind.ROLLBACK, {"reason": "x\x1b[2J", "commit": SHA}, "/reason"),
    ],
)
def test_what_cannot_be_asked_for(kind: Kind, told: dict[str, Json], pointer: str):
    """
    Spans end, hashes are whole, and a reason is a line that can be read.
    """
    (fault,) = faults(kind, told)

    assert pointer == fault[0]
