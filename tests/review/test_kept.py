"""A look that begins with what is live says what one says that begins with nothing."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import Event

import orjson
import pytest

from engine.core.review import Head, Links, Place
from engine.git.address import parse
from engine.git.objects import Objects
from engine.git.pulls import Pulls
from engine.git.tree import Tree
from engine.review import child, judging
from engine.review.keeping import Keeper
from engine.review.kept import Came, Kept
from engine.review.task import Answer, Asked, Running, Task
from tests.git.desk import CATALOGUE
from tests.git.repo import Repo, broken, spec

HEAD = "apiVersion: sark/v1\nkind: {}\nname: {}\n"
CALL = HEAD + "steps:\n  go: {{call: {}}}\n"
EMIT = HEAD.format("Workflow", "teller") + "steps:\n  tell: {emit: {type: shop.sold}}\n"
HEAR = (
    HEAD.format("Workflow", "hearer")
    + "triggers:\n  sold: {type: event, event: shop.sold}\n"
    + "steps:\n  say: {uses: echo.say@1, with: {message: heard}}\n"
)
SHAPED = (
    HEAD.format("Workflow", "shaped")
    + "triggers:\n  called: {type: webhook, path: in, auth: {hmac: key}, "
    + "payload: {$ref: schemas/in.json}}\n"
    + "steps:\n  say: {uses: echo.say@1, with: {message: x}}\n"
)
READS = (
    HEAD.format("Workflow", "reads")
    + 'steps:\n  say: {uses: echo.say@1, with: {message: "{{ variables.host }}"}}\n'
)
POOL = HEAD.format("Pool", "few") + "slots: 2\n"
POLICY = 'rule("{0}", "no changes");\ndeny("{0}", c, ["is", c.name]) if c.kind = "changed";\n'


def environment(host: str) -> str:
    return HEAD.format("Environment", "production") + f"variables: {{host: {host}}}\n"


BASE: Mapping[str, str] = {
    "a.yaml": spec("a"),
    "inner.yaml": spec("inner"),
    "middle.yaml": CALL.format("Workflow", "middle", "inner"),
    "outer.yaml": CALL.format("Workflow", "outer", "middle"),
    "teller.yaml": EMIT,
    "hearer.yaml": HEAR,
    "shaped.yaml": SHAPED,
    "schemas/in.json": '{"type": "object"}',
    "reads.yaml": READS,
    "production.yaml": environment("shop.example"),
    "pool.yaml": POOL,
    "policies/ours.polar": POLICY.format("ours"),
    **{f"many/m{each}.yaml": spec(f"m{each}") for each in range(12)},
}
CHANGES: Mapping[str, Mapping[str, str | None]] = {
    "nothing but a comment": {"a.yaml": "# a comment\n" + spec("a")},
    "a workflow changed": {"a.yaml": spec("a", "new")},
    "a workflow added": {"b.yaml": spec("b")},
    "a workflow removed": {"a.yaml": None},
    "a workflow renamed": {"a.yaml": spec("z")},
    "a file moved": {"a.yaml": None, "deep/a.yaml": spec("a")},
    "a callee changed": {"inner.yaml": spec("inner", "new")},
    "a callee removed": {"inner.yaml": None},
    "a callee broken": {"inner.yaml": broken("inner")},
    "a circle of calls": {"inner.yaml": CALL.format("Workflow", "inner", "outer")},
    "a companion changed": {"schemas/in.json": '{"type": "object", "required": ["id"]}'},
    "a companion broken": {"schemas/in.json": "{"},
    "a companion removed": {"schemas/in.json": None},
    "who emits removed": {"teller.yaml": None},
    "a variable changed": {"production.yaml": environment("other.example")},
    "an environment removed": {"production.yaml": None},
    "what serves removed": {"pool.yaml": None},
    "a policy changed": {"policies/ours.polar": POLICY.format("theirs")},
    "a policy broken": {"policies/ours.polar": "rule("},
    "a name twice": {"b.yaml": spec("a")},
    "a spec too large": {"a.yaml": spec("a") + "#" * (300 << 10)},
    "a spec broken": {"a.yaml": broken("a")},
    "many removed": {f"many/m{each}.yaml": None for each in range(11)},
    "all removed": dict.fromkeys(BASE),
}


class Forgetful(Kept):
    """Compiles every tree as if it were the first."""

    def compiled(self, tree: Tree | None, objects: Objects) -> Came:
        return Kept(CATALOGUE, self.environment).compiled(tree, objects)


class History:
    """Commits of a repository, and what looks at two of them say."""

    def __init__(self, folder: Path) -> None:
        self.repo = Repo(folder / "repo")
        self._pulls = Pulls(folder / "mirrors", parse(self.repo.url), Event())

    def commit(self, files: Mapping[str, str | None]) -> Tree:
        """Commit what is changed; return the files of the commit, as a review has them."""
        gone = [path for path, text in files.items() if text is None]
        there = [each for each in gone if (self.repo.folder / each).exists()]
        self.repo.commit(
            {path: text for path, text in files.items() if text is not None}, gone=there
        )
        self.repo.git("update-ref", "refs/pull/1/head", "HEAD")
        commit, _ = self._pulls.bring("refs/heads/main", "refs/pull/1/head")
        return self._pulls.tree(commit, ".")

    def task(self, before: Tree | None, after: Tree | None, live: Tree | None) -> Task:
        return Task(
            Place("shop", "production"), "shop", Head("main", "1" * 40), Head("", "2" * 40),
            before, after, self._pulls.place, CATALOGUE, Asked(7, "dana"),
            Running({"a": {"3" * 40: 2}}, {8: ["inner", "outer"]}, {"b": "other"}), (),
            Links("https://forge.example/acme/shop"), datetime(2024, 5, 1, tzinfo=UTC), live=live,
        )  # fmt: skip


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setattr("engine.review.child.time.monotonic", lambda: 0.0)
    return History(tmp_path)


def answers(task: Task, kept: Kept) -> list[bytes]:
    """Return the answers as they leave the process; recorded runs are there for none."""
    told = BytesIO(b"")
    return [each.encode() for each in _until_asked(child.judge(task, kept, told))]


def _until_asked(judged: Iterator[Answer]) -> Iterator[Answer]:
    for each in judged:
        yield each
        if each.replays:
            return


def plain(task: Task) -> list[bytes]:
    return answers(task, Forgetful(CATALOGUE, "production"))


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_kept_shows_in_no_plan(history: History, change: str):
    """
    Whatever a pull request changes, its plan is to the byte the one of a look at everything.
    """
    live = history.commit(BASE)
    task = history.task(live, history.commit(CHANGES[change]), live)
    kept = Kept(CATALOGUE, "production")
    kept.stand_on(task.ground)

    assert plain(task) == answers(task, kept)


def test_a_base_that_is_not_live_yet_shows_in_no_plan(history: History):
    """
    What is live may lag behind the branch, be ahead of it, or be unknown: plans are the same.
    """
    trees = [history.commit(BASE)]
    trees += [history.commit(CHANGES[each]) for each in ("a callee changed", "a workflow removed")]
    trees += [history.commit(CHANGES["a variable changed"])]
    before, after = trees[1], trees[3]
    expected = plain(history.task(before, after, None))

    for live in (None, *trees):
        task = history.task(before, after, live)
        kept = Kept(CATALOGUE, "production")
        kept.stand_on(task.ground)
        assert expected == answers(task, kept)


def test_what_is_live_moves_under_the_looks(history: History):
    """
    From activation to activation the process keeps what it can, and its plans stay the same.
    """
    kept, live = Kept(CATALOGUE, "production"), history.commit(BASE)
    for change in CHANGES.values():
        after = history.commit(change)
        task = history.task(live, after, live)
        kept.stand_on(task.ground)
        whole = history.task(None, live, live)

        assert plain(whole) == answers(whole, kept)
        live = after


def test_what_is_refused_says_so_without_what_is_kept(history: History):
    """
    A head that holds what no source may hold is told as that.
    """
    from engine.core.diagnostic import Diagnostic, Span

    live = history.commit(BASE)
    found = Diagnostic("tree-symlink", "a link", Span("link", 1, 1))
    task = replace(history.task(live, None, live), refused=[found])
    (told,) = answers(task, Kept(CATALOGUE, "production"))

    assert "failure" == orjson.loads(told)["conclusion"]


def test_what_is_live_is_compiled_before_anybody_asks(history: History):
    """
    A process that was told what is live reads none of it at the first look, here as it could not,
    and answers what it would have otherwise.
    """
    live = history.commit(BASE)
    task = history.task(live, history.commit({"a.yaml": spec("a", "new")}), live)
    lost = replace(live, blobs=dict.fromkeys(live.blobs, "0" * 40))

    async def answered() -> list[Answer]:
        first, second = Keeper(), Keeper()
        try:
            await second.stand(task.ground, 60.0)
            return [
                await judging.judge(task, first),
                await judging.judge(replace(task, live=lost), second),
            ]
        finally:
            await first.close()
            await second.close()

    first, second = asyncio.run(answered())

    assert ["a"] == list(first.workflows)
    assert first.said == second.said
