"""Secrets: bound to a namespace, read when needed, masked in every common writing."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from engine.errors import Misconfigured
from engine.secrets import Secrets, resolve
from engine.settings import Settings

CANARY = 'ca"nary/geheim+1'


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    monkeypatch.setenv("SHOP_KEY", CANARY)
    (tmp_path / "key").write_text("from-a-file\n")
    bound = {"shop": {"key": "env:SHOP_KEY", "file": f"file:{tmp_path / 'key'}", "gone": "env:NO"}}
    return Secrets(Settings(secrets=bound))


def test_a_namespace_reads_its_own_secrets(secrets: Secrets) -> None:
    """
    Environment and file are read; another namespace's secret does not exist for you.
    """
    assert CANARY == secrets.value("shop", "key")
    assert "from-a-file" == secrets.value("shop", "file")
    assert {"key", "file", "gone"} == secrets.names("shop")
    with pytest.raises(Misconfigured, match="namespace 'other' has no secret 'key'"):
        secrets.value("other", "key")
    with pytest.raises(Misconfigured, match="the variable NO is not set"):
        secrets.value("shop", "gone")


def test_a_missing_file_is_named_without_its_content(tmp_path: Path) -> None:
    """
    A file that is gone or empty is told by its path.
    """
    with pytest.raises(Misconfigured, match="No such file"):
        resolve(f"file:{tmp_path / 'x'}", "secret")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(Misconfigured, match="is empty"):
        resolve(f"file:{tmp_path / 'empty'}", "secret")


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        'ca\\"nary/geheim+1',
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode().rstrip("="),
        quote(CANARY, safe=""),
        CANARY.encode().hex(),
    ],
)
def test_every_common_writing_is_masked(secrets: Secrets, form: str) -> None:
    """
    A secret that comes back plain, in JSON, base64, a URL or hexadecimal is taken out.
    """
    masked = secrets.mask(f"before {form} after")

    assert form not in masked
    assert masked.startswith("before ***")
    assert masked.endswith(" after")


def test_nothing_is_told_by_accident(secrets: Secrets) -> None:
    """
    Printing the object shows no secret.
    """
    assert CANARY not in repr(secrets)
