"""Reviews of small changes, for tests."""

from collections.abc import Mapping

from engine.core.diagnostic import Diagnostic, Related, Severity, Span
from engine.core.facts import Catalogue
from engine.core.plan import Plan
from engine.core.review import End, Head, Place, Review, make
from tests.core.test_change import KNOWN, SHOP, plans

BASE = Head("main", "9f31c02a" * 5)
HEAD = Head("topic", "a41be77b" * 5)
PLACE = Place("acme-workflows/prod", "prod", "workflows")


def named(name: str, text: str = SHOP) -> dict[str, Plan]:
    """Return the plan of the shop under another name."""
    return plans(text.replace("name: shop", f"name: {name}"))


def reviewed(
    old: Mapping[str, Plan], new: Mapping[str, Plan], *findings: Diagnostic, head: Head = HEAD
) -> Review:
    return make(
        PLACE, End(BASE, old, len(old)), End(head, new, len(new), findings), Catalogue(KNOWN)
    )


def three() -> Review:
    """Return a review in which one workflow comes, one changes and one goes."""
    later = SHOP.replace("30 2 * * *", "30 3 * * *").replace("pay.example", "new.example")
    return reviewed(
        {**named("shop"), **named("old"), **named("same")},
        {**named("shop", later), **named("other"), **named("same")},
    )


def finding(file: str = "shop.yaml", severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic(
        "duplicate-key", 'key "steps" appears twice', Span(file, 24, 1), severity,
        "YAML would silently keep only the last one; merge the two lists",
        related=(Related(Span(file, 8, 1), "first defined here"),),
    )  # fmt: skip
