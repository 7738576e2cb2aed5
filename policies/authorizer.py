"""The one file that knows Oso: facts to a verdict; an error in a policy is a denial."""

import hashlib
import logging
from pathlib import Path
from typing import Any

from oso import Oso

from policies.facts import Action, Actor, Resource, Verdict

_LOG = logging.getLogger("sark.policies")
_FOLDER = Path(__file__).parent
_REMEMBERED = 10_000


class PolicyError(Exception):
    """The policies cannot be loaded; nothing may start without them."""


class Authorizer:
    """Decides by the `.polar` files of a folder. Equal facts are asked about once.

    Raise PolicyError if the files do not parse, speak of unknown classes, or are none.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        files = sorted(folder.glob("*.polar"))
        if not files:
            raise PolicyError(f"there is no policy in {folder}: without one everything is denied")
        self._remembered: dict[tuple[Actor, Action, Resource], Verdict] = {}
        self._oso: Any = Oso()
        try:
            self._oso.load_files([str(each) for each in files])
        except Exception as error:
            raise PolicyError(f"the policies in {folder} cannot be loaded: {error}") from None
        self.digest = hashlib.sha256(b"\0".join(each.read_bytes() for each in files)).hexdigest()

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

    def _ask(self, actor: Actor, action: Action, resource: Resource) -> Verdict:
        about_actor = {
            "kind": actor.kind,
            "id": actor.id,
            "namespace": actor.namespace,
            "roles": list(actor.roles),
        }
        about = {
            "kind": resource.kind,
            "id": resource.id,
            "namespace": resource.namespace,
            **dict(resource.attributes),
        }
        try:
            allowed = any(
                True for _ in self._oso.query_rule("allow", about_actor, action.name, about)
            )
        except Exception:
            _LOG.exception("a policy failed on %s; that is a denial", action.name)
            return Verdict(False, "a policy failed, and that is a denial")
        if allowed:
            return Verdict(True)
        return Verdict(False, f"no policy allows {actor.kind} {actor.id!r} to {action.name}")
