"""The review of what is here, or of a pull request, as far as the repository and a server tell."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.cli import ends
from engine.cli.client import Client, connect
from engine.cli.ends import Ends, Side
from engine.cli.recorded import Reader
from engine.core import review, whatif
from engine.core.change import Change
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.review import Head, Impact, Place, Review, Rulings, owners
from engine.core.review.facts import Whose
from engine.core.state import ENDED, RunStatus
from engine.core.values import Json
from engine.errors import Invalid
from engine.git.here import Here, here
from engine.operations import catalogue
from engine.rulings import Case, rulings

SERVER = "server"
_LIVE = "live"


@frozen
class Told:
    """A review, and the texts of its head by their names in the repository."""

    review: Review
    texts: Mapping[str, str]


@frozen
class Asked:
    """What a person wants reviewed: a folder (None: that of the source, or this one), for an
    environment; `source`, `server` and `state` say who is asked for what is live, and how.
    """

    folder: str | None
    environment: str = ""
    source: str = ""
    server: str | None = None
    state: str | None = None

    def told(self, range_: str, against: str | None, pull: int | None) -> Told:
        """Return the review; raise Invalid for ends that are not to be had."""
        began = time.monotonic()
        repository, place = self._place()
        client, live = None, None
        if against == SERVER:
            client = connect(self.server, None, self.state)
            live = self._live(client)
            repository, place = self._of_live(repository, live)
        reader = Ends(repository, place.environment)
        base, head = _sides(reader, range_, _base(repository, against, live), pull)
        ends.tell_base(base)
        made = review.make(place, base.end, head.end, Catalogue(catalogue()))
        namespace = "" if live is None else str(live["namespace"])
        whose = _whose(repository, place.root, base, head)
        rules = _rulings(made, namespace, base, head, whose)
        made = replace(made, rulings=rules, owners=whose.touched)
        if client is not None:
            impact = _impact(client, namespace, made.changes)
            made = replace(made, impact=impact, what_if=_what_if(client, namespace, made.changes))
        spent, touched = time.monotonic() - began, _touched(base.texts, head.texts)
        made = replace(made, pull=pull or 0, seconds=spent, touched=touched)
        texts = {made.path(name): data.decode("utf-8", "replace")
                 for name, data in head.texts.items()}  # fmt: skip
        return Told(made, texts)

    def _place(self) -> tuple[Here, Place]:
        repository = here(Path(self.folder or "."))
        return repository, Place(repository.top.name, self.environment, repository.root)

    def _of_live(self, repository: Here, live: Mapping[str, Json]) -> tuple[Here, Place]:
        """Return the repository from the folder on that the source has."""
        root = str(live["root"]).strip("/")
        if self.folder is None:
            repository = replace(repository, root="" if root == "." else root)
        environment = self.environment or str(live["environment"] or "")
        return repository, Place(str(live["name"]), environment, repository.root)

    def _live(self, client: Client) -> Mapping[str, Json]:
        """Return the source that is meant; raise Invalid if there is none, or more than one."""
        found = [
            each for each in client.pages("/sources", limit=200)
            if self.source in ("", each["name"])
            and self.environment in ("", each["environment"])
            and each["active"]
        ]  # fmt: skip
        if len(found) != 1:
            names = ", ".join(sorted(str(each["name"]) for each in found)) or "none"
            raise Invalid(f"--against server needs one live source; it has {names}: say --source")
        return found[0]


def _base(repository: Here, against: str | None, live: Mapping[str, Json] | None) -> Head | None:
    """Return from where it is compared, None where nobody says."""
    if live is not None:
        commit = str(live["active"])
        try:
            return Head(_LIVE, repository.commit(commit))
        except Invalid:
            raise Invalid(
                f"{commit[:12]} is live, and not in this repository; fetch it (git fetch)"
            ) from None
    return None if against is None else Head(against, repository.commit(against))


def _sides(reader: Ends, range_: str, base: Head | None, pull: int | None) -> tuple[Side, Side]:
    """Return both ends, compiled."""
    repository = reader.repository
    if pull is not None:
        trunk, sha = repository.pulled(pull)
        base = base or Head("origin/HEAD", trunk)
        tree = repository.merged(base.commit, sha)
        if tree is None:
            raise Invalid(f"pull request {pull} cannot be merged into {base.name}: resolve that")
        return reader.of_commit(base), reader.of_commit(Head(f"pull request {pull}", sha), tree)
    if range_:
        one, other = ends.between(repository, range_)
        assert other is not None
        return reader.of_commit(one), reader.of_commit(other)
    return reader.of_commit(base or Head(*repository.trunk())), reader.of_folder()


def _touched(base: Mapping[str, bytes], head: Mapping[str, bytes]) -> frozenset[str]:
    return frozenset(name for name in base.keys() | head.keys() if base.get(name) != head.get(name))


def _whose(repository: Here, root: str, base: Side, head: Side) -> Whose:
    """Return whose files are, by the base, and whose those that the change touches."""
    there = repository.plain_files(base.head.commit, owners.PLACES)
    file = next((each for each in owners.PLACES if each in there), "")
    if not file:
        return Whose(root=root)
    known = owners.read(file, repository.blobs([there[file]], owners.MAX_BYTES)[there[file]])
    texts = [{**each.texts, **each.policies} for each in (base, head)]
    files = (f"{root}/{each}" if root else each for each in _touched(*texts))
    return Whose(
        known, owners.touched(known, files, is_changed=_has_other(repository, head, there)), root
    )


def _has_other(repository: Here, head: Side, there: Mapping[str, str]) -> bool:
    """True if the head has another `CODEOWNERS` than the base."""
    if head.tree:
        return repository.plain_files(head.tree, owners.PLACES) != there
    blobs = repository.blobs(there.values(), owners.MAX_BYTES)
    return any(
        _on_disk(repository.top / each) != (blobs[there[each]] if each in there else None)
        for each in owners.PLACES
    )


def _on_disk(place: Path) -> bytes | None:
    return place.read_bytes() if place.is_file() and not place.is_symlink() else None


def _rulings(made: Review, namespace: str, base: Side, head: Side, whose: Whose) -> Rulings:
    """Return what the policies of the base say; nobody is asked where nothing changes."""
    if not made.changes and base.policies == head.policies:
        return made.rulings
    case = Case(made.changes, Catalogue(catalogue()), namespace, made.environment, whose=whose)
    return rulings(case, base.policies, head.policies, base.compiled.plans)


def _impact(client: Client, namespace: str, changes: tuple[Change, ...]) -> Mapping[str, Impact]:
    """Return the runs in flight of workflows that change, by the commits that they are pinned to.

    Raise NotFound, Denied or Unavailable where the server does not tell: nothing is guessed.
    """
    counts: dict[str, Counter[str]] = {each.name: Counter() for each in changes if each.old}
    for status in [each for each in RunStatus if each not in ENDED] if counts else ():
        for run in client.pages("/runs", namespace=namespace, status=status.value, limit=200):
            if run["workflow"] in counts:
                counts[str(run["workflow"])][str(run["commit"])] += 1
    return {name: Impact(dict(told)) for name, told in counts.items()}


def _what_if(client: Client, namespace: str, changes: tuple[Change, ...]) -> tuple[str, ...]:
    """Return the lines on how recorded runs would go, as far as the caller may read runs."""
    reader, room = Reader(client), whatif.Room()
    told = {name: reader.reviewed(namespace, name, room) for name in whatif.asked(changes)}
    recordings = {name: found for name, (found, _) in told.items()}
    return whatif.reviewed(changes, recordings, {name: left for name, (_, left) in told.items()})
