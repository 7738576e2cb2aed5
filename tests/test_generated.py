"""What is generated is as it would be generated now."""

import json
from pathlib import Path

from engine.core.published import json_schema
from engine.operations import catalogue

ROOT = Path(__file__).parents[1]


def test_the_published_schema_is_current() -> None:
    """
    `schemas/workflow.schema.json` is what `sark schema --write schemas` writes.
    """
    text = json.dumps(json_schema(catalogue()), indent=2, ensure_ascii=False) + "\n"

    assert text == (ROOT / "schemas" / "workflow.schema.json").read_text()
