"""The review that the documentation shows, made of specs as all reviews are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.core import whatif
from engine.core.facts import Catalogue
from engine.core.review import (
    Effect,
    End,
    Head,
    Impact,
    Links,
    Place,
    Review,
    Ruling,
    Rulings,
    make,
)
from engine.core.whatif import Kind, Verdict
from engine.operations import catalogue
from engine.source import File, compile_files

NOW = datetime(2026, 11, 28, 14, 8, 52, tzinfo=UTC)
LINKS = Links("https://github.com/acme/workflows", "https://sark.acme.dev")
_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
_EXPORT = f"""{_HEAD}invoice-export
triggers:
  nightly: {{type: schedule, cron: "0 2 * * *", timezone: Europe/Berlin}}
steps:
  export:
    uses: http.request@1
    with: {{method: PUT, url: "https://books.acme.dev/invoices"}}
    retry: {{max_attempts: 3}}
    timeout: 30s
"""
_EXPORT_NOW = (
    _EXPORT.replace("max_attempts: 3", "max_attempts: 5").replace("30s", "2m")
    + """\
  verify:
    needs: [export]
    uses: http.request@1
    with: {method: GET, url: "https://books.acme.dev/invoices"}
"""
)
_CLEANUP = f"""{_HEAD}legacy-cleanup
triggers:
  weekly: {{type: schedule, cron: "0 4 * * 0"}}
steps:
  sweep: {{uses: http.request@1, with: {{method: DELETE, url: "https://old.acme.dev/tmp"}}}}
"""
_REFUND = f"""{_HEAD}refund-sync
triggers:
  often: {{type: schedule, cron: "*/15 * * * *", timezone: Europe/Berlin}}
steps:
  - id: fetch
    uses: http.request@1
    with: {{method: GET, url: "https://api.stripe.com/v1/refunds"}}
  - id: notify
    uses: echo.say@1
    with: {{message: "{{{{ steps.fetch.outputs.status }}}}"}}
"""
_WHAT_IF = whatif.lines(
    "invoice-export",
    [Verdict(str(number), Kind.SAME) for number in range(17)]
    + [Verdict(
        str(number), Kind.UNRECORDED, "verify", 15, "it was never called", "http.request@1"
    ) for number in range(17, 20)],
)  # fmt: skip
_RULES = ("hosts-are-known", "plans-have-owners", "prod-hosts-need-owner", "retry-needs-key")


def sample() -> Review:
    """Return the review of a pull request that adds, changes and removes a workflow."""
    base, head = Head("main", "9f31c02" + "a" * 33), Head("topic", "a41be77" + "b" * 33)
    old = _end(base, {"invoice-export": _EXPORT, "legacy-cleanup": _CLEANUP})
    new = _end(head, {"invoice-export": _EXPORT_NOW, "refund-sync": _REFUND})
    made = make(Place("acme-workflows", "prod", "workflows"), old, new, Catalogue(catalogue()))
    owner = Ruling(
        "prod-hosts-need-owner", Effect.APPROVAL, "It calls a host that is new in production",
        "refund-sync", "refund-sync.yaml", 9, "acme/payments",
    )  # fmt: skip
    impact = {"invoice-export": Impact({base.commit: 1}, (479,)), "legacy-cleanup": Impact({})}
    return replace(
        made,
        rulings=Rulings((owner,), _RULES),
        impact=impact,
        pull=482,
        specs=1204,
        seconds=0.2,
        kept=timedelta(days=90),
        what_if=_WHAT_IF,
    )


def _end(head: Head, texts: dict[str, str]) -> End:
    files = [File(f"{name}.yaml", "", text.encode()) for name, text in texts.items()]
    made = compile_files(files, catalogue())
    return End(head, made.plans, made.files, made.diagnostics)
