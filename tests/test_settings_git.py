"""Settings of repositories: whom to trust and how to get there."""

from pathlib import Path

import pytest

from engine.errors import Misconfigured
from engine.git.limits import LIMITS
from engine.reconcile.access import limits
from engine.settings import load

SOURCE = '[[sources]]\nname = "shop"\nnamespace = "shop"\nurl = "https://git.example/x"\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "sark.toml"
    file.write_text(text)
    return file


def test_files_of_keys_lie_beside_the_configuration(tmp_path: Path) -> None:
    """
    A relative path of a source is told from the file that names it, an absolute one is kept.
    """
    more = 'verify = "head"\nsigners = "trust/signers"\nkeyring = "/etc/keys.asc"\n'
    (source,) = load(write(tmp_path, SOURCE + more), {}, {}).settings.sources

    assert tmp_path / "trust/signers" == source.signers
    assert Path("/etc/keys.asc") == source.keyring
    assert source.revoked is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('verify = "head"\n', "expected `signers` or `keyring`"),
        ('signers = "x"\n', 'expected verify = "head" or "range"'),
        ('verify = "all"\nsigners = "x"\n', "'none', 'head' or 'range'"),
    ],
)
def test_half_a_trust_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """
    Signers without a mode, and a mode without signers, would promise what nobody keeps.
    """
    with pytest.raises(Misconfigured, match=r"sark\.toml") as fault:
        load(write(tmp_path, SOURCE + text), {}, {})

    assert told in str(fault.value)


@pytest.mark.parametrize(
    ("url", "text", "told"),
    [
        ("https://git.example/x", 'ssh_key = "k"\nknown_hosts = "h"\n', "a url of ssh://"),
        ("https://ann:word@git.example/x", 'token = "env:T"\n', "one credential"),
        ("https://git.example/x", 'token = "s3cret"\n', "env:NAME or file:PATH"),
        ("/srv/x", 'token = "env:T"\n', "a url of https://"),
        ("/srv/x", 'ca = "c"\n', "a url of https://"),
        ("git@git.example:x", 'token = "env:T"\n', "a url of https://"),
        ("git@git.example:x", 'ssh_key = "k"\n', "`ssh_key` and `known_hosts` together"),
        ("ssh://git.example/x", 'known_hosts = "k"\n', "`ssh_key` and `known_hosts` together"),
    ],
)
def test_a_credential_fits_its_address(tmp_path: Path, url: str, text: str, told: str) -> None:
    """
    What would never be used, or be used in two ways, is refused; no secret is shown.
    """
    with pytest.raises(Misconfigured) as fault:
        load(write(tmp_path, SOURCE.replace("https://git.example/x", url) + text), {}, {})

    assert told in str(fault.value)
    assert "s3cret" not in str(fault.value)
    assert "word@" not in str(fault.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('hosts = ["GitHub.com"]\n', "a host in small letters"),
        ('hosts = ["https://github.com"]\n', "a host in small letters"),
        ("max_files = 0\n", "greater than or equal to 1"),
        ('fetch_timeout = "2h"\n', "less than or equal to"),
        ("max_byte = 1\n", "did you mean 'max_bytes'?"),
    ],
)
def test_limits_of_git_are_finite(tmp_path: Path, text: str, told: str) -> None:
    """
    What is no host, and a limit that is none, is told with its line.
    """
    with pytest.raises(Misconfigured, match=r"sark\.toml:2: ") as fault:
        load(write(tmp_path, f"[git]\n{text}"), {}, {})

    assert told in str(fault.value)


def test_limits_of_git_have_defaults(tmp_path: Path) -> None:
    """
    Without a word, a repository has the limits that the reference names; each may be set.
    """
    assert LIMITS == limits(load(write(tmp_path, ""), {}, {}).settings.git)
    text = '[git]\nhosts = ["git.example", "10.0.0.1"]\nfetch_timeout = "30s"\n'
    told = limits(load(write(tmp_path, text), {}, {}).settings.git)

    assert (30.0, {"git.example", "10.0.0.1"}) == (told.fetch_seconds, told.hosts)
