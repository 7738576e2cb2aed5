"""A workflow tried out: its plan runs on a clock of its own, and steps end as a test says.

No adapter is called and nothing is waited for, so days pass in microseconds and every trial of
the same test is the same. The machine is the one that runs in earnest.
"""

from engine.core.trial.coverage import Coverage
from engine.core.trial.fixture import Fixture
from engine.core.trial.simulation import Trial
from engine.core.trial.suite import Result, Suite, Written

__all__ = ["Coverage", "Fixture", "Result", "Suite", "Trial", "Written"]
