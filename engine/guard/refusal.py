"""Why a call was not made."""

from datetime import timedelta


class Refused(Exception):
    """The call was not made, or is not to go on.

    `type` is public and stable. `retry_after` is the pause after which it is worth trying. One of
    class `transient` has not been made at all, and may be made later.
    """

    def __init__(
        self, kind: str, detail: str, retry_after: timedelta | None = None,
        error_class: str = "transient",
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.type = kind
        self.retry_after = retry_after
        self.error_class = error_class
