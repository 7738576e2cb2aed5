"""The five example specs of the language, tried out as their authors would."""

import pytest

from engine.core.trial import Suite, Written
from tests.core.beside import Files
from tests.core.examples import CATALOGUE, FOLDER, SPECS
from tests.core.trial.authored import suite_of, told


def _suite() -> tuple[Suite, list[Written]]:
    """Return the examples and their tests, as if they stood in one folder."""
    files = {
        str(each.relative_to(FOLDER)): each.read_bytes()
        for each in sorted(FOLDER.rglob("*"))
        if each.is_file() and (each.suffix != ".yaml" or each.name in SPECS)
    }
    texts = {name: data.decode() for name, data in files.items() if name.endswith(".yaml")}
    return suite_of(texts, CATALOGUE, Files(files))


SUITE, TESTS = _suite()


@pytest.mark.parametrize("written", TESTS, ids=[each.test.name for each in TESTS])
def test_an_example_does_what_its_author_expects(written: Written) -> None:
    """
    Approvals expire, replies are lost, regions fail and events come early, each as it is written.
    """
    result = SUITE.judge(written)

    assert [] == told(result)
    assert result.has_passed


def test_the_tests_of_an_example_go_through_what_they_ask_for() -> None:
    """
    All of the nightly load, and nine tenths of the deploy.
    """
    suite, tests = _suite()
    for each in tests:
        suite.judge(each)

    assert [] == [each.message for each in suite.uncovered(tests)]
