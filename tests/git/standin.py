"""A `git` and an `ssh` that stop where a test says, and are git and this machine otherwise."""

import shutil
from pathlib import Path

_STOPS = """\
#!/bin/sh
here={here}
is_armed() {{
    test -e "$here/stop" && read -r when verb <"$here/stop" && test "$when" = "$1" || return 1
    case " $2 " in *" $verb "*) return 0 ;; *) return 1 ;; esac
}}
stop() {{
    mv "$here/stop" "$here/stopped" || return
    while test -e "$here/stopped"; do sleep 0.05; done
}}
"""
_GIT = """\
is_armed before "$*" && stop
if is_armed during "$*"; then export HALF_WAY=1; fi
{git} "$@"
status=$?
is_armed after "$*" && stop
exit $status
"""
_SSH = """\
for last; do :; done
test "$HALF_WAY" || exec sh -c "$last"
sh -c "$last" | stdbuf -o0 head -c {bytes}
stop
"""
# More than an answer to `ls-remote`, less than the pack of a commit that is large enough.
HALF = 1 << 16


class StandIn:
    """Programs in `folder`, which is to be the first of a PATH. Remove the folder to end them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        stops = _STOPS.format(here=folder)
        self._install("git", stops + _GIT.format(git=shutil.which("git")))
        self._install("ssh", stops + _SSH.format(bytes=HALF))

    def stop_at(self, place: str) -> None:
        """Stop once at a place: `before fetch`, `during fetch` or `after fetch`, or another verb.

        During it: when so many bytes of what the other side sends have come.
        """
        half = self.folder / "stop.half"
        half.write_text(f"{place}\n")
        half.rename(self.folder / "stop")

    @property
    def has_stopped(self) -> bool:
        return (self.folder / "stopped").exists()

    def go_on(self) -> None:
        (self.folder / "stopped").unlink(missing_ok=True)

    def _install(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)
