"""Which repositories and refs may be named."""

import pytest

from engine.errors import Misconfigured
from engine.git.address import check_ref, check_url, parse, shown


@pytest.mark.parametrize(
    ("url", "transport"),
    [
        ("https://github.com/acme/workflows", "https"),
        ("https://git.example:8443/acme/workflows.git", "https"),
        ("ssh://git@github.com/acme/workflows.git", "ssh"),
        ("ssh://git@github.com:2222/~acme/workflows.git", "ssh"),
        ("git@github.com:acme/workflows.git", "ssh"),
        ("/srv/git/workflows", "file"),
        ("/home/ann/My Specs", "file"),
    ],
)
def test_the_usual_addresses_are_taken(url, transport):
    """
    HTTPS, both forms of SSH, and an absolute path that the configuration names.
    """
    assert transport == check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "ext::sh -c touch% marker",
        "ext::sh",
        "--upload-pack=touch marker",
        "-oProxyCommand=touch marker",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-oProxyCommand=touch@host/x",
        "ssh://git:word@host/x",
        "-git@host:x",
        "git@-host:x",
        "git@host:-x",
        "git@host:x y",
        "file:///etc",
        "file://localhost/etc",
        "git://github.com/acme/workflows",
        "http://169.254.169.254/x.git",
        "http://github.com/acme/workflows",
        "https://169.254.169.254/x.git",
        "https://[fe80::1]/x.git",
        "https://0.0.0.0/x.git",
        "https:///x.git",
        "https://host:99999/x.git",
        "https://host:0/x.git",
        "https://host/x?upload=1",
        "https://host/x#y",
        "https://host/x\n--upload-pack=y",
        "https://host/x\x00",
        "ftp://host/x",
        "relative/path",
        "../up",
        "~/specs",
        "C:\\specs",
    ],
)
def test_hostile_addresses_are_refused(url):
    """
    S79: other transports, options in disguise, control characters and link-local hosts are refused.
    """
    with pytest.raises(Misconfigured):
        parse(url)


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/fix/#12", "refs/tags/v1.2+rc=3"])
def test_full_refs_are_taken(ref):
    """
    Branches and tags are named in full.
    """
    assert ref == check_ref(ref)


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "main",
        "HEAD",
        "-x",
        "--output=marker",
        "@{-1}",
        "a..b",
        "$(id)",
        "HEAD:../../x",
        "refs/heads/",
        "refs/heads//a",
        "refs/heads/-x",
        "refs/heads/a..b",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/.a",
        "refs/heads/a.",
        "refs/heads/a@{1}",
        "refs/heads/a b",
        "refs/heads/a\n",
        "refs/heads/a:refs/heads/b",
        "refs/heads/*",
        "refs/heads/$(id)",
        "refs/heads/`id`",
        "refs/notes/commits",
        "refs/heads/" + "a" * 300,
    ],
)
def test_hostile_refs_are_refused(ref):
    """
    S80: whatever git, a shell or a refspec could read as something else is no ref.
    """
    with pytest.raises(Misconfigured):
        check_ref(ref)


def test_a_credential_leaves_the_url():
    """
    S88: a token in a URL is sent as a header, and shows in nothing that is printed.
    """
    address = parse("https://ann:s3cr%40t@git.example/acme/x.git")

    assert "https://git.example/acme/x.git" == address.url
    assert "Authorization: Basic YW5uOnMzY3JAdA==" == address.authorization
    assert "YW5u" not in repr(address)


def test_a_shown_url_has_no_secret():
    """
    S88: neither user, password nor query are shown, whatever the URL looks like.
    """
    assert "https://***@host:1/x" == shown("https://u:s3cret@host:1/x?token=s3cret")
    assert "***" == shown("https://[s3cret")
    assert "git@host:acme/x" == shown("git@host:acme/x")
    assert "/srv/git/x" == shown("/srv/git/x")
