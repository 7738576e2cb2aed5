"""The rules as a table that any successor of Oso must pass, and policies that are no policies."""

import resource as limits
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from policies.authorizer import Authorizer, PolicyError
from policies.facts import ACTIONS, Action, Actor, Resource

ADMIN = Actor("token", "admin", roles=("admin",))
VIEWER = Actor("token", "eyes", roles=("viewer",))
APPROVER = Actor("token", "ann", roles=("approver",), groups=("sre",))
NOBODY = Actor("token", "nobody")
HOOK = Actor("webhook", "github/shop", "shop")
RUN = Actor("run", "shop/pay", "shop")
SOURCE = Actor("source", "shop", "shop")
READS = {
    "run.read", "workflow.read", "source.read", "commit.read", "event.read", "decision.read",
}  # fmt: skip


@pytest.fixture(scope="module")
def authorizer() -> Authorizer:
    return Authorizer()


def allowed(authorizer: Authorizer, actor: Actor, action: str, namespace: str = "shop") -> bool:
    kind = action.partition(".")[0]
    return authorizer.decide(actor, Action(action), Resource(kind, "x", namespace)).allowed


@pytest.mark.parametrize("action", ACTIONS)
def test_the_table(authorizer: Authorizer, action: str):
    """
    An administrator may do everything over the API, a viewer reads, an approver decides as well,
    nobody else does anything.
    """
    assert allowed(authorizer, ADMIN, action)
    assert (action in READS) is allowed(authorizer, VIEWER, action)
    assert (action in READS | {"approval.decide"}) is allowed(authorizer, APPROVER, action)
    assert not allowed(authorizer, NOBODY, action)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_stays_in_its_namespace(authorizer: Authorizer, action: str):
    """
    A webhook starts, a run invokes and a source defines, each in its own namespace and nowhere
    else.
    """
    assert (action == "run.start") is allowed(authorizer, HOOK, action)
    assert (action == "step.invoke") is allowed(authorizer, RUN, action)
    assert (action == "workflow.define") is allowed(authorizer, SOURCE, action)
    assert not allowed(authorizer, SOURCE, action, "bank")
    assert not allowed(authorizer, HOOK, action, "bank")
    assert not allowed(authorizer, RUN, action, "bank")


@pytest.mark.parametrize(
    "actor", [Actor("webhook", "w", roles=("admin",)), Actor("", ""), Actor("run", "r", "")]
)
def test_a_role_is_a_tokens(authorizer: Authorizer, actor: Actor):
    """
    A role on anything but a token opens nothing.
    """
    assert not allowed(authorizer, actor, "run.start")


def test_an_unknown_action_is_denied(authorizer: Authorizer):
    """
    A viewer may not do what no rule speaks of; the verdict says why.
    """
    verdict = authorizer.decide(VIEWER, Action("policy.write"), Resource("policy", "x"))

    assert not verdict.allowed
    assert "no policy allows token 'eyes' to policy.write" == verdict.reason


def test_attributes_cannot_pose(authorizer: Authorizer):
    """
    An attribute that is called like a fact does not take its place.
    """
    posing = Resource("workflow", "x", "bank", (("namespace", "shop"),))

    assert not authorizer.decide(HOOK, Action("run.start"), posing).allowed


def test_equal_facts_are_asked_once(authorizer: Authorizer):
    """
    A verdict is remembered by its facts: asked again, it costs far less than the first time.
    """

    def spent(identities: Iterable[str]) -> float:
        began = time.process_time()
        for each in identities:
            allowed(authorizer, ADMIN._replace(id=each), "run.read")
        return time.process_time() - began

    assert spent(["the same"] * 1000) < spent(f"another {n}" for n in range(1000)) / 3


def test_what_is_remembered_is_bounded(authorizer: Authorizer):
    """
    However many facts are asked about, memory stays bounded and verdicts stay right.
    """
    for number in range(10_100):
        resource = Resource("operation", str(number), "shop")
        assert authorizer.decide(RUN, Action("step.invoke"), resource).allowed

    assert allowed(authorizer, HOOK, "run.start")
    assert len(authorizer._remembered) <= 10_000


