"""Where what is said of a source leads to, and what its forge has."""

import pytest

from engine.core.review import Links
from engine.review.place import links
from engine.settings import Settings


@pytest.mark.parametrize(
    ("kind", "api", "expected"),
    [
        ("github", "https://api.github.com", Links("https://github.com/acme/shop")),
        ("github", "https://gh.example/api/v3", Links("https://gh.example/acme/shop")),
        (
            "gitlab", "https://gl.example/api/v4",
            Links("https://gl.example/acme/shop", "", "-/blob", has_reviews=False),
        ),
        (
            "gitea", "https://gt.example/api/v1",
            Links("https://gt.example/acme/shop", "", "src/commit"),
        ),
    ],
)  # fmt: skip
def test_a_source_is_told_of_as_its_forge_is(kind: str, api: str, expected: Links):
    """
    Files are linked as the forge writes their addresses, and reviews are asked for where they
    count: GitLab does not tell of which commit they are.
    """
    forge = {"kind": kind, "repository": "acme/shop", "api": api, "token": "env:TOKEN"}
    source = {"name": "shop", "namespace": "shop", "url": "https://x.example/a", "forge": forge}
    settings = Settings.model_validate({"sources": [source]})

    assert expected == links(settings, settings.sources[0])
