"""Where a pull request is opened by hand."""

import pytest

from engine.cli.proposing import page

MERGE = "merge_request[source_branch]=b&merge_request[target_branch]=main"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://github.com/acme/shop", "https://github.com/acme/shop/compare/main...b?expand=1"),
        ("git@github.com:acme/shop.git", "https://github.com/acme/shop/compare/main...b?expand=1"),
        ("https://***@gitlab.com/a/b/c.git", f"https://gitlab.com/a/b/c/-/merge_requests/new?{MERGE}"),
        ("ssh://git@gitlab.com/a/b", f"https://gitlab.com/a/b/-/merge_requests/new?{MERGE}"),
        ("https://github.com.evil.example/acme/shop", ""),
        ("https://git.example/acme/shop", ""),
        ("/srv/git/shop", ""),
    ],
)  # fmt: skip
def test_a_page_is_named_where_it_is_known(url: str, wanted: str):
    """
    At github.com and gitlab.com the page is told that opens a pull request; no other is guessed.
    """
    assert wanted == page(url, "main", "b")
