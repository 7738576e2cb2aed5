"""One change of a plan at a time, and where the path of a recorded run parts."""

from dataclasses import replace

import pytest

from engine.core.binding import Bound
from engine.core.event import Alarm, Event, OwnerLost
from engine.core.plan import (
    Branch,
    Call,
    Case,
    Emit,
    Fallback,
    ForEach,
    Handler,
    Otherwise,
    Plan,
    Race,
    Repeat,
    Retry,
    Start,
    Switch,
    Wait,
)
from engine.core.whatif import Difference, Kind, Verdict
from tests.core.runs import (
    HOUR,
    NOW,
    RETRY,
    SECOND,
    assign,
    block,
    edge,
    header,
    ok,
    only,
    plan,
    scope,
    step,
    uses,
    values,
    whole,
)
from tests.core.whatif.recording import judge, record, refused, say, told


def test_a_condition_is_told_with_both_texts_and_values() -> None:
    """
    Where an `if` comes out otherwise, both texts and what they read are told.
    """
    chosen = step("choose", condition="inputs.n > 3", line=12)
    recording = record(whole(chosen, step("log")), ok("choose"), ok("log"), n=5)

    verdict = judge(whole(replace(chosen, condition="inputs.n > 9"), step("log")), recording)

    why = "it is skipped (its `if` is false); it ran"
    assert (Kind.BRANCHES, "choose", why, 12) == (*told(verdict), verdict.line)
    assert (
        Difference("if", "inputs.n > 3", "inputs.n > 9"),
        Difference("inputs.n", 5, 5),
    ) == verdict.differences


def test_a_step_that_was_skipped_and_runs_now_branches_and_then_has_no_recording() -> None:
    """
    The cause comes first: the condition; that the call has no recording is what follows.
    """
    recording = record(whole(step("a", condition="false"), step("b")), ok("b"))

    verdict = judge(whole(step("a"), step("b")), recording)

    why = "it runs; it was skipped (its `if` is false)"
    assert (Kind.BRANCHES, "a", why) == told(verdict)
    assert ("calls echo.say@1 with no recording",) == verdict.also
    assert (Difference("if", "false", None),) == verdict.differences


@pytest.mark.parametrize(
    ("over", "items"),
    [("[1, 2, 3]", "3 items; it took 2 items"), ("[1]", "1 items; it took 2 items")],
)
def test_other_items_are_told_at_the_loop(over: str, items: str) -> None:
    """
    A loop over more or fewer items branches there, and not at an item.
    """

    def looped(text: str) -> Plan:
        return whole(step("each", verb=ForEach(text, "x", only(say("{{ x }}")), 9)))

    recording = record(looped("[1, 2]"), ok("each[0]"), ok("each[1]"))

    verdict = judge(looped(over), recording)

    assert (Kind.BRANCHES, "each", f"it takes {items}") == told(verdict)
    assert (Difference("over", "[1, 2]", over),) == verdict.differences


def test_other_turns_are_told_at_the_loop() -> None:
    """
    A loop that ends sooner branches there, and its `until` is told.
    """

    def looped(until: str) -> Plan:
        body = only(uses())
        return whole(step("poll", verb=Repeat(body, until, 3, SECOND)))

    alarm = Alarm("poll", NOW + 2 * SECOND)
    recording = record(looped("self.outputs.n == 2"), ok("poll[1]", n=1), alarm, ok("poll[2]", n=2))

    verdict = judge(looped("self.outputs.n == 1"), recording)

    assert (Kind.BRANCHES, "poll", "it takes 1 turns; it took 2 turns") == told(verdict)


@pytest.mark.parametrize(
    ("value", "taken"), [("'b'", "case b"), ("'c'", "else")]
)  # fmt: skip
def test_another_case_is_told_at_the_switch(value: str, taken: str) -> None:
    """
    A switch that takes another case branches there, and the value is told.
    """

    def switched(text: str) -> Plan:
        cases = (Case(scope(step("one")), "a"), Case(scope(step("two")), "b"))
        return whole(step("pick", verb=Switch(cases, text, scope(step("three")))))

    recording = record(switched("'a'"), ok("pick.one"))

    verdict = judge(switched(value), recording)

    assert (Kind.BRANCHES, "pick", f"it takes {taken}; it took case a") == told(verdict)
    assert (Difference("value", "'a'", value),) == verdict.differences


def test_cases_with_conditions_are_told_by_their_number() -> None:
    """
    Of a switch without a value the conditions are told that are written otherwise.
    """

    def switched(first: str) -> Plan:
        cases = (
            Case(scope(step("one")), None, first),
            Case(scope(step("two")), None, "inputs.list[0] | default(1) == 1"),
        )
        return whole(step("pick", verb=Switch(cases)))

    recording = record(switched("true"), ok("pick.one"), list=[1])
    verdict = judge(switched("false"), recording)
    nothing = judge(switched("false"), record(switched("true"), ok("pick.one"), list=[]))

    assert "it takes case 2; it took case 1" == verdict.why
    assert (
        Difference("case 1", "true", "false"),
        Difference("inputs.list.0", 1, 1),
    ) == verdict.differences
    assert Difference("inputs.list.0", None, None) == nothing.differences[1]


