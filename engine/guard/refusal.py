"""Why a call was not made."""

from datetime import timedelta


class Refused(Exception):
    """The call was not made: what it would do has not happened. Making it later may help.

    `type` is public and stable. `retry_after` is the pause after which it is worth trying.
    """

    def __init__(self, kind: str, detail: str, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.type = kind
        self.retry_after = retry_after
