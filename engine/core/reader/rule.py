"""Which keys of a mapping may and must stand together."""

from collections.abc import Container, Mapping
from dataclasses import field

from engine.core import document
from engine.core.document import Path, Scalar
from engine.core.frozen import frozen
from engine.core.reader.walk import Walk
from engine.core.reader.words import coded, listed, meant


@frozen
class Rules:
    """Of `one_of` there is exactly one key, unless `alone` is the only key of all.

    A key of `companions` stands only beside one of those named with it, and the pairs of `apart`
    never stand together.
    """

    one_of: tuple[str, ...] = ()
    alone: str = ""
    companions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    apart: tuple[tuple[str, str], ...] = ()

    def check(self, walk: Walk, node: document.Mapping, path: Path, known: Container[str]) -> None:
        """Tell which rules a mapping breaks; `known` are the keys that it may have."""
        if self.is_none:
            return
        told = [node.members[name][0] for name in self.one_of if name in node.members]
        is_alone = tuple(node.members) == (self.alone,)
        if self.one_of and not told and not is_alone and not self._is_mistyped(node, known):
            self._miss(walk, path)
        for key in told[1:]:
            self._clash(walk, path, told[0], key)
        for pair in self.apart:
            if all(name in node.members for name in pair):
                first, second = (node.members[name][0] for name in pair)
                message = f"{walk.place(path)} has both `{first.text}` and `{second.text}`"
                told_first = (first, "the first is here")
                walk.error("two-keys", message, second, hint=_CHOOSE, first=told_first)
        if told or not self.one_of:
            self._check_companions(walk, node, path)

    @property
    def is_none(self) -> bool:
        """True if any keys may stand together."""
        return not (self.one_of or self.companions or self.apart)

    @property
    def acts(self) -> bool:
        """True if the keys are verbs: then a mapping without one does nothing."""
        return "uses" in self.one_of

    def _is_mistyped(self, node: document.Mapping, known: Container[str]) -> bool:
        """True if a key that is not known may be meant for one of those that are missing."""
        unknown = (name for name in node.members if name not in known)
        return any(meant(name, [*self.one_of, self.alone]) for name in unknown)

    def _miss(self, walk: Walk, path: Path) -> None:
        choices = listed(coded([*self.one_of, *([self.alone] if self.alone else [])]))
        place = walk.place(path)
        if self.acts:
            what = "neither a verb nor `steps`" if "steps" in self.one_of else "no verb"
            message = f"{place} has {what}: it does nothing"
            walk.missing("no-verb", message, path, f"give it one of {choices}")
            return
        message = f"{place} has neither {listed(coded(self.one_of), 'nor')}"
        walk.missing("missing-key", message, path, f"add one of {choices}")

    def _clash(self, walk: Walk, path: Path, first: Scalar, key: Scalar) -> None:
        place, told = walk.place(path), f"`{first.text}` and `{key.text}`"
        told_first = (first, "the first is here")
        if not self.acts:
            message = f"{place} has both {told}"
            walk.error("two-keys", message, key, hint=_CHOOSE, first=told_first)
        elif first.text == "steps":
            message = f"{place} has both {told}"
            hint = f"put the `{key.text}` into a step of `steps`, or take `steps` out"
            walk.error("two-verbs", message, key, hint=hint, first=told_first)
        else:
            message = f"{place} has two verbs, {told}"
            told_hint = f"a step has exactly one of {listed(coded(self.one_of))}: make it two steps"
            hint = "put each into a step of `steps`" if "steps" in self.one_of else told_hint
            walk.error("two-verbs", message, key, hint=hint, first=told_first)

    def _check_companions(self, walk: Walk, node: document.Mapping, path: Path) -> None:
        for name, others in self.companions.items():
            if name in node.members and not any(other in node.members for other in others):
                message = f"`{name}` means nothing in {walk.place(path)}"
                hint = f"it goes with {listed(coded(others))}"
                walk.error("misplaced-key", message, node.members[name][0], hint=hint)


_CHOOSE = "they exclude each other: keep one"
NO_RULES = Rules()
