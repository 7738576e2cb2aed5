"""A tree that changes step by step: what is kept of the last time never shows."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from engine.reconcile.memory import Memory
from engine.source import Beside, Cache, File, compile_files
from tests.core.catalogue import CATALOGUE

NAMES = ("one", "two", "tvvo", "three")
HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: {}\n"
POOL = "apiVersion: sark/v1\nkind: Pool\nname: {}\nslots: 2\n"
TRIGGERS = {
    "none": "",
    "route": "  called: {{type: webhook, path: {}, auth: {{hmac: key}}}}\n",
    "event": "  heard: {{type: event, event: {}}}\n",
}
STEPS = {
    "say": "  s: {{uses: echo.say@1, with: {{message: {}}}}}\n",
    "call": "  s: {{call: {}}}\n",
    "start": "  s: {{call: {}, detach: true}}\n",
    "emit": "  s: {{emit: {{type: {}}}}}\n",
    "pool": "  s: {{uses: echo.say@1, pool: {}, with: {{message: x}}}}\n",
    "wrong": "  s: {{uses: echo.say@1, whit: {{message: {}}}}}\n",
}
NAME = st.sampled_from(NAMES)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Return a file: a pool, or a workflow that hangs together with others or does not."""
    if draw(st.integers(0, 4)) == 0:
        return POOL.format(draw(NAME))
    kind = draw(st.sampled_from(sorted(TRIGGERS)))
    triggers = TRIGGERS[kind].format(draw(NAME))
    steps = STEPS[draw(st.sampled_from(sorted(STEPS)))].format(draw(NAME))
    comment = draw(st.sampled_from(["", "# moved down\n\n"]))
    head = comment + HEAD.format(draw(NAME))
    return head + (f"triggers:\n{triggers}" if triggers else "") + f"steps:\n{steps}"


TREES = st.dictionaries(st.sampled_from(["a.yaml", "b.yaml", "c/d.yaml", "e.yaml"]), documents())


def file(path: str, text: str) -> File:
    data = text.encode()
    return File(path, hashlib.sha1(data, usedforsecurity=False).hexdigest(), data)


def same(before: dict[str, File], new: File) -> File:
    """Return the very file of the last time where it is as it was, as the reconciler does."""
    old = before.get(new.path)
    return new if old is None or old != new else old


@given(st.lists(st.tuples(TREES, st.booleans()), min_size=2, max_size=6))
def test_what_is_remembered_never_shows(steps: list[tuple[dict[str, str], bool]]) -> None:
    """
    However a tree is edited, it comes to the plans and findings that it has for a newcomer.
    """
    memory = Memory(room=0)
    cache, tree, before = Cache(memory), dict[str, str](), dict[str, File]()
    for changes, is_anew in steps:
        tree = changes if is_anew else {**tree, **changes}
        files = [same(before, file(path, text)) for path, text in sorted(tree.items())]
        before = {each.path: each for each in files}
        beside = Beside({each.path: each for each in files})

        kept = compile_files(files, CATALOGUE, cache, beside=beside)
        memory.forget(but=[each.blob for each in files])

        assert compile_files(files, CATALOGUE, beside=beside) == kept
        assert all(memory.knows(each.blob) for each in files)
        assert len(memory) <= 2 * len(files)
