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
    PREVIEW = "preview"
    HELP = "help"


@frozen
class Command:
    """A command. Of `approve`, `rule` is the policy's and `plan` the beginning of the digest; of
    `ok`, `plan` is the head. Of `preview`, `inputs` are those of the `workflow` as they are
    written. What is no command `is_known` to be none, and asks for help.
    """

    verb: Verb
    rule: str = ""
    plan: str = ""
    is_known: bool = True
    workflow: str = ""
    inputs: tuple[tuple[str, str], ...] = ()


HELP = (
    "Commands, each alone in the first line of a new comment: `/sark plan` and `/sark retest` look "
    "again, `/sark approve RULE PLAN` approves what a rule asks for, with the 8 digits of the "
    "plan, `/sark ok HEAD` trusts the head of a fork by its whole hash, `/sark preview WORKFLOW` "
    "tries a workflow out with nothing called, with `NAME=VALUE` for each input, `/sark help` says "
    "this."
)
_APPROVE = re.compile(r"/sark approve ([A-Za-z0-9][A-Za-z0-9_.-]{0,99}) ([0-9a-f]{8})")
_OK = re.compile(r"/sark ok ([0-9a-f]{40}|[0-9a-f]{64})")
_INPUT = r" ([a-z][a-z0-9_]{0,62})=([!-~]{0,200})"
_PREVIEW = re.compile(rf"/sark preview ([a-z][a-z0-9-]{{0,62}})((?:{_INPUT}){{0,20}})")
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
    if preview := _PREVIEW.fullmatch(line):
        inputs = re.findall(_INPUT, preview[2])
        if len(dict(inputs)) == len(inputs):
            return Command(Verb.PREVIEW, workflow=preview[1], inputs=tuple(inputs))
    return Command(Verb.HELP, is_known=False)
