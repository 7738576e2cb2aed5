"""What people say to a review, in the first line of a new comment: one exact grammar."""

import re
from enum import StrEnum

from engine.core.frozen import frozen


class Verb(StrEnum):
    """What a command asks for."""

    PLAN = "plan"
    RETEST = "retest"
    APPROVE = "approve"
    OK = "ok"
    HELP = "help"


@frozen
class Command:
    """A command. Of `approve`, `rule` is the policy's and `plan` the beginning of the digest; of
    `ok`, `plan` is the head. What is no command `is_known` to be none, and asks for help.
    """

    verb: Verb
    rule: str = ""
    plan: str = ""
    is_known: bool = True


HELP = (
    "Commands, each alone in the first line of a new comment: `/sark plan` and `/sark retest` look "
    "again, `/sark approve RULE PLAN` approves what a rule asks for, with the 8 digits of the "
    "plan, `/sark ok HEAD` trusts a head by its whole hash, `/sark help` says this. There is no "
    "preview: nothing of a pull request is run, so an `ok` has nothing to allow yet."
)
_APPROVE = re.compile(r"/sark approve ([A-Za-z0-9][A-Za-z0-9_.-]{0,99}) ([0-9a-f]{8})")
_OK = re.compile(r"/sark ok ([0-9a-f]{40}|[0-9a-f]{64})")
_BARE = {f"/sark {each}": each for each in (Verb.PLAN, Verb.RETEST, Verb.HELP)}


def parse(body: str) -> Command | None:
    """Return the command of a comment; None for one that does not begin with `/sark`."""
    line = body.partition("\n")[0].rstrip()
    if line.split(" ")[0] != "/sark":
        return None
    if line in _BARE:
        return Command(_BARE[line])
    if approve := _APPROVE.fullmatch(line):
        return Command(Verb.APPROVE, approve[1], approve[2])
    if ok := _OK.fullmatch(line):
        return Command(Verb.OK, plan=ok[1])
    return Command(Verb.HELP, is_known=False)
