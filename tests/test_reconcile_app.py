"""The app that speaks for a source at GitHub lets Git in, and is shown to nobody else."""

import base64
from pathlib import Path

import pytest

from engine.errors import Misconfigured
from engine.reconcile.access import credential
from tests.forge.asking import by_app, source
from tests.forge.github import FakeGitHub


def test_an_app_lets_git_in(tmp_path: Path):
    """
    A source of https without a token of its own shows the token of its app, made once for a while.
    """
    with FakeGitHub() as hub:
        url = f"https://127.0.0.1:{hub.url.rpartition(':')[2]}/{hub.repository}.git"
        told = credential([source(by_app(hub, tmp_path), url=url)])
        assert told.authorization is not None
        first, again = told.authorization(), told.authorization()

    user, _, token = base64.b64decode(first.removeprefix("Authorization: Basic ")).partition(b":")
    assert (b"x-access-token", True, first) == (user, bool(token), again)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/acme/shop.git",
        "https://127.0.0.1/acme/other",
        "https://ann@127.0.0.1/acme/shop",
        "ssh://git@127.0.0.1/acme/shop",
        "/srv/shop.git",
    ],
)
def test_an_app_is_shown_to_its_repository_alone(tmp_path: Path, url: str):
    """
    Another host, another repository, somebody's name in the URL, or ssh: no token of the app's.
    """
    with FakeGitHub() as hub:
        assert None is credential([source(by_app(hub, tmp_path), url=url)]).authorization


def test_an_app_that_is_refused_is_told(tmp_path: Path):
    """
    Where GitHub gives no token the source says so, and whose app it was.
    """
    with FakeGitHub() as hub:
        forge = by_app(hub, tmp_path)
        url = f"https://127.0.0.1/{hub.repository}"
    told = credential([source(forge, url=url)])
    assert told.authorization is not None

    with pytest.raises(Misconfigured, match="the app of source 'shop' gets no token"):
        told.authorization()
