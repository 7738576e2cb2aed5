"""The page on adapters of one's own: what stands there works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/write-an-adapter.md").read_text()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("", ""), "1 passed"),
        (("asyncio.timeout(call.timeout.total_seconds())", "asyncio.timeout(60)"), "has not ended"),
        (("{call.key} {token}", "{token}"), "the key is not sent"),
        (("ErrorClass.UNKNOWN if sent else ErrorClass.TRANSIENT", "ErrorClass.TRANSIENT"),
         "a timeout is transient"),
        (("the board does not know the token\", E", "no token {token}\".format(token=token), E"),
         "shows a secret"),
    ],
)  # fmt: skip
def test_the_adapter_and_its_test_run(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    """
    The adapter passes the test that stands below it, and fails it with any of four usual slips.
    """
    adapter, test = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert change[0] in adapter
    (tmp_path / "sark_acme.py").write_text(adapter.replace(*change))
    (tmp_path / "test_acme.py").write_text(test)

    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip

    assert sentence in found.stdout, found.stdout
    assert (found.returncode == 0) == (change == ("", ""))


def test_the_page_names_every_check() -> None:
    """
    No function of the suite is left out of the table.
    """
    suite = (ROOT / "adapters/conformance.py").read_text()
    named = re.findall(r"^\| `(check_\w+)` \|", PAGE, re.MULTILINE)

    assert {*named, "check_outcome"} == set(re.findall(r"^(?:async )?def (check_\w+)", suite, re.M))
