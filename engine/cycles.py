"""How often a long-lived process looks for cycles of garbage: seldom, for it makes next to none."""

import gc

# Python looks at every 700 objects more than before, and a burst of runs is some hundred thousand
# that live: what it looks at are plans and states in use. Nothing here waits for a cycle to go.
_MORE = 10_000


def look_seldom() -> None:
    """Leave what is loaded by now alone, and look for cycles after `_MORE` new objects."""
    gc.freeze()
    gc.set_threshold(_MORE)
