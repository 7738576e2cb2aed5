"""Answers, in place of a plan, which variables the process that makes plans has."""

import os
import pickle
import sys

from engine.core.review import Conclusion
from engine.review.task import Answer

# What the C library and the interpreter put in by themselves.
_OWN = {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}

pickle.load(sys.stdin.buffer)
told = " ".join(sorted(os.environ.keys() - _OWN))
answer = Answer("d", Conclusion.FAILURE, told, "<!-- sark:plan -->", told, "s", (), {})
sys.stdout.buffer.write(answer.encode())
