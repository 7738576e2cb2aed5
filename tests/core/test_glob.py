"""Globs as GitHub's own cheat sheet has them, and globs that would burn another engine."""

import time

import pytest

from engine.core.glob import matches

# GitHub, "Workflow syntax", filter pattern cheat sheet: pattern, what matches, what does not.
CHEAT_SHEET = [
    ("feature/*", ["feature/my-branch"], ["feature/a/b", "feature"]),
    ("feature/**", ["feature/beta-a/my-branch", "feature/your-branch"], ["features/a"]),
    ("main", ["main"], ["main2", "a/main"]),
    ("releases/mona-the-octocat", ["releases/mona-the-octocat"], ["releases"]),
    ("*", ["main", "releases"], ["all/the/branches"]),
    ("**", ["all/the/branches", "every/tag", "main"], []),
    ("*feature", ["mona-feature", "feature", "ver-10-feature"], ["a/feature", "features"]),
    ("v2*", ["v2", "v2.0", "v2.9"], ["v3", "v2/0"]),
    ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.10", "v1x10.1"]),
    ("*.jsx?", ["page.js", "page.jsx"], ["page.jsxx", "a/page.js"]),
    ("**.js", ["index.js", "js/index.js", "src/js/app.js"], ["index.jsx"]),
    ("docs/*", ["docs/README.md", "docs/file.txt"], ["docs/a/b.md"]),
    ("docs/**", ["docs/README.md", "docs/mona/octocat.txt"], ["adocs/README.md"]),
    ("docs/**/*.md", ["docs/README.md", "docs/mona/hello-world.md"], ["docs/a.txt"]),
    ("**/docs/**", ["docs/hello.md", "dir/docs/my-file.txt"], ["mydocs/a.md"]),
    ("**/README.md", ["README.md", "js/README.md"], ["myREADME.md"]),
    ("**/*src/**", ["a/src/app.js", "my-src/code/js/app.js"], ["a/source/app.js"]),
    ("**/*-post.md", ["my-post.md", "path/their-post.md"], ["post.md"]),
    ("**/migrate-*.sql", ["migrate-10909.sql", "db/sept/migrate-v1.sql"], ["db/migrate.sql"]),
    ("a**/b", ["a/b", "ax/y/b"], ["ab"]),
    ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
    ("a+", ["a", "aaa"], ["", "b"]),
    ("a?+", ["", "a"], ["aa"]),
    (r"what\?", ["what?"], ["wha", "what"]),
    (r"a\*b", ["a*b"], ["axb"]),
    ("?", ["?"], ["x"]),
    ("[", ["["], ["x"]),
    ("a.b$^(c)|d", ["a.b$^(c)|d"], ["axb$^(c)|d"]),
    ("zweig-ü", ["zweig-ü"], ["zweig-u"]),
    ("two words", ["two words"], ["twowords"]),
]


@pytest.mark.parametrize(
    ("glob", "text", "right"),
    [(g, t, True) for g, good, _ in CHEAT_SHEET for t in good]
    + [(g, t, False) for g, _, bad in CHEAT_SHEET for t in bad],
)
def test_the_cheat_sheet(glob: str, text: str, right: bool):
    """
    A glob matches what GitHub says it matches, and nothing more.
    """
    assert right is matches([glob], text)


@pytest.mark.parametrize(
    ("globs", "right"),
    [
        (["sub-project/**", "!sub-project/docs/**"], False),
        (["!sub-project/docs/**", "sub-project/**"], True),
        (["sub-project/**", "!sub-project/docs/**", "sub-project/docs/a.md"], True),
        (["!**/*.md"], False),
        ([], False),
        ([r"\!literal"], False),
    ],
)
def test_the_order_decides(globs: list[str], right: bool):
    """
    The last glob that matches decides; one with `!` takes out, and alone it takes nothing in.
    """
    assert right is matches(globs, "sub-project/docs/a.md")


def test_a_glob_cannot_run_away():
    """
    Globs that make a backtracking engine take years are judged at once.
    """
    began = time.perf_counter()

    assert not matches(["**a" * 40 + "b"], "a" * 4000)
    assert not matches(["[a-z]+" * 30 + "!"], "a" * 4000)
    assert time.perf_counter() - began < 20


def test_a_range_that_is_none_is_an_error():
    """
    `[z-a]` is no range: it is told as an error and matches nothing silently.
    """
    with pytest.raises(ValueError):
        matches(["[z-a]"], "m")
