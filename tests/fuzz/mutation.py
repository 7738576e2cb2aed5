"""Changes to an input: small ones, splices, and repetition, which finds hostile costs."""

from collections.abc import Callable, Sequence
from random import Random

# Most inputs stay small, for more of them are tried; a few grow as large as is read.
_SIZES = (200, 200, 200, 2_000, 2_000, 20_000, 270_000)


def mutated(chance: Random, corpus: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    """Return one of the corpus after a few changes; `pieces` are what its language is made of."""
    data = chance.choice(corpus)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        data = chance.choice(_CHANGES)(chance, data, corpus, pieces)
    return data[: chance.choice(_SIZES)]


def _insert(chance: Random, data: bytes, _: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(pieces) + data[at:]


def _replace(chance: Random, data: bytes, _: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    at, end = _stretch(chance, data, 12)
    return data[:at] + chance.choice(pieces) + data[end:]


def _delete(chance: Random, data: bytes, *_: object) -> bytes:
    at, end = _stretch(chance, data, 40)
    return data[:at] + data[end:]


def _flip(chance: Random, data: bytes, *_: object) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]


def _move(chance: Random, data: bytes, *_: object) -> bytes:
    at, end = _stretch(chance, data, 60)
    to = chance.randint(0, len(data))
    return data[:to] + data[at:end] + data[to:]


def _splice(chance: Random, data: bytes, corpus: Sequence[bytes], _: object) -> bytes:
    other = chance.choice(corpus)
    at, end = _stretch(chance, other, 400)
    to = chance.randint(0, len(data))
    return data[:to] + other[at:end] + data[to:]


def _repeat(chance: Random, data: bytes, *_: object) -> bytes:
    at, end = _stretch(chance, data, chance.choice((1, 2, 3, 8, 30)))
    times = chance.choice((2, 3, 10, 50, 400, 3_000, 100_000))
    times = min(times, 270_000 // max(1, end - at))
    return data[:at] + data[at:end] * times + data[end:]


def _line(chance: Random, data: bytes, *_: object) -> bytes:
    """Indent a line, or take its indentation."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    lines[at] = chance.choice((b" ", b"  ", b"\t", b"- ")) + lines[at]
    if chance.random() < 0.5:
        lines[at] = lines[at].lstrip()
    return b"\n".join(lines)


def _stretch(chance: Random, data: bytes, most: int) -> tuple[int, int]:
    at = chance.randint(0, len(data))
    return at, min(len(data), at + chance.randint(1, most))


_CHANGES: tuple[Callable[..., bytes], ...] = (
    _insert,
    _insert,
    _replace,
    _delete,
    _flip,
    _move,
    _splice,
    _repeat,
    _line,
)
