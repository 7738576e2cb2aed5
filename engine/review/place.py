"""Where a source's forge shows its repository, told by the address of the forge's API."""

from engine.core.review import Links
from engine.settings import Settings, Source

# What an API's address ends with, and what stands before a commit in that of a file.
_API = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
_BLOB = {"github": "blob", "gitlab": "-/blob", "gitea": "src/commit"}
_GITHUB = "https://api.github.com"


def links(settings: Settings, source: Source) -> Links:
    """Return where what is said of a source leads to."""
    told = source.forge
    assert told is not None, "a source without a forge has no reviews"
    web = told.url.removesuffix(_API[told.kind])
    if told.url == _GITHUB:
        web = "https://github.com"
    server = settings.server.public_url or ""
    repository = f"{web}/{told.repository}"
    return Links(repository, server, _BLOB[told.kind], has_reviews=told.kind != "gitlab")
