"""An adapter of somebody else's: looked at before it is loaded, and loaded within bounds."""

import os
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeVar

from adapters.contract import AdapterFactory
from adapters.settings import suggestion
from engine.errors import Misconfigured

GROUP = "sark.adapters"
_LOADING_SECONDS = 30.0
_Made = TypeVar("_Made")
_Line = tuple[CodeType, int]


def make(name: str, create: Callable[[AdapterFactory], _Made]) -> _Made:
    """Load the plugin `name`, and return what `create` makes of its factory.

    Raise Misconfigured if it is not installed, if everybody may rewrite it, if it fails, or if
    it takes longer than 30 s: the error names the plugin, and the line of its code.
    """
    point = _point(name)
    origin = _origin(name, point.module)
    return _within(name, origin, lambda: create(point.load()))


def _point(name: str) -> EntryPoint:
    points = list(entry_points(group=GROUP, name=name))
    if not points:
        installed = [each.name for each in entry_points(group=GROUP)]
        hint = suggestion(name, installed)
        raise Misconfigured(f'plugin "{name}" is not installed (entry point {GROUP}){hint}')
    if len(points) > 1:
        raise Misconfigured(f'plugin "{name}" is offered by {len(points)} distributions')
    return points[0]


def _origin(name: str, module: str) -> Path:
    """Return where a plugin's code lies; raise Misconfigured if anybody here may rewrite it."""
    found = find_spec(module.partition(".")[0])
    origin = found.origin if found is not None else None
    if origin is None:
        raise Misconfigured(f'plugin "{name}": the module {module} is nowhere to be found')
    for path in (Path(origin), Path(origin).parent):
        if os.stat(path).st_mode & stat.S_IWOTH:
            raise Misconfigured(f'plugin "{name}": everybody may write to {path}')
    return Path(origin)


def _within(name: str, origin: Path, work: Callable[[], _Made]) -> _Made:
    """Return what `work` gives; a thread does it, which is left behind if it does not end."""
    done: Future[_Made] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # a plugin that leaves by sys.exit has failed as well
            done.set_exception(error)

    thread = threading.Thread(target=run, name=f"plugin {name}", daemon=True)
    thread.start()
    thread.join(_LOADING_SECONDS)
    if not done.done():
        at = _place(origin, _stack(sys._current_frames().get(thread.ident or 0)))
        told = f"{at} has not come to an end in {_LOADING_SECONDS:g} s"
        raise Misconfigured(f'plugin "{name}" cannot be loaded: {told}')
    error = done.exception()
    if error is None or isinstance(error, Misconfigured):
        return done.result()
    raise Misconfigured(f'plugin "{name}" cannot be loaded: {_told(origin, error)}') from error


def _told(origin: Path, error: BaseException) -> str:
    """Return the line at which a plugin has failed, and why."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    lines, at = list[_Line](), error.__traceback__
    while at is not None:
        lines.append((at.tb_frame.f_code, at.tb_lineno))
        at = at.tb_next
    return f"{_place(origin, lines)}: {error!r}"


def _stack(frame: FrameType | None) -> list[_Line]:
    """Return the lines at which a thread is, the innermost last."""
    lines = list[_Line]()
    while frame is not None:
        lines.insert(0, (frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return lines


def _place(origin: Path, lines: Sequence[_Line]) -> str:
    """Return the innermost line of what lies where the plugin does, or else its file."""
    for code, number in reversed(lines):
        if Path(code.co_filename).is_relative_to(origin.parent):
            return f"{code.co_filename}:{number}"
    return str(origin)
