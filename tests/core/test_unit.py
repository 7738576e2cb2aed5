"""Files put together: what two of them may not share, and one content at two paths."""

from engine.core.commit import Unit, findings
from engine.core.compiler import compile_file
from engine.core.diagnostic import Diagnostic
from engine.core.facts import Catalogue
from tests.core.catalogue import CATALOGUE, Facts

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: {name}
triggers:
  called: {{type: webhook, path: {route}, auth: {{hmac: key}}}}
steps:
  a: {{uses: echo.say@1, with: {{message: hi}}}}
"""
TWICE = "\nsteps:\n  a: {set: {x: {value: 1}}}\n  a: {set: {x: {value: 2}}}\n"
BROKEN = "apiVersion: sark/v1\nkind: Workflow\nname: demo" + TWICE


def unit(file: str, name: str, route: str) -> Unit:
    return compile_file(file, SPEC.format(name=name, route=route).encode(), CATALOGUE)


def linked(units: list[Unit]) -> list[Diagnostic]:
    return findings([each for unit in units for each in unit.documents])


def told(found: list[Diagnostic]) -> list[tuple[str, str, str, str]]:
    return [
        (each.code, each.message, f"{each.span.file}:{each.span.line}", each.related[0].span.file)
        for each in found
    ]


def test_a_name_is_taken_once() -> None:
    """
    Two workflows of one name are told apart by nobody: the second is refused, both are shown.
    """
    found = linked([unit("a.yaml", "pay", "one"), unit("b.yaml", "pay", "two")])

    expected = ("duplicate-name", 'there are two workflows with the name "pay"', "b.yaml:3")
    assert [(*expected, "a.yaml")] == told(found)


def test_a_path_is_taken_once_however_it_is_written() -> None:
    """
    `/hooks/orders` and `orders` are one address, and a request to it could mean either.
    """
    found = linked(
        [unit("a.yaml", "one", "orders/paid"), unit("b.yaml", "two", "/hooks/orders/paid")]
    )

    expected = ("duplicate-route", 'there are two webhooks with the path "orders/paid"', "b.yaml:5")
    assert [(*expected, "a.yaml")] == told(found)


def test_files_that_share_nothing_go_together() -> None:
    """
    Different names and paths are no finding.
    """
    assert [] == linked([unit("a.yaml", "one", "one"), unit("b.yaml", "two", "two")])


def test_the_same_content_compiles_to_the_same_at_every_path() -> None:
    """
    A file that is moved and not changed gives what a fresh compile at its new path gives.
    """
    moved = unit("a.yaml", "pay", "orders").at("new/b.yaml")
    broken = compile_file("a.yaml", BROKEN.encode(), CATALOGUE).at("new/b.yaml")

    assert unit("new/b.yaml", "pay", "orders") == moved
    assert compile_file("new/b.yaml", BROKEN.encode(), CATALOGUE) == broken
    assert moved is moved.at("new/b.yaml")


def test_a_catalogue_has_a_digest_of_all_that_plans_depend_on() -> None:
    """
    Whoever keeps plans compiles again when an operation has changed, and only then.
    """
    changed = {**CATALOGUE, "echo.say@1": Facts("echo.say@1", {"type": "object"}, {})}

    assert Catalogue(CATALOGUE).digest == Catalogue(dict(reversed([*CATALOGUE.items()]))).digest
    assert Catalogue(CATALOGUE).digest != Catalogue(changed).digest
    assert len(CATALOGUE) == len(Catalogue(CATALOGUE))


def test_a_file_that_declares_nothing_is_told_of() -> None:
    """
    Nobody means to commit a file with nothing in it, or with all of it behind `#`.
    """
    for text in (b"", b"# steps: {}\n", b"---\n---\n"):
        [found] = compile_file("a.yaml", text, CATALOGUE).diagnostics

        assert ("empty-file", "warning") == (found.code, found.severity.value)
        assert (1, 1) == (found.span.line, found.span.column)
