"""Who may decide on an approval. Whatever is not understood is a no."""

from collections.abc import Iterable

from engine.core.frozen import frozen

INITIATOR = "initiator"


@frozen
class Person:
    """Who wants to decide, and the groups that the server knows them to be in."""

    name: str
    groups: frozenset[str] = frozenset()

    def is_meant(self, word: str) -> bool:
        """Return whether `user:NAME` or `group:NAME` means this person."""
        kind, _, name = word.partition(":")
        return (kind == "user" and name == self.name) or (kind == "group" and name in self.groups)


def objection(
    person: Person, by: Iterable[str], exclude: Iterable[str], initiator: str | None
) -> str:
    """Return why a person may not decide, or an empty string.

    `by` and `exclude` are as `engine.core.plan.Approve` has them. `initiator` is the name of who
    started the run: empty if no person did, None if that cannot be known.
    """
    asked = tuple(by)
    has_started = initiator == person.name
    if not any(person.is_meant(each) or (each == INITIATOR and has_started) for each in asked):
        return f"{person.name} is not asked: this is for {', '.join(asked) or 'nobody'}"
    for each in exclude:
        if each == INITIATOR:
            if initiator is None:
                return "who started the run is not known, and may not decide"
            if has_started:
                return f"{person.name} has started the run, and so may not decide"
        elif not each.startswith(("user:", "group:")):
            return f"nobody may decide: it is not known whom {each!r} excludes"
        elif person.is_meant(each):
            return f"{person.name} is excluded: {each} may not decide"
    return ""
