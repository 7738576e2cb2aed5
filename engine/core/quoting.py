"""Text from a file, made fit for a sentence."""

_LONGEST = 60


def shown(text: str) -> str:
    """Return `text` on one line: what cannot be printed as an escape, its middle cut if long."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 21]}…{text[-20:]}"
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
