"""From a spec and the catalogue of operations to a plan, or to findings that say why not.

What a workflow may read, in which order its steps run, whether its values fit, where secrets and
strangers' text may go, and what a retry could do twice: all of it is known before a run begins.
The rules are listed in `codes`.
"""

from engine.core.compiler.link import Laid, laid
from engine.core.compiler.protection import protection_of
from engine.core.compiler.unit import Survey, compile_file, compile_survey, survey
from engine.core.compiler.visibility import Visibility
from engine.core.compiler.workflow import compile_workflow

VERSION = "8"
"""Raised when the same file and catalogue would give another plan or other findings."""

__all__ = [
    "VERSION",
    "Laid",
    "Survey",
    "Visibility",
    "compile_file",
    "compile_survey",
    "compile_workflow",
    "laid",
    "protection_of",
    "survey",
]