def test_fewer_attempts_fail_where_the_run_was_saved_by_another() -> None:
    """
    A run that a second attempt saved fails where only one is allowed.
    """
    fetch = step("fetch", retry=RETRY, line=4)
    events: list[Event] = [refused("fetch"), Alarm("fetch", NOW + 2 * SECOND), ok("fetch", 2)]
    recording = record(whole(fetch), *events)

    verdict = judge(whole(replace(fetch, retry=Retry())), recording)

    why = "it ends failed with http.connect; it ended succeeded"
    assert (Kind.FAILS, "fetch", why, 4) == (*told(verdict), verdict.line)
    assert "/error" == verdict.differences[0].place
    slower = judge(whole(replace(fetch, retry=replace(RETRY, initial=HOUR, max=HOUR))), recording)
    assert Kind.SAME is slower.kind


def test_more_attempts_than_were_made_have_no_recording() -> None:
    """
    Nobody knows what a third attempt would have come to.
    """
    twice = replace(RETRY, max_attempts=2)
    alarm = Alarm("fetch", NOW + 2 * SECOND)
    events: list[Event] = [refused("fetch"), alarm, refused("fetch", 2)]
    recording = record(whole(step("fetch", retry=twice)), *events)

    verdict = judge(whole(step("fetch", retry=RETRY)), recording)

    assert (Kind.UNRECORDED, "fetch", "attempt 3 was never made") == told(verdict)


def test_an_optional_step_that_fails_now_branches() -> None:
    """
    A failure that does not fail the run is a branch.
    """
    fetch = step("fetch", retry=RETRY, optional=True)
    events: list[Event] = [refused("fetch"), Alarm("fetch", NOW + 2 * SECOND), ok("fetch", 2)]

    verdict = judge(whole(replace(fetch, retry=Retry())), record(whole(fetch), *events))

    assert (Kind.BRANCHES, "fetch") == (verdict.kind, verdict.step)


def test_a_fallback_that_stands_in_now_is_a_branch() -> None:
    """
    A step that gives what stands in for it goes otherwise, and so does one that stood in by a call.
    """
    values_ = step("fetch", retry=RETRY, fallback=Fallback(values(x=1)))
    call = replace(values_, fallback=Fallback(body=only(uses())))
    events: list[Event] = [refused("fetch"), Alarm("fetch", NOW + 2 * SECOND), ok("fetch", 2)]

    simple = judge(whole(replace(values_, retry=Retry())), record(whole(values_), *events))
    other = judge(whole(replace(call, retry=Retry())), record(whole(call), *events))

    assert (Kind.BRANCHES, "fetch", "it ends succeeded with http.connect; it ended succeeded") == (
        told(simple)
    )
    assert (Kind.BRANCHES, "fetch", "it takes its fallback; it took its verb") == told(other)


def test_a_step_that_is_gone_may_end_the_run_otherwise() -> None:
    """
    How the run ends then is told beside where the path parts.
    """
    first = whole(step("a"), step("b", edge(0, "done"), condition="steps.a.status == 'succeeded'"))
    recording = record(first, ok("a"), ok("b"))

    verdict = judge(whole(step("b", condition="steps.a.status == 'succeeded'")), recording)

    assert (Kind.FAILS, "b") == (verdict.kind, verdict.step)
    gone = judge(whole(step("a")), recording)
    assert (Kind.BRANCHES, "b", "it is gone", 0) == (*told(gone), gone.line)


def test_a_step_that_is_gone_is_told_before_what_has_no_recording_for_it() -> None:
    """
    What begins in its place, here a step of `finally` of the same name, meets a death that was the
    other's, and makes an attempt that nobody recorded: the path has parted before.
    """
    last = scope(step("s0"))
    recording = record(
        plan(scope(step("s0")), last), OwnerLost(), ok("s0", 2), ok("finally.s0")
    )  # fmt: skip

    verdict = judge(plan(scope(), last), recording)

    assert (Kind.BRANCHES, "s0", "it is gone") == told(verdict)
    assert ("calls echo.say@1 with no recording",) == verdict.also


def test_a_branch_that_fails_later_says_so() -> None:
    """
    The verdict is where the path parts first; how the run ends stands beside it.
    """
    a, b = step("a"), step("b", edge(0, "succeeded"), verb=assign(x="{{ steps.a.outputs.x }}"))
    fail = Handler(scope(step("h", verb=assign(x=1))))
    made = whole(a, b, handlers=(fail,))
    recording = record(made, ok("a", x=1))

    verdict = judge(
        whole(
            replace(a, condition="false"), replace(b, after=(edge(0, "done"),)), handlers=(fail,)
        ),
        recording,
    )

    assert (Kind.BRANCHES, "a", ("the run ends failed",)) == (
        verdict.kind, verdict.step, verdict.also,
    )  # fmt: skip


