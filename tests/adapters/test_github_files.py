"""`github.files@1`, against a small GitHub on loopback."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.contract import ErrorClass, Json
from tests.adapters.commenting import FILES, ask
from tests.adapters.forge import GitHub, refusal
from tests.adapters.servers import Handler, json_answer
from tests.adapters.speaking import failed, outputs


def changing(*names: str) -> GitHub:
    """Return a GitHub whose pull requests change these files."""
    return GitHub(files=[{"filename": name, "status": "modified", "patch": "@@"} for name in names])


def listed(github: Handler, /, **changed: Json) -> Mapping[str, Json]:
    return outputs(ask(github, "github.files@1", FILES, **changed)[0])


def test_the_files_of_a_pull_request() -> None:
    """
    Every file is told by its path, one that has moved by both, and none twice.
    """
    github = changing("app/a.py", "docs/b.md")
    moved: dict[str, Any] = {"filename": "app/c.py", "status": "renamed"}
    github.files.append({**moved, "previous_filename": "app/a.py"})

    expected = {"files": ["app/a.py", "docs/b.md", "app/c.py"], "cut": False}
    assert expected == listed(github)
    assert {"files": [], "cut": False} == listed(changing())


def test_a_long_list_is_read_whole() -> None:
    """
    The pages are read to the last; a list of as many files as GitHub tells is said to be cut.
    """
    told = listed(changing(*[f"a/{number}" for number in range(250)]))
    assert (250, False) == (len(told["files"]), told["cut"])  # type: ignore[arg-type]

    told = listed(changing(*[f"a/{number}" for number in range(3000)]))
    assert (3000, True) == (len(told["files"]), told["cut"])  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"[3]", b'[{"filename": 3}]', b"[{}]"])
def test_an_answer_that_is_no_list_of_files(body: bytes) -> None:
    """
    Something else in the place of the list is an error that asks for `api_url`.
    """
    outcome = failed(ask(lambda _: json_answer(body), "github.files@1", FILES)[0])

    assert ("github.protocol", ErrorClass.PERMANENT) == (outcome.type, outcome.error_class)
    assert "api_url" in outcome.message


@pytest.mark.parametrize("number", [0, True, "7", None])
def test_a_number_that_is_none(number: Json) -> None:
    """
    Nothing is sent for a number that no pull request can have.
    """
    outcome, seen = ask(changing(), "github.files@1", FILES, number=number)

    assert ("github.invalid", []) == (failed(outcome).type, seen)


def test_a_repository_that_the_token_may_not_see() -> None:
    """
    GitHub's 404 is permanent, and the message does not repeat the token.
    """
    outcome = failed(ask(lambda _: refusal(404, "Not Found"), "github.files@1", FILES)[0])

    assert ("github.status", ErrorClass.PERMANENT) == (outcome.type, outcome.error_class)
    assert str(FILES["auth"]) not in outcome.message
