"""Faults in valid specs are found; `python -m tests.mutants` puts them everywhere."""

import pytest

from tests.mutants.corpus import Corpus
from tests.mutants.fault import Fault
from tests.mutants.faults import FAULTS

OF_A_CLASS = 2


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus()


def test_of_valid_specs_nothing_is_found(corpus: Corpus) -> None:
    """
    There is no false alarm: not an error and not a warning in any of the valid specs.
    """
    assert [] == corpus.as_written()
    assert [] == corpus.findings()
    assert len(corpus.specs) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
def test_a_fault_is_found_where_it_is(fault: Fault, corpus: Corpus) -> None:
    """
    A mistake in a spec that was right is told by its code, near the line of the mistake.
    """
    verdicts = [corpus.judge(each) for each in corpus.sample(fault, OF_A_CLASS)]

    assert verdicts
    if fault.floor == 1.0:
        assert [] == [each for each in verdicts if not each.placed]


def test_what_is_not_always_found_has_a_reason() -> None:
    """
    A class of which mutants survive says in words why they do.
    """
    assert len(FAULTS) >= 30
    assert {each.name for each in FAULTS if each.floor < 1} == {
        each.name for each in FAULTS if each.missed
    }
    assert len({each.name for each in FAULTS}) == len(FAULTS)
