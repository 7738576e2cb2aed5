"""Everything is killed at once, again and again, while runs are started."""

import pytest

from tests.stories.client import Client, Load
from tests.stories.invariants import hold
from tests.stories.parts import until
from tests.stories.sink import sinking
from tests.stories.stack import Stack
from tests.stories.test_storm import WORKFLOWS, stack_for

_BLACKOUTS = 4


def black_out(stack: Stack, client: Client, wanted: int) -> None:
    """Kill everything once so many runs were taken, and start it again under load."""
    with Load(client, WORKFLOWS, patience=300):
        until(lambda: len(client.acknowledged) > wanted)
        stack.kill()
        stack.start()


@pytest.mark.timeout(600)
def test_everything_may_be_killed_again_and_again():
    """
    Kill -9 of PostgreSQL, Redis and every process in the middle of all verbs, four times: what was
    acknowledged ends, each outcome is there once, and no attempt was called twice.
    """
    with sinking() as sink, stack_for(sink) as stack:
        client = Client(stack)
        for count in range(_BLACKOUTS):
            black_out(stack, client, 20 * (count + 1))
        audit = hold(stack, client.acknowledged, sink)

        assert [] == client.strange
        assert len(audit.runs) > 20 * _BLACKOUTS
