"""What root becomes to run PostgreSQL, with user namespaces and without."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from engine.errors import Misconfigured
from engine.local import nobody
from engine.local.postgres import Postgres

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")

WAYS = {"namespace": nobody.enter_namespace, "user": nobody.drop_user}


def refused() -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_child_is_nobody_and_reaches_its_files(way: nobody.Become, tmp_path: Path) -> None:
    """
    A child of root is somebody else, and reads what lies below a folder of root's alone.
    """
    tmp_path.chmod(0o700)
    (tmp_path / "secret").write_text("told")
    (tmp_path / "secret").chmod(0o600)
    done = subprocess.run(
        ["sh", "-c", f"id -u; test -r {tmp_path}/secret && cat {tmp_path}/secret"],
        capture_output=True, text=True, check=True, preexec_fn=way,
    )  # fmt: skip

    assert "65534\ntold" == done.stdout


def test_root_may_move_between_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A state folder that was made with user namespaces serves where they are refused, and back.
    """
    server = Postgres(tmp_path / "postgres")
    first, second = nobody._WAYS
    for ways in ((first, second), ((refused, 0), second), (first, second)):
        monkeypatch.setattr(nobody, "_WAYS", ways)
        url = server.start()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (line int)")
                connection.execute("INSERT INTO kept VALUES (1)")
                found = connection.execute("SELECT count(*) FROM kept").fetchone()
        finally:
            server.stop()

    assert (3,) == found


def test_root_that_may_become_nobody_else_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where every way is refused, one sentence says what to do instead.
    """
    monkeypatch.setattr(nobody, "_WAYS", ((refused, 0),))

    with pytest.raises(Misconfigured, match="run as an ordinary user"):
        Postgres(tmp_path / "postgres").start()
