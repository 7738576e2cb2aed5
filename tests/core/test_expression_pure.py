"""No expression reaches more than the data that it is given: no attribute, import, clock, file."""

import gc
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache
from types import BuiltinFunctionType, FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.expression import EvaluationError, FaultError, parse_expression, parse_template
from engine.core.values import Json
from engine.core.zone import names as zone_names
from engine.core.zone import zone
from tests.core.test_expression_fault import Tempting
from tests.fuzz import grammar
from tests.fuzz.expressions import NAMES

TEXTS = st.randoms(use_true_random=False).map(lambda chance: grammar.expression(chance, 3))
HOSTILE = [text for text in grammar.HOSTILE if len(text) < 100]

# Functions of C by module or name: the world around us, and ways out of the data.
_MODULES = frozenset(
    ("time", "posix", "nt", "_random", "_socket", "_io", "_imp", "_posixsubprocess", "_signal")
)
_CALLS = frozenset(
    ("getattr", "setattr", "delattr", "eval", "exec", "compile", "__import__", "open", "input",
     "vars", "globals", "locals", "breakpoint", "now", "today", "utcnow", "fromtimestamp",
     "urandom", "getrandbits", "getenv", "print")
)  # fmt: skip


@cache
def _hooked() -> list[list[str]]:
    """Return what holds the list of events that are noted now; a hook is there for good."""
    holder: list[list[str]] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if holder:
            holder[0].append(f"{event} {arguments[:1]}")

    sys.addaudithook(hook)
    return holder


def reached(work: Callable[[], object]) -> list[str]:
    """Return all that Python audits while work is done, and which functions of C it calls."""
    holder = _hooked()
    noted: list[str] = []

    def profile(_: FrameType, event: str, called: object) -> None:
        if event == "c_call" and isinstance(called, BuiltinFunctionType):
            module, name = called.__module__ or "", called.__name__
            if module in _MODULES or name in _CALLS:
                noted.append(f"call {module}.{name}")

    before = sys.getprofile()
    gc.disable()  # what is told of a collection is not the work's doing
    holder.append(noted)
    sys.setprofile(profile)
    try:
        work()
    except EvaluationError:
        pass
    finally:
        sys.setprofile(before)
        holder.clear()
        gc.enable()
    return [each for each in noted if not each.startswith("sys.setprofile")]


def test_the_watch_sees() -> None:
    """
    What the tests below look for would be found if it happened.
    """

    def work() -> None:
        time.time()
        datetime.now()
        getattr(_CALLS, "copy")  # noqa: B009
        with suppress(ImportError):
            __import__("engine.nowhere")
        with suppress(OSError), open("/nowhere"):
            pass

    noted = reached(work)

    for word in ("time.time", "now", "getattr", "import ('engine.nowhere'", "open ('/nowhere'"):
        assert any(word in each for each in noted), (word, noted)


def attempt(door: Callable[[str], object], text: str, names: dict[str, Json]) -> list[str]:
    """Return what a text reached for while it was evaluated; reading it reaches for nothing."""
    try:
        compiled = parse_expression(text) if door is parse_expression else parse_template(text)
    except FaultError:
        return []
    return reached(lambda: compiled.evaluate(names))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_no_expression_reaches_the_world(text: str) -> None:
    """
    No import, file, clock, randomness, environment or attribute: whatever is written.
    """
    zone("Europe/Oslo")

    assert [] == attempt(parse_expression, text, NAMES)
    assert [] == attempt(parse_template, f"a {{{{ {text} }}}} b", NAMES)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_way_out_is_open(text: str) -> None:
    """
    What people try to get out by is a fault, an error, or a plain lookup in data.
    """
    for written, door in ((text, parse_expression), (f"{{{{ {text} }}}}", parse_template)):
        assert [] == attempt(door, written, NAMES)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_every_value_is_data(text: str) -> None:
    """
    What an expression gives is JSON through and through, and no attribute was touched for it.
    """
    trap: Any = Tempting({"b": 1, "c": [1, {"b": 2}], "copy": {"loaded": 1}})
    names: dict[str, Json] = {**NAMES, "x": trap, "inputs": trap, "rows": [trap] * 3, "map": trap}
    try:
        value = parse_expression(text).evaluate(names)
    except (FaultError, EvaluationError):
        return

    pending: list[object] = [value]
    while pending:
        each = pending.pop()
        assert type(each) in (str, int, float, bool, type(None), dict, list, Tempting)
        if isinstance(each, dict):
            pending += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            pending += each[:100]


def test_a_zone_comes_from_the_package_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Zones are the same on every machine: those of the system are not read.
    """
    monkeypatch.setenv("PYTHONTZPATH", "/nowhere")
    zone_names()
    zone.cache_clear()
    compiled = parse_expression("'2026-03-29T01:30:00Z' | strftime('%H', 'Asia/Tokyo')")
    opened = [each for each in reached(lambda: compiled.evaluate({})) if each.startswith("open ")]

    assert "10" == compiled.evaluate({})
    assert opened
    assert all("tzdata" in each for each in opened)
