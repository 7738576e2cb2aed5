"""`sark preview`: what a run of a workflow would come to, with no server and nothing called."""

import sys
from typing import TYPE_CHECKING

import click

from engine.cli.garbage import uncollected
from engine.cli.options import as_json, environment, rooted
from engine.cli.output import Exit, plain
from engine.cli.output import as_json as print_json

if TYPE_CHECKING:
    from engine.core.compiler import Survey
    from engine.core.plan import Plan
    from engine.core.spec import WorkflowTest

_SECONDS = 60.0


@click.command()
@click.argument("workflow")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("-i", "--input", "inputs", multiple=True, metavar="K=V", help="An input; repeatable.")
@environment
@rooted
@as_json
@uncollected()
def preview(
    workflow: str, paths: tuple[str, ...], inputs: tuple[str, ...], environment: str,
    root: str | None, json_: bool,
) -> None:  # fmt: skip
    """Try a WORKFLOW of the specs at PATH (files or folders; here) out on a clock of its own.

    No adapter is called. What a step gives is what a WorkflowTest says of it, or made of the schema
    that it declares; who is asked approves. In a pull request `/sark preview` tells the same. It is
    given up after 60 seconds or 50,000 events.

    Exit code 0: the run succeeds. 1: it does not, or does not start; a spec has an error; there is
    no such workflow. 2: the command itself was wrong.
    """
    import time

    from engine.cli.inputs import pairs
    from engine.core import preview as previews
    from engine.core.facts import Catalogue
    from engine.operations import catalogue

    texts = pairs(inputs)
    plans, tests = _compiled(paths or (".",), root, environment)
    limit = time.monotonic() + _SECONDS
    if workflow in plans:
        operations = Catalogue(catalogue())
        made = previews.preview(
            plans[workflow], operations, tests, texts, lambda: time.monotonic() < limit
        )
    else:
        made = previews.unknown(workflow, plans)
    if json_:
        print_json(previews.as_json(made))
    else:
        click.echo("\n".join(map(plain, previews.as_text(made).split("\n"))), nl=False)
    sys.exit(Exit.OK if made.state == "succeeded" else Exit.FAILED)


def _compiled(
    paths: tuple[str, ...], root: str | None, environment: str
) -> "tuple[dict[str, Plan], list[WorkflowTest]]":
    """Return the plans of specs and the tests among them; raise Invalid, with the errors shown."""
    from engine.cli.folder import read
    from engine.cli.specs import compile_sound
    from engine.core import spec

    tests: dict[str, list[WorkflowTest]] = {}

    def observe(read: "Survey") -> None:
        found = (part.model for part in read.parts)
        tests[read.file] = [each for each in found if isinstance(each, spec.WorkflowTest)]

    compiled = compile_sound(read(paths, root), observe, environment)
    return compiled.plans, [each for name in sorted(tests) for each in tests[name]]