BAD = {
    "none": ("", "there is no policy"),
    "unreadable": ("allow(actor, _a, _r if", "did not expect"),
    "class": ("allow(actor: User, _a, _r) if actor.admin;", "Unknown specializer User"),
    "missing": ("allow(actor, _a, _r) if is_king(actor);", "undefined rule"),
    "typo": ('allow(actor, _a, _r) if actr.kind = "token";', "ingleton"),
    "empty": ("rule(1);", "does not contain an allow rule"),
    "loop": ("allow(actor, a, r) if allow(actor, a, r);", "come to an end"),
    "raises": ('allow(actor, _a, _r) if actor.kind.nothing_there() = "x";', "nothing_there"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_policy_that_is_none_is_refused(name: str, tmp_path: Path):
    """
    A folder without policies, or with one that does not parse, loops, errs or speaks of unknown
    things, is refused before anything starts; our own memory does not grow by it.
    """
    text, reason = BAD[name]
    if text:
        (tmp_path / "bad.polar").write_text(text)
    before = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss

    with pytest.raises(PolicyError, match=reason):
        Authorizer(tmp_path)
    assert limits.getrusage(limits.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.parametrize(
    "rule",
    [
        'allow(actor, "run.read", r) if r.id = "late" and allow(actor, "run.read", r);',
        'allow(_actor, "run.read", r) if r.id = "late" and r.id.nothing_there();',
        'allow(_actor, "run.read", r) if r.id = "late" and d(_) and d(_) and d(_) and d(_) and d(_)'
        " and d(_) and d(_) and d(_) and 1 = 2; d(0);d(1);d(2);d(3);d(4);d(5);d(6);d(7);d(8);d(9);",
    ],
)
def test_a_rule_that_fails_later_denies(rule: str, tmp_path: Path):
    """
    A rule that loops, errs or takes too long on facts that nobody foresaw is a denial.
    """
    (tmp_path / "a.polar").write_text(rule)
    authorizer = Authorizer(tmp_path)
    began = time.perf_counter()
    verdict = authorizer.decide(ADMIN, Action("run.read"), Resource("run", "late"))

    assert not verdict.allowed
    assert "a policy failed, and that is a denial" == verdict.reason
    assert time.perf_counter() - began < 10


# Each way in which a rule may look at a name, so that "pay" is another than "other" to it.
LOOKS = {
    "unify": 'r.id = "pay"',
    "turned round": '"pay" = r.id',
    "equal": 'r.id == "pay"',
    "unequal": 'r.id != "pay"',
    "another fact": "a.namespace = r.id",
    "less": 'r.id < "pay"',
    "a list": 'r.id in ["pay"]',
    "within a list": '[r.id, 1] in [["pay", 1]]',
    "the rest of a list": '[r.id, 1] = ["pay", *_x]',
    "a method": 'r.id.startswith("pa")',
    "its letters": 'c in r.id and c = "p"',
    "a variable": 'x = r.id and y = "pay" and x = y',
    "an assignment": 'x := r.id and x = "pay"',
    "every": 'forall(x in ["pay"], r.id = x)',
    "a key": "k = r.id and x = {pay: 1} and x.(k) = 1",
    "its own key": 'k in ["id"] and r.(k) = "pay"',
    "a pattern": 'r matches {id: "pay"}',
    "the facts as a whole": 'r = {id: "pay", kind: "workflow", namespace: "shop"}',
    "the values of all facts": '[_, v] in r and v = "pay"',
    "a pair of all facts": '["id", "pay"] in r',
    "a head": "named(r.id)",
    "a head of facts": "told(r)",
    "a head of a list": "listed([r.id])",
    "a cut": "is_cut(r)",
}
HELPERS = """
named("pay"); told(_r: {id: "pay"}); listed(["pay"]);
is_cut(r) if r.id != "pay" and cut and 1 = 2; is_cut(_);
"""


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Authorizer:
    """Return rules that look at a name in every way, and so that it must not be; each an action."""
    folder = tmp_path_factory.mktemp("looking")
    rules = [
        f'allow(a, "{way}{no}", r) if a.kind = r.namespace or {no} (a.kind != a.id and {look});'
        for way, look in LOOKS.items()
        for no in ("", "not")
    ]
    (folder / "a.polar").write_text("\n".join([*rules, HELPERS]))
    return Authorizer(folder)


@pytest.mark.parametrize("no", ["", "not"])
@pytest.mark.parametrize("way", LOOKS)
def test_what_holds_for_every_name_holds_for_each(looking: Authorizer, way: str, no: str):
    """
    However a rule looks at a name, no verdict is given for every name at once: each is asked about.
    """
    actor, action = Actor("source", "s", "pay"), Action(way + no)

    def of(name: str) -> Resource:
        return Resource("workflow", name, "shop")

    assert 2 == len({looking.decide(actor, action, of(name)) for name in ("pay", "other", "a")})
    assert looking.decide_any_name(actor, action, of("")) is None


def test_rules_that_look_at_no_name_are_asked_once(authorizer: Authorizer):
    """
    Where no rule looks at a name, the verdict on every name is told, be it yes or no.
    """
    define = Action("workflow.define")
    for namespace in ("shop", "bank"):
        resource = Resource("workflow", "a", namespace, (("effect", "write"),))
        told = authorizer.decide_any_name(SOURCE, define, resource)

        assert authorizer.decide(SOURCE, define, resource) == told


def test_several_files_are_one_policy(tmp_path: Path):
    """
    Rules of one file may use those of another; the digest follows every byte.
    """
    (tmp_path / "a.polar").write_text("allow(actor, _a, _r) if is_root(actor);")
    (tmp_path / "b.polar").write_text('is_root(actor) if actor.id = "root";')
    first = Authorizer(tmp_path)
    (tmp_path / "b.polar").write_text('is_root(actor) if actor.id = "toor";')
    second = Authorizer(tmp_path)

    assert allowed(first, Actor("token", "root"), "run.read")
    assert not allowed(second, Actor("token", "root"), "run.read")
    assert first.digest != second.digest
