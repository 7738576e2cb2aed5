"""Whether what stands in the five fields of a cron can be there; when it fires is not told here."""

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_LAST = ("l",)
_WORD = re.compile(r"[0-9]+|[a-z]+")


def misfit(cron: str) -> str | None:
    """Return what cannot stand in a cron of five fields; None if all of it can."""
    for (what, least, most, names), field in zip(_FIELDS, cron.lower().split(), strict=True):
        for part in field.split(","):
            values, _, step = part.partition("/")
            if step and not (step.isdigit() and int(step)):
                return f"`/{step}` is no step of the {what}: write a number from 1"
            for word in _WORD.findall(values.partition("#")[0]):
                if word.isdigit() and not least <= int(word) <= most:
                    return f"the {what} is from {least} to {most}, found {word}"
                if not word.isdigit() and word not in (*names, *_LAST):
                    known = f": it has {', '.join(names)}" if names else ""
                    return f"the {what} has no `{word}`{known}"
    return None
