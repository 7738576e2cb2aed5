"""`github.comment@1` and `github.status@1`, against a small GitHub on loopback."""

import pytest

from adapters.contract import ErrorClass, Json
from adapters.github.session import MOST_PAGES
from tests.adapters.commenting import COMMENT, LINE, MINE, STATUS, ask, comment, refused
from tests.adapters.forge import TOKEN, GitHub
from tests.adapters.servers import Handler, Seen, json_answer
from tests.adapters.speaking import failed, outputs


def asked(github: Handler, /, **changed: Json) -> list[str]:
    """Return the methods of the requests that a comment takes."""
    return [each.method for each in ask(github, "github.comment@1", COMMENT, **changed)[1]]


def test_the_first_call_makes_the_comment_and_later_ones_edit_it() -> None:
    """
    A preview that is deployed ten times leaves one comment, with the last text.
    """
    github = GitHub()
    github.add("looks good", "ann")

    first = comment(github)
    second = comment(github, body="hello again")

    url = "https://github.com/acme/web/pull/7#issuecomment-2"
    assert {"id": 2, "url": url, "changed": True} == first == second
    assert ["looks good", f"{LINE}\nhello again"] == github.texts()


def test_an_identical_text_is_not_sent() -> None:
    """
    What already stands there, with whatever line ends, is found and left alone.
    """
    github = GitHub()
    github.add(f"{LINE}\r\nhello\r\n")

    assert comment(github)["changed"] is False
    assert ["GET"] == asked(github)


def test_two_markers_are_two_comments() -> None:
    """
    Each marker has its own comment, on its own issue.
    """
    github = GitHub()
    for marker, number in (("a", 7), ("b", 7), ("a", 8), ("a", 7)):
        comment(github, marker=marker, number=number, body=f"{marker}{number}")

    assert ["<!-- sark:a -->\na7", "<!-- sark:b -->\nb7"] == github.texts()
    assert ["<!-- sark:a -->\na8"] == github.texts(8)


def test_the_comment_is_found_on_a_later_page() -> None:
    """
    A long discussion is read whole, page by page, as GitHub links them.
    """
    github = GitHub()
    for turn in range(250):
        github.add(f"comment {turn}", "ann")
    github.add(f"{LINE}\nold")

    assert ["GET", "GET", "GET", "PATCH"] == asked(github)
    assert MINE == github.texts()[-1]


def test_a_list_without_an_end_ends() -> None:
    """
    A server that links to ever more pages is asked for so many, and no more.
    """
    link = 'Link: <{url}/x?page=2>; rel="next"'
    turns: list[str] = []

    def endless(seen: Seen) -> bytes:
        turns.append(seen.target)
        return json_answer(b"[]", 200, link.format(url=f"http://{seen.headers['host']}"))

    found = refused(endless)

    assert ("github.too_large", ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert MOST_PAGES == len(turns)


def test_a_quoted_marker_is_not_the_comment() -> None:
    """
    Whoever quotes the comment, or mentions its marker, is not edited.
    """
    github = GitHub()
    others = [f"> {LINE}\n> hello\n\nwhat is this?", f"see {LINE}", f"{LINE[:-4]}-2 -->\nx"]
    for each in others:
        github.add(each, "ann")

    comment(github)

    assert [*others, MINE] == github.texts()


def test_a_strangers_copy_is_passed_over() -> None:
    """
    A comment with the marker that may not be edited does not keep ours from being edited.
    """
    github = GitHub(locked={"mallory"})
    github.add(f"{LINE}\nold")
    github.add(f"{LINE}\nfree coins", "mallory")

    assert comment(github)["id"] == 1
    assert [MINE, f"{LINE}\nfree coins"] == github.texts()


def test_a_strangers_copy_alone_is_not_ours() -> None:
    """
    Where every comment with the marker is somebody else's, a new one is made.
    """
    github = GitHub(locked={"mallory"})
    github.add(f"{LINE}\nfree coins", "mallory")

    assert comment(github)["id"] == 2


def test_only_the_named_authors_comments_count() -> None:
    """
    With `author` a copy is not even tried, be the token allowed to edit it.
    """
    github = GitHub()
    github.add(f"{LINE}\nfree coins", "mallory")

    assert comment(github, author="Sark-Acme[bot]")["id"] == 2
    assert [f"{LINE}\nfree coins", MINE] == github.texts()


def test_a_lost_reply_does_not_make_a_second_comment() -> None:
    """
    GitHub made the comment and its answer was lost: the next attempt finds it.
    """
    github = GitHub(next=[None, b""])

    lost = refused(github)

    assert ("github.disconnected", ErrorClass.TRANSIENT) == (lost.type, lost.error_class)
    assert comment(github)["changed"] is False
    assert [MINE] == github.texts()


@pytest.mark.parametrize(
    ("length", "fits"), [(65_536 - len(LINE) - 1, True), (65_536 - len(LINE), False)]
)
def test_the_longest_text(length: int, fits: bool) -> None:
    """
    GitHub's limit is told before anything is sent, the hidden line counted in.
    """
    github = GitHub()
    outcome, seen = ask(github, "github.comment@1", COMMENT, body="x" * length)

    if fits:
        assert outputs(outcome)["changed"] is True
        return
    found = failed(outcome)
    assert ("github.invalid", ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert "65,537 characters" in found.message
    assert [] == seen


@pytest.mark.parametrize(
    "changed",
    [
        {"repo": "acme"},
        {"repo": "acme/.."},
        {"repo": "acme/web/issues"},
        {"repo": "acme/web\n"},
        {"number": 0},
        {"number": True},
        {"marker": "a --> b"},
        {"marker": "a--b"},
        {"marker": "x" * 101},
        {"body": " \n"},
        {"auth": "a token\n"},
    ],
)
def test_arguments_that_make_no_request(changed: dict[str, Json]) -> None:
    """
    What would be refused, or lead elsewhere, is not sent.
    """
    github = GitHub()
    outcome, seen = ask(github, "github.comment@1", COMMENT, **changed)

    found = failed(outcome)
    assert ("github.invalid", ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert next(iter(changed)) in found.message
    assert [] == seen


def test_a_status() -> None:
    """
    A state is set with its context, text and address; the last one counts.
    """
    github = GitHub()
    found = outputs(
        ask(github, "github.status@1", STATUS, text="x" * 141, url="https://sark.example/r/1")[0]
    )

    url = f"https://api.github.com/repos/acme/web/statuses/{STATUS['sha']}"
    assert {"id": 1, "url": url, "state": "failure"} == found
    (kept,) = github.statuses
    assert ("x" * 139 + "…", "https://sark.example/r/1") == (
        kept["description"], kept["target_url"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [{"sha": "main"}, {"sha": "A1" * 20}, {"state": "red"}, {"context": " "}, {"repo": "a"}],
)
def test_a_status_that_makes_no_request(changed: dict[str, Json]) -> None:
    """
    A branch is no commit, and a state is one of four.
    """
    outcome, seen = ask(GitHub(), "github.status@1", STATUS, **changed)

    found = failed(outcome)
    assert ("github.invalid", ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert [] == seen


def test_what_a_request_carries() -> None:
    """
    Version, media type and token as GitHub wants them, and the key of the step.
    """
    _, (seen,) = ask(GitHub(), "github.status@1", STATUS)

    expected = {
        "accept": "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
        "authorization": f"Bearer {TOKEN}",
        "user-agent": "sark",
        "idempotency-key": "key-1",
    }
    assert expected == {name: seen.headers[name] for name in expected}
