"""`python -m engine.review.preview`: a workflow of a stranger's change tried out, and told.

It reads a task from its input and writes to its output whether there is such a workflow, and what
its preview has come to. It is confined and killed as `engine.review.child` is.
"""

import pickle  # nosec B403 - it is the parent's own, and nobody else's
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import orjson

from engine.contents import Contents
from engine.core import spec
from engine.core.compiler import Survey
from engine.core.facts import Catalogue, Operations
from engine.core.frozen import frozen
from engine.core.preview import as_markdown, preview, unknown
from engine.git.command import Runner
from engine.git.mirror import MAX_FILE
from engine.git.objects import Objects
from engine.git.tree import Tree
from engine.review.confinement import confine
from engine.source import compile_files, is_spec

_SECONDS = 45.0  # of the 60 that the parent gives, so that a part of the way can be told


@frozen
class Task:
    """A workflow to be tried out: its name, its inputs as they are written, and the tree in the
    repository at `folder` that it stands in.
    """

    tree: Tree
    folder: Path
    operations: Operations
    environment: str
    workflow: str
    inputs: Mapping[str, str]


def previewed(task: Task) -> tuple[bool, str]:
    """Return whether there is the workflow, and the preview of it in Markdown."""
    limit = time.monotonic() + _SECONDS
    tests: list[spec.WorkflowTest] = []

    def observe(read: Survey) -> None:
        found = (part.model for part in read.parts)
        tests.extend(each for each in found if isinstance(each, spec.WorkflowTest))

    with Objects(Runner(task.folder)) as objects:
        blobs = sorted(blob for path, blob in task.tree.blobs.items() if is_spec(path))
        held = Contents(task.tree, objects.read(blobs, MAX_FILE))
        compiled = compile_files(
            held.specs(objects), task.operations, None, task.environment, held.beside(objects),
            observe, is_protected=False,
        )  # fmt: skip
    plan = compiled.plans.get(task.workflow)
    if plan is None:
        return False, as_markdown(unknown(task.workflow, compiled.plans))
    made = preview(
        plan, Catalogue(task.operations), tests, task.inputs, lambda: time.monotonic() < limit
    )
    return True, as_markdown(made)


def main() -> None:
    """Read a task, try it out, and write what it came to."""
    confine()
    task: Task = pickle.loads(sys.stdin.buffer.read())  # nosec B301
    sys.stdout.buffer.write(orjson.dumps(previewed(task)))


if __name__ == "__main__":
    main()
