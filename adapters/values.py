"""Reads JSON that a far side gave, as far as it can be kept."""

import orjson

from adapters.contract import Json

_MARK = b"\xef\xbb\xbf"
_DEEPEST = 254


def parsed(data: bytes) -> Json:
    """Return the one JSON value that `data` is; a byte order mark before it is passed over.

    Raise ValueError for anything else, and for a value nested too deeply to be written again.
    """
    value: Json = orjson.loads(data.removeprefix(_MARK))
    if data.count(b"[") + data.count(b"{") > _DEEPEST:
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError as error:
            raise ValueError(str(error)) from None
    return value
