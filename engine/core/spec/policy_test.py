"""A test of policies: specs before and after a change, and what rules must say of it."""

from typing import Literal, TypeAlias

from engine.core.spec.head import Head
from engine.core.spec.model import Model, field
from engine.core.spec.rule import never_both
from engine.core.spec.scalar import Name, Prose

RulingEffect = Literal["allow", "warn", "approval", "deny"]


class SpecFile(Model):
    """A file with specs."""

    file: str = field(description="Its path, from the root of the source.")


Specs: TypeAlias = Prose | SpecFile


class GivenPull(Model):
    """What is known of the pull request."""

    author: str = field(default="", description="Who has opened it.")
    teams: list[str] = field(default=[], description="The teams of the author.")
    fork: bool = field(default=False, description="Whether it comes from a fork.")


class ExpectedRuling(Model, rules=never_both("about", "whole")):
    """What a rule must say."""

    rule: Name = field(description="The rule that speaks.")
    effect: RulingEffect = field(description="What it says.")
    about: Name | None = field(
        default=None, description="The workflow that it speaks of; any, if it is unsaid."
    )
    whole: bool = field(default=False, description="It speaks of the change as a whole.")
    team: str | None = field(default=None, description="Who must approve.")
    reason: str | None = field(default=None, description="What its reason holds.")
    line: int | None = field(default=None, minimum=1, description="The line that it points at.")


class PolicyTest(Head):
    """A test of the policies of a source: what they say of a change, and nothing else."""

    kind: Literal["PolicyTest"] = field(description="What this document is.")
    namespace: Name = field(default="test", description="The namespace of the source.")
    environment: Name = field(default="production", description="The environment of the source.")
    before: Specs = field(default="", description="Specs before the change; none, if unsaid.")
    after: Specs = field(default="", description="Specs after the change; none, if unsaid.")
    pull: GivenPull | None = field(default=None, description="What is known of the pull request.")
    code_owners: Prose = field(
        default="", description="What `CODEOWNERS` says before the change, of files from the root."
    )
    policies: list[str] = field(
        default=[], description="Files of policies that the change adds, changes or removes."
    )
    expect: list[ExpectedRuling] = field(description="All that rules must say; nothing, if empty.")
