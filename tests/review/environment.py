"""Answers, in place of a plan, which variables the process that makes plans has."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from engine.core.review import Conclusion
from engine.review.keeper import main
from engine.review.kept import Kept
from engine.review.task import Answer, Task

# What the C library and the interpreter put in by themselves.
_OWN = {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}


def tell(_: Task, __: Kept, ___: BinaryIO) -> Iterator[Answer]:
    told = " ".join(sorted(os.environ.keys() - _OWN))
    yield Answer("d", Conclusion.FAILURE, told, "<!-- sark:plan -->", told, "s", (), {})


if __name__ == "__main__":
    main(tell)
