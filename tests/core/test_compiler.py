"""Specs compiled: each case is a pair of files in `plans/` (see `tests.core.cases`)."""

import json

import pytest

from tests.core.cases import FOLDER, NAMES, compiled, expected


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_compiles_to_what_is_written_beside_it(name: str) -> None:
    """
    The plan and every finding, with place and words, are exactly those of the case's files.
    """
    assert expected(name) == json.loads(json.dumps(compiled(name)))


def test_every_case_has_a_spec() -> None:
    """
    No file of expectations is left over from a case that is gone.
    """
    specs = {path.name.split(".")[0] for path in FOLDER.iterdir()}

    assert set(NAMES) == specs
