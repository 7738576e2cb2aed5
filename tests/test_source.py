"""A tree of files becomes plans and findings."""

import hashlib
from collections.abc import Iterator, MutableMapping

import pytest

from engine.core.commit import Unit
from engine.source import Beside, Cache, Compiled, File, compile_files, is_spec
from tests.core.catalogue import CATALOGUE

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: {name}
triggers:
  called: {{type: webhook, path: {path}, auth: {{hmac: key}}}}
steps:
  greet:
    uses: echo.say@1
    with: {{message: {message}}}
"""


class Counting(MutableMapping[str, Unit]):
    """A cache that knows how often something was put into it."""

    def __init__(self) -> None:
        self.held: dict[str, Unit] = {}
        self.writes = 0

    def __getitem__(self, key: str) -> Unit:
        return self.held[key]

    def __setitem__(self, key: str, unit: Unit) -> None:
        self.writes += 1
        self.held[key] = unit

    def __delitem__(self, key: str) -> None:
        del self.held[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)


def file(path: str, text: str) -> File:
    data = text.encode()
    return File(path, hashlib.sha1(data, usedforsecurity=False).hexdigest(), data)


def spec(path: str, name: str, *, route: str | None = None, message: str = "hi") -> File:
    return file(path, SPEC.format(name=name, path=route or name, message=message))


def codes(compiled: Compiled) -> list[tuple[str, str, int]]:
    return [(each.code, each.span.file, each.span.line) for each in compiled.diagnostics]


def test_every_spec_of_a_tree_becomes_a_plan() -> None:
    """
    Plans are found by the name of their workflow, wherever in the tree they are written.
    """
    compiled = compile_files([spec("b/two.yml", "two"), spec("one.yaml", "one")], CATALOGUE)

    files = {name: plan.file for name, plan in compiled.plans.items()}
    assert files == {"one": "one.yaml", "two": "b/two.yml"}
    assert (compiled.files, compiled.diagnostics) == (2, [])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.yaml", True),
        ("deep/down/a.yml", True),
        ("a.json", False),
        ("yaml", False),
        (".a.yaml", False),
        ("deep/.yaml", False),
        ("deep.d/a..yml", True),
        (".github/a.yaml", False),
    ],
)
def test_only_yaml_files_that_are_not_hidden_are_specs(path: str, expected: bool) -> None:
    """
    Other files, and names that begin with a dot, may stand in a repository.
    """
    assert expected == is_spec(path)


def test_two_workflows_with_one_name_are_an_error_in_both_places() -> None:
    """
    The second of two names is reported, and the finding leads to the first.
    """
    compiled = compile_files([spec("b.yaml", "same", route="b"), spec("a.yaml", "same")], CATALOGUE)

    [told] = compiled.diagnostics

    assert told.code == "duplicate-name"
    assert (told.span.file, told.span.line, told.span.column) == ("b.yaml", 3, 7)
    assert told.related[0].span.file == "a.yaml"


def test_two_webhooks_with_one_path_are_an_error() -> None:
    """
    `/hooks/x` and `x` are the same path, in one file or in two.
    """
    files = [spec("a.yaml", "one", route="x"), spec("b.yaml", "two", route="/hooks/x")]

    assert codes(compile_files(files, CATALOGUE)) == [("duplicate-route", "b.yaml", 5)]


def test_a_name_is_taken_by_a_workflow_with_errors_too() -> None:
    """
    That one of two has an error of its own does not hide that they share a name.
    """
    files = [spec("a.yaml", "same", message="'{{ x }}'"), spec("b.yaml", "same", route="b")]
    compiled = compile_files(files, CATALOGUE)

    assert codes(compiled) == [("unknown-name", "a.yaml", 9), ("duplicate-name", "b.yaml", 3)]


def test_an_unchanged_file_is_not_compiled_again() -> None:
    """
    A second pass compiles what has changed, and nothing else.
    """
    cache = Counting()
    compile_files([spec("a.yaml", "one"), spec("b.yaml", "two")], CATALOGUE, Cache(cache))
    changed = [spec("a.yaml", "one"), spec("b.yaml", "two", message="ho")]

    compiled = compile_files(changed, CATALOGUE, Cache(cache))

    assert (cache.writes, list(compiled.plans)) == (3, ["one", "two"])


def test_a_moved_file_is_found_in_the_cache_and_told_by_its_new_name() -> None:
    """
    Plans, findings and their second places follow the file; the plan's digest stays.
    """
    cache = Counting()
    text = SPEC.format(name="one", path="x", message="'{{ x }}'") + "  greet: {uses: echo.say@1}\n"
    good, bad = spec("a.yaml", "fine"), file("b.yaml", text)
    before = compile_files([good, bad], CATALOGUE, Cache(cache))

    after = compile_files(
        [File("z/a.yaml", good.blob, good.data), File("z/b.yaml", bad.blob, bad.data)],
        CATALOGUE,
        Cache(cache),
    )

    places = {each.span.file for each in after.diagnostics}
    seconds = {also.span.file for each in after.diagnostics for also in each.related}
    assert (2, "z/a.yaml", {"z/b.yaml"}) == (cache.writes, after.plans["fine"].file, places)
    assert (before.plans["fine"].digest, {"z/b.yaml"}) == (after.plans["fine"].digest, seconds)


def test_another_catalogue_compiles_everything_again() -> None:
    """
    What an operation takes decides whether a spec is right, so the cache knows the catalogue.
    """
    cache = Counting()
    files = [spec("a.yaml", "one")]
    compile_files(files, CATALOGUE, Cache(cache))
    without = {name: facts for name, facts in CATALOGUE.items() if name != "echo.say@1"}

    compiled = compile_files(files, without, Cache(cache))

    assert (cache.writes, codes(compiled)) == (2, [("unknown-operation", "a.yaml", 8)])


def test_a_file_without_a_blob_is_not_cached() -> None:
    """
    Files of a work tree have no blob id, and are compiled each time.
    """
    cache = Counting()
    compile_files([File("a.yaml", "", spec("a.yaml", "one").data)], CATALOGUE, Cache(cache))

    assert cache.writes == 0


POOL = "apiVersion: sark/v1\nkind: Pool\nname: fast\nparallelism: {}\n"
USER = """\
apiVersion: sark/v1
kind: Workflow
name: user
triggers: {{t: {{type: webhook, path: x, auth: {{hmac: key}}, payload: {{$ref: {}}}}}}}
steps: {{a: {{uses: echo.say@1, with: {{message: hi}}, pool: fast}}}}
"""


def beside(**files: str) -> Beside:
    return Beside({f"{name}.json": file(f"{name}.json", text) for name, text in files.items()})


def test_a_file_is_compiled_again_when_an_answer_changes() -> None:
    """
    A change of a file that a spec names compiles this spec again, and no other.
    """
    cache = Counting()
    files = [file("user.yaml", USER.format("a.json")), spec("a.yaml", "one")]
    before = compile_files(files, CATALOGUE, Cache(cache), beside=beside(a='{"type": "object"}'))
    again = compile_files(files, CATALOGUE, Cache(cache), beside=beside(a='{"type": "object"}'))
    writes = cache.writes

    after = compile_files(files, CATALOGUE, Cache(cache), beside=beside(a='{"type": "array"}'))
    gone = compile_files(files, CATALOGUE, Cache(cache), beside=beside())

    digests = [each.plans["user"].digest for each in (before, again, after)]
    assert (2, 4) == (writes, cache.writes)
    assert (digests[0], True) == (digests[1], digests[1] != digests[2])
    assert ["missing-file"] == [each.code for each in gone.diagnostics if each.hint][:1]


def test_a_file_that_was_not_read_is_read_when_it_is_needed() -> None:
    """
    Whoever has seen a content before need not have it at hand again.
    """
    cache, reads = Counting(), list[str]()
    known = file("user.yaml", USER.format("a.json"))

    def read() -> bytes | None:
        reads.append(known.path)
        assert isinstance(known.data, bytes)
        return known.data

    lazy = File(known.path, known.blob, read)
    for text in ("{}", "{}", '{"type": "array"}'):
        compile_files([lazy], CATALOGUE, Cache(cache), beside=beside(a=text))

    assert ["user.yaml"] * 2 == reads


def test_documents_of_other_kinds_are_kept_with_their_file() -> None:
    """
    A pool is no plan; that it is there is known to the workflows that name it.
    """
    without = compile_files([file("user.yaml", USER.format("a.json"))], CATALOGUE)
    both = compile_files(
        [file("user.yaml", USER.format("a.json")), file("pool.yaml", POOL.format(3))],
        CATALOGUE,
        beside=beside(a="{}"),
    )

    assert "unknown-pool" in {each.code for each in without.diagnostics}
    assert "unknown-pool" not in {each.code for each in both.diagnostics}
    assert (["user"], 2) == (list(both.plans), both.files)


def test_a_tree_of_any_size_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Files beyond those that are kept parsed are parsed a second time, and come to the same.
    """
    files = [spec(f"{name}.yaml", name) for name in ("a", "b", "c")]
    expected = compile_files(files, CATALOGUE)

    monkeypatch.setattr("engine.tree._MOST_PARSED", len(files[0].read() or b"") + 1)

    assert expected == compile_files(files, CATALOGUE)


def test_files_without_ids_are_told_apart_by_their_content() -> None:
    """
    In a work tree a file has no id until somebody asks what it holds.
    """
    files = Beside({"a": File("a", "", b"x"), "b": File("b", "", b"y"), "c": File("c", "", b"x")})

    assert files.stamp("a") == files.stamp("c") != files.stamp("b")
    assert ("", None, b"x") == (files.stamp("d"), files.read("d"), files.read("a"))
