"""The functions that an expression may use, each as `f(x)` and as the filter `x | f`.

All are pure. What a mapping gives in order comes sorted by key, for the order of a mapping does
not outlive a database. `default` is no function: it has a node of its own.
"""

from engine.core.expression.instant import INSTANTS
from engine.core.expression.lists import LISTS
from engine.core.expression.signature import Function
from engine.core.expression.strings import STRINGS

FUNCTIONS: dict[str, Function] = {each.name: each for each in (*STRINGS, *INSTANTS, *LISTS)}
FUNCTIONS["count"] = FUNCTIONS["length"]
