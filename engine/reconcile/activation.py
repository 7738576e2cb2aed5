"""What an activation changes: only the workflows that differ are encoded and written."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from engine.core.change import digest_between
from engine.core.codec import encode
from engine.core.frozen import frozen
from engine.core.plan import FORMAT, Plan
from engine.core.trigger import followed
from engine.reconcile.verdict import plain
from engine.store.plans import StoredPlan
from engine.store.workflows import Activation, Active


@frozen
class Prepared:
    """An activation, the plans that it needs, and the source's workflows once it is done."""

    activation: Activation
    plans: Sequence[StoredPlan]
    before: Mapping[str, Active]
    after: Mapping[str, Active]

    @property
    def digest(self) -> str:
        """Return what names the change, as a review of it is named."""
        names = {*(each.name for each in self.activation.put), *self.activation.drop}
        ends = (
            {name: rows[name].plan for name in names if name in rows}
            for rows in (self.before, self.after)
        )
        return digest_between(*ends)

    @property
    def is_change(self) -> bool:
        return bool(self.activation.put or self.activation.drop)

    def told(self) -> str:
        """Return in a few words what changes."""
        put, drop = len(self.activation.put), len(self.activation.drop)
        return f"{len(self.after)} workflows, {put} written, {drop} removed"


def prepare(
    binding: Active, expected: str | None, before: Mapping[str, Active],
    plans: Mapping[str, Plan], root: str, known: Mapping[str, Plan] = MappingProxyType({}),
) -> Prepared:  # fmt: skip
    """Return what makes `plans` the workflows of a source, where it has those of `before`.

    `binding` stands for the source and the commit; its name, plan and file count for nothing.
    Files are told from the repository's top, which is `root` above the plan's own. `known` are the
    plans that `before` was made of, where anybody remembers them. Blocks.
    """
    after = {
        name: before[name]
        if known.get(name) is plan
        else _active(binding, plan, before.get(name), root)
        for name, plan in plans.items()
    }
    differ = sorted(name for name, each in after.items() if each is not before.get(name))
    put = [after[name] for name in differ]
    fresh = [plans[each.name] for each in put if not _has(before.get(each.name), each.plan)]
    drop = sorted(before.keys() - after.keys())
    follows = [
        (each.name, name) for each in put for name in sorted(followed(plans[each.name].triggers))
    ]
    activation = Activation(
        binding.namespace, binding.source, expected, binding.commit_sha, put, drop, follows
    )
    stored = [StoredPlan(plan.digest, FORMAT, encode(plan)) for plan in fresh]
    return Prepared(activation, stored, before, after)


def _has(old: Active | None, plan: str) -> bool:
    """True if a workflow has this plan already."""
    return old is not None and old.plan == plan


def _active(binding: Active, plan: Plan, old: Active | None, root: str) -> Active:
    """Return the row of a plan; the very `old` one where nothing differs."""
    file, title = root + plan.file, plain(plan.title)
    if old is not None and (old.plan, old.file, old.title) == (plan.digest, file, title):
        return old
    return Active(
        binding.namespace, plan.name, binding.source, binding.commit_sha, plan.digest, file, title
    )