def test_a_need_that_is_another_is_told() -> None:
    """
    A step that is skipped for a need says so.
    """
    made = whole(step("a", condition="false"), step("b", edge(0)))
    recording = record(made, ok("b"))

    verdict = judge(whole(step("a", condition="false"), step("b", edge(0, "succeeded"))), recording)

    assert (Kind.BRANCHES, "b", "it is skipped (need); it ran") == told(verdict)


def test_a_step_that_is_cancelled_now_is_told() -> None:
    """
    A step that begins no more because another has failed says so.
    """
    a, b = step("a", retry=RETRY), step("b", edge(0, "done"))
    events: list[Event] = [refused("a"), Alarm("a", NOW + 2 * SECOND), ok("a", 2), ok("b")]
    made = whole(a, b, step("z", verb=assign(x=1)))
    recording = record(made, *events)
    b_only = whole(replace(a, retry=Retry(), optional=True), b, step("z", verb=assign(x=1)))

    verdict = judge(b_only, recording)

    assert (Kind.BRANCHES, "a") == (verdict.kind, verdict.step)


def test_outputs_and_events_that_are_others_are_told_beside_the_same_path() -> None:
    """
    A run that goes the same way may still give or tell something else.
    """

    def made(word: str) -> Plan:
        return whole(
            step("tell", verb=Emit("e", None, {"x": word})),
            step("start", verb=Start("other", {"x": word})),
            outputs=values(x=word, long=word * 300, more=[1, {"a/b": word}]),
        )

    recording = record(made("one"))

    assert Verdict(header().id, Kind.SAME) == judge(made("one"), recording)
    assert (
        "output /x is another",
        "output /long is another",
        "output /more/1/a~1b is another",
        "start tells another /inputs/x",
        "tell tells another /data/x",
    ) == judge(made("two"), recording).also


def test_a_run_whose_outputs_have_no_value_fails_as_a_whole() -> None:
    """
    Where every step goes the same way, the run itself may fail.
    """
    recording = record(whole(step("a")), ok("a", x=1))

    bad = judge(whole(step("a"), outputs=values(x="{{ steps.a.outputs.y }}")), recording)
    saved = judge(
        whole(step("a")),
        record(whole(step("a"), outputs=values(x="{{ steps.a.outputs.y }}")), ok("a")),
    )

    assert (Kind.FAILS, "", "the run ends failed with sark.output; it ended succeeded") == told(bad)
    assert (Kind.BRANCHES, "", "the run ends succeeded; it ended failed") == told(saved)


def test_a_run_without_end_is_given_up() -> None:
    """
    However many events another plan asks for, the look at it has an end.
    """
    recording = record(whole(step("a", verb=assign(x=1))))
    turns = Repeat(only(Wait("1s")), "false", 900, SECOND, Otherwise.CONTINUE)

    verdict = judge(whole(step("a", verb=turns)), recording, most=50)

    assert (Kind.FAILS, "", "it does not end") == told(verdict)


def test_a_run_that_is_under_way_is_compared_as_far_as_it_is() -> None:
    """
    Of a run that has not ended, what has happened so far is compared.
    """
    made = whole(step("a"), step("b", edge(0)), step("c", edge(1)))
    recording = record(made, ok("a"))

    assert Kind.SAME is judge(made, recording).kind
    other = judge(whole(step("a"), step("b", edge(0), verb=assign(x=1))), recording)
    assert (Kind.SAME, "") == (other.kind, other.step)


def test_a_journal_of_another_plan_is_refused() -> None:
    """
    A journal that says nothing to its plan is no recording of it.
    """
    recording = record(whole(step("a")), ok("a"))

    with pytest.raises(ValueError, match="row 1 of the journal says nothing"):
        judge(whole(step("a")), replace(recording, bound=Bound(whole(step("b")))))


def test_a_new_step_in_a_block_is_told_where_it_stands() -> None:
    """
    A step that is new below others is told by its whole path; one that does not run changes none.
    """
    recording = record(whole(block("b", step("a"))), ok("b.a"))

    new = judge(whole(block("b", step("a"), step("c"))), recording)
    idle = judge(whole(block("b", step("a"), step("c", condition="false"))), recording)

    assert (Kind.UNRECORDED, "b.c", "it was never called") == told(new)
    assert Verdict(header().id, Kind.SAME) == idle


def test_a_race_and_a_called_workflow_take_the_same_path() -> None:
    """
    What competes and what is called is told as it went.
    """
    race = Race((Branch("x", scope(step("one"))), Branch("y", scope(step("two")))))
    call = Call("other", {}, {"type": "object"}, scope(step("in")))
    made = whole(step("race", verb=race), step("call", edge(0), verb=call))
    recording = record(made, ok("race[y].two"), ok("call.in"))

    assert Kind.SAME is judge(made, recording).kind
