"""How a process logs: each line says when, how bad it is, who says it, and what."""

import logging
import time


class Line(logging.Formatter):
    """`2026-03-29T02:30:00.120Z WARNING sark.sweep: worker 3 is dead`, in UTC.

    What has more lines, a traceback say, has the further ones indented: a line that begins with a
    time is a record of its own, whatever the text in it was made from.
    """

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, its first line alone at the beginning of a line."""
        return "\n  ".join(super().format(record).splitlines())


def log_to_stderr() -> None:
    """Let whoever keeps this process's standard error read warnings and errors there."""
    handler = logging.StreamHandler()
    handler.setFormatter(Line())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
