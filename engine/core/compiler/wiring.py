"""What a document declares, told from its text alone: its name, its facts and its wiring."""

from collections.abc import Sequence
from typing import TypeAlias

from engine.core import schema as schemas
from engine.core import spec
from engine.core.commit.declared import Declared, Kind, Mention, Wiring, declared
from engine.core.compiler import start
from engine.core.compiler.findings import Path
from engine.core.compiler.shape import ANYTHING, closed
from engine.core.document import Document, Mapping, Scalar
from engine.core.objective import MISSED
from engine.core.spec.head import Head
from engine.core.spec.model import Model
from engine.core.values import Json

Held: TypeAlias = Sequence[tuple[Path, Model]]

# What says who a document is, and not what it does.
_HEAD = frozenset(Head.keys)
# Of what they say no neighbour knows anything, and there are thousands of them.
_ALONE = (spec.WorkflowTest, spec.PolicyTest)


def declare(document: Document, model: spec.Document | None, held: Held) -> Declared | None:
    """Return what a document declares, or nothing if not even its kind and name can be read.

    `held` are all models in it.
    """
    if model is None:
        return _broken(document)
    span = document.span(("name",))
    wiring = _Gatherer(document).wiring(model, held)
    if isinstance(model, spec.Workflow):
        return declared(Kind.WORKFLOW, model.name, span, interface(model), wiring)
    facts = {} if isinstance(model, _ALONE) else model.plain(leave_out=_HEAD)
    return declared(Kind(model.kind), model.name, span, facts, wiring)


def interface(workflow: spec.Workflow) -> Json:
    """Return what callers know of a workflow: closed schemas of its inputs and outputs.

    A schema that is none is a finding of the workflow itself; its callers may take it for any.
    """
    inputs = {name: _schema(each) for name, each in workflow.inputs.items()}
    outputs = {name: _schema(each.extra) for name, each in workflow.outputs.items()}
    return {"inputs": start.inputs(inputs, workflow.inputs), "outputs": closed(outputs)}


def models(model: Model) -> Held:
    """Return every model that is written in one with its path, itself first.

    Free areas hold none.
    """
    found: list[tuple[Path, Model]] = []
    _gather(model, (), found)
    return found


def _gather(value: object, path: Path, found: list[tuple[Path, Model]]) -> None:
    """Note the models in a value; most of what a step may hold is nothing, or a text."""
    if isinstance(value, dict):
        for key, each in value.items():
            if type(each) not in _LEAVES:
                _gather(each, (*path, key), found)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if type(each) not in _LEAVES:
                _gather(each, (*path, index), found)
    else:
        assert isinstance(value, Model)  # nothing else that a model may hold is no leaf
        found.append((path, value))
        held, keys = value.__dict__, value.keys
        names = [each for each in value.written - _FREE if type(held[each]) not in _LEAVES]
        if len(names) > 1:
            names.sort(key=[*keys].index)
        for name in names:
            _gather(held[name], (*path, keys[name].key), found)


_LEAVES = frozenset((type(None), str, bool, int, float))
_FREE = frozenset({"with_", "inputs", "payload", "data", "labels"})
# Keys that name another document, wherever they stand.
_NAMED = {
    "call": Kind.WORKFLOW,
    "workflow": Kind.WORKFLOW,
    "circuit": Kind.BREAKER,
    "pool": Kind.POOL,
    "calendar": Kind.CALENDAR,
    "connection": Kind.CONNECTION,
}
_EVENTFUL = frozenset(
    {
        spec.Emit,
        spec.Objective,
        spec.Await,
        spec.CancelWhen,
        spec.AbsentTrigger,
        spec.EventTrigger,
        spec.WorkflowTrigger,
        spec.WebhookTrigger,
    }
)


class _Gatherer:
    """Gathers the mentions of a document by what they are, in the order of its keys."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._lists: dict[str, list[Mention]] = {}
        self._uses: list[tuple[Kind, Mention]] = []
        self._steps = 0

    def wiring(self, model: Model, held: Held) -> Wiring:
        """Return how a document hangs together with others; `held` are all models in it."""
        for path, each in held:
            if not each.written.isdisjoint(_NAMED):
                self._names(each, path)
            if type(each) in _EVENTFUL:
                self._events(each, path)
            self._steps += type(each) is spec.Step
        if isinstance(model, spec.Environment):
            self._around(model)
        lists = {name: tuple(told) for name, told in self._lists.items()}
        return Wiring(uses=tuple(self._uses), steps=self._steps, **lists)

    def _around(self, model: spec.Environment) -> None:
        """Note what an environment says otherwise, where it takes commits from, and on what."""
        for name in model.connections:
            self._use(Kind.CONNECTION, name, ("connections", name), key=True)
        if model.promotion is not None:
            self._use(Kind.ENVIRONMENT, model.promotion.from_, ("promotion", "from"))
            for index, name in enumerate(model.promotion.verify):
                self._use(Kind.WORKFLOW, name, ("promotion", "verify", index))

    def _use(self, kind: Kind, name: str, path: Path, *, key: bool = False) -> None:
        self._uses.append((kind, Mention(name, self._document.span(path, key=key))))

    def _names(self, model: Model, path: Path) -> None:
        """Note the documents that a model names by its keys."""
        for key, kind in _NAMED.items():
            if key in model.written:
                told = Mention(model.__dict__[key], self._document.span((*path, key)))
                self._uses.append((kind, told))
                if key == "call":
                    self._note("detached" if model.__dict__["detach"] else "calls", told)

    def _events(self, model: Model, path: Path) -> None:
        """Note what a model emits, awaits or starts on."""
        match model:
            case spec.Emit():
                self._mention("emits", model.type, (*path, "type"))
            case spec.Objective():
                self._mention("emits", MISSED, (*path, "id"))
            case spec.Await(event=str(event)) | spec.CancelWhen(event=event):
                self._mention("awaits", event, (*path, "event"))
            case spec.AbsentTrigger():
                self._mention("awaits", model.event, (*path, "event"))
            case spec.EventTrigger():
                what = "starts" if model.max_chain is None else "bounded"
                self._mention(what, model.event, (*path, "event"))
                if model.payload is not None:
                    self._mention("outside", model.event, (*path, "event"))
            case spec.WorkflowTrigger(max_chain=None):
                self._mention("follows", model.workflow, (*path, "workflow"))
            case spec.WebhookTrigger():
                self._mention("routes", start.route(model), (*path, "path"))
            case _:
                pass

    def _mention(self, what: str, name: str, path: Path) -> None:
        self._note(what, Mention(name, self._document.span(path)))

    def _note(self, what: str, told: Mention) -> None:
        self._lists.setdefault(what, []).append(told)


def _broken(document: Document) -> Declared | None:
    """Return what is known of a document that cannot be read: perhaps its kind and name."""
    kind, name = _text(document, "kind"), _text(document, "name")
    if kind not in list(Kind) or not name:
        return None
    return Declared(Kind(kind), name, document.span(("name",)))


def _text(document: Document, key: str) -> str:
    members = document.root.members if isinstance(document.root, Mapping) else {}
    _, node = members.get(key, (None, None))
    return node.text if isinstance(node, Scalar) else ""


def _schema(told: Json) -> Json:
    return ANYTHING if schemas.check(told) else schemas.inlined(told)
