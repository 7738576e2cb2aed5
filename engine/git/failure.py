"""What goes wrong with Git, by what there is to do about it."""

from engine.errors import SarkError


class GitFailed(SarkError):
    """Git or the network failed; the same may work later. Nothing in it is a credential."""

    code = "sark.git"


class NoCredential(GitFailed):
    """What a remote is to know us by, or we it, is missing here or of no use."""


class HostRefused(GitFailed):
    """The configuration does not let this host be asked."""


class Moved(GitFailed):
    """The remote says that the repository is elsewhere; it is not followed there."""


class TooMuch(GitFailed):
    """A command printed more than anybody will read."""


class Refused(SarkError):
    """A commit holds what no source may hold; asking again gives the same answer.

    `reason` is a public code, `path` the file that it is about (below the root) or "", `line` where
    in it.
    """

    code = "sark.refused"

    def __init__(self, reason: str, message: str, path: str = "", line: int = 1) -> None:
        super().__init__(message)
        self.reason = reason
        self.path = path
        self.line = line
