"""Sets the clock of a process wrong, by as many seconds as a file says, whenever it is asked.

Python imports it by its name where its folder is on PYTHONPATH. The monotonic clock stays as it
is: no host's is set.
"""

import datetime
import os
import time
from datetime import datetime as _datetime
from pathlib import Path
from typing import Any

_FILE = Path(os.environ["SHIFT"])
_time = time.time


def shift() -> float:
    return float(_FILE.read_text())


class _Kind(type):
    """Whatever is made is a plain datetime, and so is whatever is looked at."""

    def __call__(cls, *words: Any, **named: Any) -> Any:
        return _datetime(*words, **named)

    def __instancecheck__(cls, told: object) -> bool:
        return isinstance(told, _datetime)


class _Shifted(_datetime, metaclass=_Kind):
    __slots__ = ()

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _datetime.fromtimestamp(_time() + shift(), tz)


time.time = lambda: _time() + shift()
datetime.datetime = _Shifted  # type: ignore[misc]
