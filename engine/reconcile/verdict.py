"""What a look at a commit comes to, and the rules that decide it. Pure."""

from collections.abc import Mapping, Sequence, Set
from enum import StrEnum

from engine.core.diagnostic import Diagnostic, Severity, Span
from engine.core.frozen import frozen
from engine.core.review import guard
from engine.git.failure import HostRefused, Moved, NoCredential, Refused
from engine.git.signature import Signed


class Stage(StrEnum):
    """How far a commit has come; each but the last is where it stopped."""

    SOURCE = "SourceReady"
    VERIFIED = "SourceVerified"
    COMPILED = "Compiled"
    AUTHORISED = "Authorised"
    UNHELD = "Unheld"
    ACTIVE = "Active"


@frozen
class Verdict:
    """What a look has come to. With a `reason` it stopped at `stage`; without, it may be active.

    `lasting`: the same commit will get the same verdict, so it is not tried again (R3). `passing`:
    nothing is known yet, and the look is repeated before long.
    """

    stage: Stage
    reason: str = ""
    message: str = ""
    findings: Sequence[Diagnostic] = ()
    lasting: bool = True
    passing: bool = False

    @property
    def is_good(self) -> bool:
        return not self.reason


@frozen
class Change:
    """What a commit would do to the workflows of its source, by their names."""

    before: Set[str]
    after: Set[str]


def unreachable(message: str) -> Verdict:
    """Git or the network failed; the look is repeated."""
    return Verdict(Stage.SOURCE, "GitUnavailable", message, lasting=False, passing=True)


def failed(error: Exception) -> Verdict:
    """Git cannot be asked, for one reason or another; the look is repeated."""
    match error:
        case NoCredential():
            reason = "CredentialMissing"
        case Moved():
            reason = "RepoMoved"
        case HostRefused():
            return Verdict(Stage.SOURCE, "HostRefused", str(error), lasting=False)
        case _:
            return unreachable(str(error))
    return Verdict(Stage.SOURCE, reason, str(error), lasting=False, passing=True)


def defect(error: Exception) -> Verdict:
    """The engine itself has failed, which its log tells whole; the look is repeated."""
    told = f"the engine has failed: {type(error).__name__}; the controller's log has it whole"
    return Verdict(Stage.SOURCE, "Defect", told, lasting=False, passing=True)


def unusable(stage: Stage, message: str) -> Verdict:
    """Something of ours on the server is missing or wrong; once it is mended, a look finds it."""
    return Verdict(stage, "Misconfigured", message, lasting=False, passing=True)


def unverified(signed: Signed) -> Verdict:
    """A commit is not signed by whom the source trusts."""
    return Verdict(Stage.VERIFIED, signed.reason, signed.message)


def missing(ref: str, url: str, active: str | None) -> Verdict:
    """The ref is not there, which is no reason to take anything away (R4)."""
    stays = f"; {active[:12]} stays live" if active else "; nothing is live yet"
    return Verdict(Stage.SOURCE, "RefMissing", f"{ref} is not in {url}{stays}", lasting=False)


def refused(refusal: Refused) -> Verdict:
    """Git's own checks, or ours of a tree, refuse the commit."""
    if refusal.reason == "root-missing":
        return Verdict(Stage.UNHELD, "RootMissing", f"{refusal}; nothing is taken away for it")
    span = Span(refusal.path, refusal.line, 1)
    found = [Diagnostic(refusal.reason, str(refusal), span)] if refusal.path else []
    return Verdict(Stage.COMPILED, _camel(refusal.reason), str(refusal), found)


def rewound(active: str) -> Verdict:
    """The branch does not contain what is live (R8)."""
    return Verdict(
        Stage.UNHELD, "NonFastForward",
        f"{active[:12]}, which is live, is not in its history: the branch was rewound or "
        f"rewritten; push a commit that contains it (git merge -s ours {active[:12]})",
    )  # fmt: skip


def taken(message: str) -> Verdict:
    """Another source has a workflow of that name; it may give it up, so this is tried again."""
    return Verdict(Stage.COMPILED, "NameTaken", message, lasting=False)


def unreviewed(changed: str) -> Verdict:
    """Nobody has reviewed what the commit changes, or not to a good end; somebody may yet."""
    return Verdict(
        Stage.UNHELD, "NotReviewed",
        f"plan {changed[:8]} is not one that a review has found good; open a pull request, or push "
        "a commit that changes what was reviewed",
        lasting=False,
    )  # fmt: skip


def judge(
    findings: Sequence[Diagnostic], files: int, change: Change, prunes: Set[int],
    recompiled: bool, confirm: str = "",
) -> Verdict:  # fmt: skip
    """Return what is against a commit that compiled to `findings`, the first of the rules first.

    `prunes` are the counts that its messages confirm, and `confirm` is what
    a person would confirm it by, empty where one has. `recompiled`: it is live already, and this
    version of the program reads it anew (R12).
    """
    errors = sum(each.severity is Severity.ERROR for each in findings)
    if errors:
        told = f"{errors} error{'s' * (errors != 1)} in {files} file{'s' * (files != 1)}"
        reason = "RecompileFailed" if recompiled else "Invalid"
        return Verdict(Stage.COMPILED, reason, told, findings)
    if not change.after:
        return Verdict(Stage.UNHELD, "NoSpecs", _nothing(change), findings)
    held = guard(change.before, change.after, prunes)
    if held is not None and confirm:
        return Verdict(
            Stage.UNHELD, "Prune",
            f"it removes {held.gone} of {held.of} workflows; say so in the message "
            f"of the next commit (Sark-Prune: {held.gone}), or confirm this one: "
            f"sark confirm {confirm}",
            findings,
        )  # fmt: skip
    return Verdict(Stage.ACTIVE, findings=findings)


def facts_of(found: Diagnostic, root: str) -> Mapping[str, str | int]:
    """Return a finding as it is stored; files are told from the repository's top.

    Its message also tells the other places that it speaks of.
    """
    also = [f"{each.message}: {_place(each.span, root)}" for each in found.related]
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": plain("; ".join([found.message, *also])),
        "file": plain(root + found.span.file),
        "line": found.span.line,
        "column": found.span.column,
        "hint": plain(found.hint),
    }


def _place(span: Span, root: str) -> str:
    return f"{root}{span.file}:{span.line}:{span.column}"


def plain(text: str) -> str:
    """Return a text that PostgreSQL can hold: no NUL, no half of a surrogate pair."""
    if text.isprintable():
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _nothing(change: Change) -> str:
    if not change.before:
        return "there is no workflow in it yet"
    return f"there is no workflow in it; nothing is not empty, {len(change.before)} stay live"


def _camel(reason: str) -> str:
    return "".join(word.capitalize() for word in reason.split("-"))
