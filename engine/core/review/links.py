"""Where a review's links lead: to the forge and to the server, and nowhere else."""

from urllib.parse import quote

from engine.core.frozen import frozen


@frozen
class Links:
    """`repository` is its page at the forge, as `https://github.com/acme/workflows`, `server` the
    address that SARK is reached at; neither ends with a slash, and "" is not linked to.
    `blob` is what stands before a commit in the address of a file: GitLab says `-/blob`.
    `has_server`: somebody hears commands that are given in comments. `has_reviews`: the forge tells
    of which commit somebody has approved, so that it may count.
    """

    repository: str
    server: str = ""
    blob: str = "blob"
    has_server: bool = True
    has_reviews: bool = True

    def file(self, commit: str, path: str, line: int = 0) -> str:
        """Return the address of a file of a commit, of a line of it from 1 on."""
        if not self.repository or not commit:
            return ""
        place = f"#L{line}" if line else ""
        return f"{self.repository}/{self.blob}/{commit}/{quote(path, errors='replace')}{place}"

    def plan(self, digest: str) -> str:
        """Return the address of the page that tells a whole plan."""
        return f"{self.server}/plans/{digest[:8]}" if self.server else ""
