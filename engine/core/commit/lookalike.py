"""Names that a reader takes for each other: `job-0` and `job-o`, `form` and `forrn`.

After Unicode's UTS #39 (confusable detection). Of its table only what a name can be made of is
needed: the pattern of a name lets nothing in but small letters of ASCII, digits and `-`.
"""

_LETTERS = str.maketrans({"0": "o", "1": "l"})
_PAIRS = (("rn", "m"), ("vv", "w"))


def skeleton(name: str) -> str:
    """Return a text that is equal for names that look alike."""
    told = name.translate(_LETTERS)
    for pair, single in _PAIRS:
        told = told.replace(pair, single)
    return told
