"""Facts to a verdict on who may do what; an error in a policy is a denial.

Run as a program it judges a folder of policies and says what is wrong with them. That is a child
process on purpose: a rule that calls itself costs hundreds of megabytes before it fails.
"""

import hashlib
import itertools
import logging
import resource
import subprocess  # nosec B404 - our own interpreter, with our own module
import sys
from collections.abc import Iterator
from pathlib import Path

from policies.facts import ACTIONS, Action, Actor, Resource, Verdict
from policies.polar import PolarError, Rules, unseen

_LOG = logging.getLogger("sark.policies")
_FOLDER = Path(__file__).parent
_REMEMBERED = 10_000
_CHECK_SECONDS = 20
_CHECK_CPU_SECONDS = 10
_CHECK_BYTES = 1 << 30


class PolicyError(Exception):
    """The policies cannot be loaded; nothing may start without them."""


class Authorizer:
    """Decides by the `.polar` files of a folder. Equal facts are asked about once.

    Raise PolicyError if there are none, or they do not parse, loop, fail on a plain question, or
    speak of a class: no class is registered, for a rule sees plain facts alone.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        check(folder)
        files = _files(folder)
        self.digest = hashlib.sha256(b"\0".join(each.read_bytes() for each in files)).hexdigest()
        self._remembered: dict[tuple[Actor, Action, Resource], Verdict] = {}
        self._rules = _load(folder)

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict:
        """Return whether the actor may do this to the resource, and why not."""
        facts = (actor, action, resource)
        verdict = self._remembered.get(facts)
        if verdict is None:
            verdict = self._ask(actor, action, resource)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[facts] = verdict
        return verdict

    def decide_any_name(
        self, actor: Actor, action: Action, resource: Resource
    ) -> Verdict | None:  # fmt: skip
        """Return the verdict on a resource whatever its `id` is; None where rules look at that."""
        try:
            allowed = _allows(self._rules, actor, action, resource, unseen())
        except PolarError:
            return None
        return _verdict(allowed, actor, action)

    def _ask(self, actor: Actor, action: Action, resource: Resource) -> Verdict:
        try:
            allowed = _allows(self._rules, actor, action, resource, resource.id)
        except Exception:
            _LOG.exception("a policy failed on %s; that is a denial", action.name)
            return Verdict(False, "a policy failed, and that is a denial")
        return _verdict(allowed, actor, action)


def check(folder: Path) -> None:
    """Judge a folder's policies in a process of bounded memory and time; raise PolicyError."""
    if not _files(folder):
        raise PolicyError(f"there is no policy in {folder}: without one everything is denied")
    words = [sys.executable, "-m", "policies.authorizer", str(folder.resolve())]
    try:
        judged = subprocess.run(  # nosec B603 - no word of it comes from outside
            words,
            cwd=_FOLDER.parent,
            capture_output=True,
            text=True,
            timeout=_CHECK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PolicyError(f"the policies in {folder} do not come to an end") from None
    if judged.returncode != 0:
        told = judged.stdout.strip() or f"their check ended with {judged.returncode}"
        raise PolicyError(f"the policies in {folder} cannot be used: {told}")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.polar"))


def _load(folder: Path) -> Rules:
    return Rules({str(each): each.read_text(encoding="utf-8") for each in _files(folder)})


def _verdict(allowed: bool, actor: Actor, action: Action) -> Verdict:
    if allowed:
        return Verdict(True)
    return Verdict(False, f"no policy allows {actor.kind} {actor.id!r} to {action.name}")


def _allows(
    rules: Rules, actor: Actor, action: Action, resource: Resource, name: object
) -> bool:  # fmt: skip
    """Ask the policy; the facts become Polar's own dictionaries, which have no attributes.

    `name` is told as the resource's `id`.
    """
    about_actor = {
        "kind": actor.kind,
        "id": actor.id,
        "namespace": actor.namespace,
        "roles": list(actor.roles),
        "groups": list(actor.groups),
    }
    about = {
        **dict(resource.attributes),
        "kind": resource.kind,
        "id": name,
        "namespace": resource.namespace,
    }
    return any(True for _ in rules.ask("allow", about_actor, action.name, about))


def _questions() -> Iterator[tuple[Actor, Action, Resource]]:
    """Yield each action by each kind of actor, in its own namespace and in another."""
    actors = (
        Actor("token", "t", roles=("admin",)),
        Actor("token", "t", roles=("viewer",)),
        Actor("token", "t", roles=("approver",), groups=("g",)),
        Actor("token", "t"),
        Actor("webhook", "w", "a"),
        Actor("clock", "c", "a"),
        Actor("run", "a/r", "a"),
        Actor("source", "s", "a"),
    )
    for actor, name, namespace in itertools.product(actors, ACTIONS, ("a", "b")):
        yield actor, Action(name), Resource(name.partition(".")[0], "x", namespace)


def _judge(folder: Path) -> str:
    """Return what is wrong with a folder's policies, or an empty string."""
    resource.setrlimit(resource.RLIMIT_AS, (_CHECK_BYTES, _CHECK_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CHECK_CPU_SECONDS, _CHECK_CPU_SECONDS))
    try:
        rules = _load(folder)
        for each in _questions():
            _allows(rules, *each, "x")
    except PolarError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    fault = _judge(Path(sys.argv[1]))
    print(fault)
    sys.exit(1 if fault else 0)
