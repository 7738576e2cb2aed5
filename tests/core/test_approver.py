"""Who may decide on an approval."""

import pytest

from engine.core.approver import Person, objection

ANN = Person("ann", frozenset({"sre", "dev"}))
INITIATOR = ("initiator",)


@pytest.mark.parametrize(
    ("by", "exclude", "initiator", "reason"),
    [
        (("user:ann",), INITIATOR, "bob", ""),
        (("group:ops", "group:sre"), INITIATOR, "", ""),
        (("user:ann",), (), "ann", ""),
        (("user:ann",), (), None, ""),
        (("user:ann",), ("user:bob", "group:ops"), "ann", ""),
        (("initiator",), (), "ann", ""),
        (("initiator",), (), "bob", "ann is not asked: this is for initiator"),
        (("initiator",), (), None, "ann is not asked: this is for initiator"),
        ((), (), "", "ann is not asked: this is for nobody"),
        (("user:bob", "group:ops"), (), "", "ann is not asked: this is for user:bob, group:ops"),
        (("ann",), (), "", "ann is not asked: this is for ann"),
        (("user:sre", "group:ann"), (), "", "ann is not asked: this is for user:sre, group:ann"),
        (("user:ann",), INITIATOR, "ann", "ann has started the run, and so may not decide"),
        (("user:ann",), INITIATOR, None, "who started the run is not known, and may not decide"),
        (("group:sre",), ("user:ann",), "", "ann is excluded: user:ann may not decide"),
        (("user:ann",), ("group:dev",), "", "ann is excluded: group:dev may not decide"),
        (("user:ann",), ("bob",), "", "nobody may decide: it is not known whom 'bob' excludes"),
    ],
)
def test_who_may_decide(
    by: tuple[str, ...], exclude: tuple[str, ...], initiator: str | None, reason: str
):
    """
    Whoever is named may decide unless they are excluded; what is not understood is a no.
    """
    assert reason == objection(ANN, by, exclude, initiator)
