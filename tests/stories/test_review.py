"""A change reviewed against what is live, by a whole stack."""

import json
from pathlib import Path

from tests.cli.test_diff import HELLO
from tests.stories.stack import Stack

SLOW = """\
apiVersion: sark/v1
kind: Workflow
name: slow
steps:
  doze: {wait: {for: 1h}}
"""


def test_the_server_tells_what_is_live_and_in_flight(tmp_path: Path):
    """
    `--against server` compares with the commit that is live, and counts the runs that stay on it;
    a clone that has not got that commit says so, as does a source that is not there.
    """
    with Stack({"hello.yaml": HELLO, "slow.yaml": SLOW}) as stack:
        live = stack.git("rev-parse", "HEAD")
        stack.sark("run", "slow")
        stack.git("commit", "--allow-empty", "-qm", "more")
        stack.wait_active(stack.git("rev-parse", "HEAD"))
        live, first = stack.git("rev-parse", "HEAD"), live
        for name, text in (("slow", SLOW), ("hello", HELLO)):
            told = text.replace("1h", "2h").replace("message: hello", "message: you")
            (stack.repository / f"{name}.yaml").write_text(told)
        words = ("plan", "--against", "server", "--root", str(stack.repository))
        made = json.loads(stack.sark(*words, "--json").stdout)
        text = stack.sark(*words).stdout
        other = stack.sark(*words, "--source", "other", check=False)
        (tmp_path / "d").mkdir()
        stack.git("init", "-q", str(tmp_path / "d"))
        lost = stack.sark(*words[:-1], str(tmp_path / "d"), check=False)

    assert {"name": "live", "commit": live} == made["base"]
    assert {"hello": {}, "slow": {first: 1}} == {
        name: each["in_flight"] for name, each in made["impact"].items()
    }
    assert f"Compare  {live[:7]} (live)  ->  working tree (2 files)\n" in text
    assert f"      in flight  1 run stays on {first[:7]}\n" in text
    assert "needs one live source; it has none: say --source" in other.stderr
    assert f"{live[:12]} is live, and not in this repository; fetch it" in lost.stderr
