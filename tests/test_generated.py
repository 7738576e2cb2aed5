"""What is generated is as it would be generated now."""

import json
from pathlib import Path

import pytest

from engine.cli import gallery, reference
from engine.core.published import json_schema
from engine.operations import catalogue

ROOT = Path(__file__).parents[1]


def test_the_published_schema_is_current() -> None:
    """
    `schemas/workflow.schema.json` is what `sark schema --write schemas` writes.
    """
    text = json.dumps(json_schema(catalogue()), indent=2, ensure_ascii=False) + "\n"

    assert text == (ROOT / "schemas" / "workflow.schema.json").read_text()


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_a_reference_page_is_current(name: str) -> None:
    """
    The pages of the program's own words are what `python -m engine.cli.reference` writes.
    """
    assert reference.pages()[name] == (reference.FOLDER / name).read_text()


def test_the_pictures_of_the_specs_are_current() -> None:
    """
    `docs/pictures` is what `python -m engine.cli.gallery` draws, no less and no more.
    """
    kept = {each.name: each.read_text() for each in gallery.FOLDER.iterdir()}

    assert gallery.pictures() == kept


def test_the_samples_of_a_review_are_current() -> None:
    """
    The reference of reviews shows what the program prints, not what it printed once.
    """
    page = gallery.SAMPLED.read_text()

    assert gallery.sampled(page) == page
    assert 2 == page.count("1 added, 1 changed") + page.count("1 to add, 1 to change")


def test_every_setting_is_described() -> None:
    """
    No row of the settings page leaves a reader to guess what a key does.
    """
    assert "|  |" not in reference.settings_page()
