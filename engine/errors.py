"""The exceptions of the shell, told apart by what their caller does next."""

from datetime import timedelta


class SarkError(Exception):
    """Something in the world around us is in the way; the message says what and how to mend it."""

    code = "sark.error"


class Denied(SarkError):
    """The actor may not do this; asking again changes nothing."""

    code = "sark.denied"


class NotFound(SarkError):
    """The thing named does not exist, or the actor may not know that it does."""

    code = "sark.not_found"


class Conflict(SarkError):
    """The thing is not in a state that allows this; read it again, then decide."""

    code = "sark.conflict"


class Invalid(SarkError):
    """What was sent is not acceptable; `problems` tells each fault with its JSON pointer."""

    code = "sark.invalid"

    def __init__(self, message: str, problems: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class Unavailable(SarkError):
    """A server we need does not answer; try again after `after`."""

    code = "sark.unavailable"

    def __init__(self, message: str, after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(message)
        self.after = after


class Misconfigured(SarkError):
    """A setting, a path or a machine keeps the process from starting; a person must change it."""

    code = "sark.misconfigured"
