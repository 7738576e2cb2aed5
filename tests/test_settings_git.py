"""Settings of repositories: whom to trust and how to get there."""

from pathlib import Path

import pytest

from engine.errors import Misconfigured
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
