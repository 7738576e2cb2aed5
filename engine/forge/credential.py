"""A token that somebody made by hand."""

from engine.secrets import resolve


class Token:
    """Read anew for each request, so that a new one in the file counts at once."""

    def __init__(self, reference: str, what: str) -> None:
        self._reference = reference
        self._what = what

    async def token(self) -> str:
        """Return it; raise Misconfigured, naming what must be set, if there is none."""
        return resolve(self._reference, self._what)

    def renew(self, token: str) -> bool:
        """Return False: only a person can make another one."""
        return False
