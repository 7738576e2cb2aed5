"""What stands between a step and the call that it makes: what all workers share about calls.

`cache` may answer in the place of a call; `circuit`, `rate` and `concurrency` say whether and when
it is made.
"""

from engine.guard.guard import Guard, guarding
from engine.guard.key import key_of, versions
from engine.guard.refusal import Refused

__all__ = ["Guard", "Refused", "guarding", "key_of", "versions"]
