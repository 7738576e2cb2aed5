"""The stack that is measured: `sark up` with the measured specs."""

from benchmarks import specs
from tests.stories import stack


class Stack(stack.Stack):
    """A whole `sark up` over the measured specs."""

    def __init__(self, workers: int = 1) -> None:
        super().__init__(specs.files(), SARK_WORKER__PROCESSES=str(workers))

    def ended(self, workflow: str) -> int:
        """Return how many runs of a workflow have succeeded, counted in the database."""
        counted = self.rows(
            "SELECT count(*) FROM runs WHERE workflow = %s AND status = 'succeeded'", workflow
        )
        return int(counted[0][0])


Link = stack.Link
