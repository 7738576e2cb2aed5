"""`sark bisect`: the commit since which a run goes as it went."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.client import Client
from engine.cli.options import as_json, remote
from engine.cli.output import Exit, plain
from engine.cli.output import as_json as print_json
from engine.core.values import Json
from engine.errors import Invalid

if TYPE_CHECKING:
    from engine.cli.ends import Ends
    from engine.core.plan import Plan
    from engine.core.whatif import Recording, Verdict
    from engine.git.here import Here, Told

_LOOKED_AT = 1_000


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--good", metavar="COMMIT", help="Begin here; else at the last run that succeeded.")
@click.option(
    "--path", default=".", show_default=True, metavar="DIR",
    help="The folder that the source has as its root.",
)  # fmt: skip
@as_json
@remote
def bisect(client: Client, run_id: str, good: str | None, path: str, json_: bool) -> None:
    """Find the first commit under whose plan RUN goes as it went, and before which it does not.

    The recorded run is driven through the plans of the commits in the repository here. A commit
    that does not compile is passed over, and told.

    Exit code 0: found. 1: no commit of these makes the difference.
    """
    from engine.cli.recorded import Reader
    from engine.git.here import here

    repository = here(Path(path))
    recording = Reader(client).run(run_id)
    bad = repository.commit(recording.header.commit)
    first = repository.commit(good or _last_good(client, recording))
    commits = [first, *repository.between(first, bad)]
    if len(commits) == 1:
        raise Invalid(f"no commit lies between {first[:12]} and that of the run, {bad[:12]}")
    search = Search(repository, recording, commits)
    found = search.first()
    if found is None:
        click.echo(f"sark: the run goes the same way since {first[:12]}: no commit explains it; "
                   "its inputs do, or the world around it", err=True)  # fmt: skip
        sys.exit(Exit.FAILED)
    _tell(repository, search, *found, json_=json_)


def _last_good(client: Client, recording: "Recording") -> str:
    """Return the commit of the last run before this one that succeeded; raise Invalid for none."""
    header = recording.header
    pages = client.pages(
        "/runs", namespace=header.namespace, workflow=header.workflow, status="succeeded", limit=200
    )
    for number, line in enumerate(pages):
        if str(line["id"]) < header.id and line["commit"]:
            return str(line["commit"])
        if number == _LOOKED_AT:
            break
    raise Invalid(f"no run of {header.workflow} succeeded before; name a commit with --good")


@dataclass(slots=True)
class Search:
    """A binary search among commits, the oldest first; each is compiled at most once."""

    repository: "Here"
    recording: "Recording"
    commits: Sequence[str]
    skipped: dict[str, str] = field(default_factory=dict)
    plans: dict[str, "Plan | None"] = field(default_factory=dict)
    verdicts: dict[str, "Verdict"] = field(default_factory=dict)
    _reader: "Ends | None" = None

    def first(self) -> tuple[int, int] | None:
        """Return the positions of the first commit under which the run goes as it went, and of the
        last before it under which it does not; None if it does under the oldest.

        Between them lie only commits that do not compile. Raise Invalid if one of the ends tells
        nothing.
        """
        low, high = 0, len(self.commits) - 1
        if not self._goes_so(high):
            what = "the run does not take its own path: --path names the folder of its source"
            raise Invalid(f"under its own commit {self.commits[high][:12]} {what}")
        is_so = self._goes_so(low)
        if is_so is None:
            raise Invalid(f"{self.commits[low][:12]} does not compile; name another with --good")
        if is_so:
            return None
        while (middle := self._between(low, high)) is not None:
            if self._goes_so(middle):
                high = middle
            else:
                low = middle
        return high, low

    def _between(self, low: int, high: int) -> int | None:
        """Return the position nearest to the middle that compiles."""
        middle = (low + high) // 2
        nearest = sorted(range(low + 1, high), key=lambda each: (abs(each - middle), each))
        return next((each for each in nearest if self._goes_so(each) is not None), None)

    def _goes_so(self, position: int) -> bool | None:
        """Return whether the run takes its path under a commit; None if that does not compile."""
        from engine.cli.replay import judged
        from engine.core import whatif
        from engine.core.binding import Bound

        commit = self.commits[position]
        if commit in self.skipped:
            return None
        if commit not in self.verdicts:
            plan = self._compiled(commit)
            if plan is None:
                return None if commit in self.skipped else False
            self.verdicts[commit] = judged(Bound(plan), self.recording)
        verdict = self.verdicts[commit]
        return verdict.kind is whatif.Kind.SAME and not verdict.also

    def _compiled(self, commit: str) -> "Plan | None":
        """Return the workflow's plan at a commit, None if it does not compile or is not there."""
        from engine.cli import ends
        from engine.core.review import Head

        if commit in self.plans:
            return self.plans[commit]
        self._reader = self._reader or ends.Ends(self.repository)
        side = self._reader.of_commit(Head(commit, commit))
        if ends.errors(side):
            self.skipped[commit] = "it does not compile"
            return None
        self.plans[commit] = side.compiled.plans.get(self.recording.header.workflow)
        return self.plans[commit]


def _tell(repository: "Here", search: Search, found: int, before: int, *, json_: bool) -> None:
    """Print the commit, who wrote it, where, and what it changes in the workflow."""
    from engine.core import change
    from engine.core.facts import Catalogue
    from engine.operations import catalogue

    commit, last = search.commits[found], search.commits[before]
    old, new = search.plans.get(last), search.plans.get(commit)
    name = search.recording.header.workflow
    was, now = ({} if each is None else {name: each} for each in (old, new))
    changes = change.compare(was, now, Catalogue(catalogue()))
    about, verdict = repository.about(commit), search.verdicts.get(last)
    if json_:
        print_json(_json(search, about, last, verdict, change.as_json(changes, datetime.now(UTC))))
        return
    click.echo(f"{commit}  {plain(about.author)}  {about.at}\n    {plain(about.subject)}")
    if new is not None:
        line = _line(new, verdict)
        click.echo(f"    {plain(repository.placed(new.file))}{f':{line}' if line else ''}")
    click.echo()
    click.echo(change.as_text(changes, datetime.now(UTC)), nl=False)
    if verdict is not None:
        from engine.cli.replay import as_lines

        click.echo(f"\nUnder {last[:12]}, before it:")
        click.echo("\n".join(as_lines(verdict, "" if old is None else old.file)))
    for skipped, why in search.skipped.items():
        click.echo(f"sark: {skipped[:12]} was passed over: {why}", err=True)


def _line(plan: "Plan", verdict: "Verdict | None") -> int:
    """Return where the step is written, in the plan of the found commit, that goes otherwise."""
    from engine.core.anatomy import parts

    if verdict is None:
        return 0
    name = verdict.step.rpartition(".")[2].partition("[")[0]
    every = (step for part in parts(plan) for step in part.scope.steps)
    return next((step.line for step in every if step.id == name), 0)


def _json(
    search: Search, about: "Told", before: str, verdict: "Verdict | None",
    changes: Mapping[str, Json],
) -> Json:  # fmt: skip
    from engine.core import whatif

    return {
        "commit": about.sha,
        "author": about.author,
        "at": about.at,
        "subject": about.subject,
        "before": before,
        "verdict_before": None if verdict is None else whatif.as_json(verdict),
        "skipped": dict(search.skipped),
        "tried": len(search.plans) + len(search.skipped),
        **changes,
    }
