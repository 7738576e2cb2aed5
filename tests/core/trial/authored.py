"""Tests as authors write them, tried out as `sark test` does."""

import hashlib
from collections.abc import Mapping

from engine.core import spec
from engine.core.commit import Commit
from engine.core.compiler import compile_survey, laid, survey
from engine.core.diagnostic import has_errors
from engine.core.facts import Catalogue, Operations
from engine.core.trial import Fixture, Result, Suite, Written
from tests.core.beside import Files
from tests.core.catalogue import CATALOGUE


def suite_of(
    texts: Mapping[str, str], operations: Operations = CATALOGUE, files: Files | None = None
) -> tuple[Suite, list[Written]]:
    """Return the workflows of some specs, ready to be tested, and the tests among the specs."""
    beside = files or Files({})
    surveys = [survey(name, text.encode()) for name, text in texts.items()]
    commit = Commit([each for file in surveys for each in file.documents], beside)
    units = [compile_survey(each, Catalogue(operations), commit) for each in surveys]
    found = [each for unit in units for each in unit.diagnostics]
    assert not has_errors(found), found
    plans = laid([each for unit in units for each in unit.documents if each.plan], {})
    tests = [
        Written(part.document, part.model)
        for each in surveys
        for part in each.parts
        if isinstance(part.model, spec.WorkflowTest)
    ]
    suite = Suite(
        {name: each.plan for name, each in plans.items()},
        Catalogue(operations),
        lambda path: _fixture(beside.read(path)),
    )
    return suite, tests


def _fixture(data: bytes | None) -> Fixture | None:
    return None if data is None else Fixture(hashlib.sha256(data).hexdigest(), len(data))


def tried(workflow: str, test: str) -> Result:
    """Return what becomes of one test of a workflow; both are named `w`, their heads are ours."""
    return judged(workflow, test)[1]


def judged(workflow: str, test: str) -> tuple[Suite, Result]:
    """Return what becomes of one test, and the suite that it is in."""
    head = "apiVersion: sark/v1\nkind: {}\nname: w\n"
    texts = {
        "w.yaml": head.format("Workflow") + workflow,
        "t/w.yaml": head.format("WorkflowTest") + "workflow: w\n" + test,
    }
    suite, [written] = suite_of(texts, files=Files({"t/there.csv": b"x"}))
    return suite, suite.judge(written)


def told(result: Result) -> list[str]:
    """Return the findings of a test, each as `line:column code: message = hint`."""
    return [
        f"{each.span.line}:{each.span.column} {each.code}: {each.message}"
        + (f" = {each.hint}" if each.hint else "")
        for each in result.findings
    ]
