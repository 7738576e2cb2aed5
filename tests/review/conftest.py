"""Heads settle at once in tests: none of them is about how long that takes."""

from datetime import timedelta

import pytest

from engine.review import duty
from engine.store import reviews


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "_SETTLE", timedelta(seconds=0.2))
    monkeypatch.setattr(duty, "_PERIOD", 0.05)
