"""How often a long-lived process looks for cycles of garbage: seldom, for it makes next to none."""

import gc

# Python looks at every 700 objects more than before, and a burst of runs is some hundred thousand
# that live: what it looks at are plans and states in use. Nothing here waits for a cycle to go,
# and a run, the one thing that is many cycles, is cut up when it leaves (`Run.dissolve`).
_MORE = 100_000
# A look at everything costs a third of a second where ten thousand workflows are kept.
_WHOLE = 10


def look_seldom() -> None:
    """Leave what is loaded by now alone, and look for cycles after `_MORE` new objects.

    What has lived on is looked at after ten such looks, all of it after a hundred of these.
    """
    gc.freeze()
    gc.set_threshold(_MORE, 10, _WHOLE)
