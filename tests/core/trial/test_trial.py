"""Every verb tried out as an author would, and every mistake told where it is."""

import hashlib

import pytest

from tests.core.trial.authored import told, tried

ECHO = "uses: echo.say@1, with: {message: hi}"
GET = "uses: http.request@1, with: {method: GET, url: 'https://x.example/a'}"
PUT = "uses: http.request@1, with: {method: PUT, url: 'https://x.example/a'}"
N = "outputs: {n: {type: integer, from: body.n}}"
OK = "expect: {run: {state: succeeded}}\n"
MANY = f"""
steps:
  a:
    for_each:
      over: "['x', 'y']"
      as: i
      key: i
      max_items: 2
      tolerate: {{failures: 1}}
      steps:
        b: {{{GET}, {N}}}
      collect: {{all: {{type: integer, value: "{{{{ items | length }}}}"}}}}
"""
EACH = f"""
steps:
  a: {{for_each: {{over: "['x', 'y']", as: i, key: i, max_items: 2, {GET}, {N}}}}}
"""
TURNS = f"""
steps:
  a:
    repeat: {{{GET}, {N}, until: self.outputs.n > 2, max_times: 3, every: 5s}}
"""
CHOICE = f"""
inputs: {{kind: {{type: string, enum: [big, small], default: big}}}}
steps:
  a:
    switch:
      value: inputs.kind
      cases:
        big: {{steps: [{{id: b, {GET}, {N}}}], outputs: {{n: {{type: integer, value: "{{{{ steps.b.outputs.n }}}}"}}}}}}
      else: {{steps: []}}
"""
RACE = f"""
steps:
  a: {{race: {{branches: {{p: {{{GET}, {N}}}, q: {{{GET}, {N}}}}}}}}}
"""
APPROVE = """
steps:
  a: {approve: {by: ["group:ops"], min: 2, expires: 1h, form: {why: {type: string}}, show: Go?}}
"""
AWAIT = """
steps:
  a:
    await: {event: acme.done, match: event.data.id == 7, within: 10m}
    outputs: {who: {type: string, from: event.data.who}}
"""
CALLBACK = """
steps:
  a:
    await: {callback: {schema: {type: object, properties: {ok: {type: boolean}}}}, within: 10m}
    outputs: {ok: {type: boolean, from: event.ok}}
"""
UNDO = f"""
steps:
  a: {{{PUT}, compensate: {{{PUT}}}}}
  b: {{{PUT}, needs: [a]}}
on_compensation_failure: {{steps: {{page: {{{ECHO}}}}}}}
"""
FILES = """
steps:
  a: {uses: shell.run@1, with: {argv: [make]}, artifacts: {log: {path: out.log}}}
"""
PUSHED = f"""
triggers:
  pushed: {{type: github.push, branches: [main], filter: event.forced == false}}
  hook: {{type: webhook, path: h, auth: {{hmac: key}}, with: {{n: "{{{{ event.body.n }}}}"}}}}
secrets: [key]
inputs: {{n: {{type: integer, default: 1}}}}
steps:
  a: {{{ECHO}}}
outputs: {{n: {{type: integer, value: "{{{{ inputs.n }}}}"}}}}
"""
HELD = f"""
triggers:
  last: {{type: webhook, path: l, auth: {{hmac: key}}, debounce: {{for: 1m}}, with: {{n: "{{{{ event.body.n }}}}"}}}}
  all: {{type: webhook, path: a, auth: {{hmac: key}}, batch: {{max_wait: 1m}}, with: {{n: "{{{{ event.items[0].body.n }}}}"}}}}
  each: {{type: webhook, path: e, auth: {{hmac: key}}, fan_out: event.body, filter: item > 1, with: {{n: "{{{{ item }}}}"}}}}
secrets: [key]
inputs: {{n: {{type: integer}}}}
steps:
  a: {{{ECHO}}}
outputs: {{n: {{type: integer, value: "{{{{ inputs.n }}}}"}}}}
"""
PUSH = "ref: refs/heads/main, repository: {full_name: a/b}, forced: false"


@pytest.mark.parametrize(
    ("workflow", "test"),
    [
        (MANY, "mock: {a.b: {outputs: {n: 1}}}\nexpect: {steps: {a: {outputs: {all: 2}}}}"),
        (MANY, "mock: {'a[*].b': {outputs: {n: 1}}}\nexpect: {steps: {'a[*].b': succeeded}}"),
        (
            MANY,
            "mock: {a.b: {outputs: {n: 1}}, 'a[x].b': {error: {type: gone}}}\n"
            "expect: {run: {state: succeeded, flags: [degraded]},"
            " steps: {'a[x].b': failed, 'a[y].b': succeeded, a: {outputs: {all: 1}}}}",
        ),
        (MANY, "mock: {a: {outputs: {all: 9}}}\nexpect: {steps: {a.b: {attempts: 0}}}"),
        (EACH, "mock: {'a[*]': {outputs: {n: 1}}}\nexpect: {order: ['a[x]', 'a[y]', a]}"),
        (EACH, "mock: {a: {}}\nexpect: {steps: {a: succeeded}}"),
        (
            EACH,
            "mock: {'a[*]': [{error: {type: t, class: transient}}, {outputs: {n: 1}}]}\n"
            "expect: {steps: {'a[x]': {attempts: 2}, 'a[y]': {attempts: 2}}}",
        ),
        (
            TURNS,
            "mock: {'a[*]': [{outputs: {n: 1}}, {outputs: {n: 2}}, {outputs: {n: 3}}]}\n"
            "expect: {steps: {'a[3]': succeeded}}",
        ),
        (TURNS, "mock: {a: {outputs: {n: 1}}}\nexpect: {steps: {a: {outputs: {n: 1}}}}"),
        (CHOICE, "mock: {a: {outputs: {n: 1}}}\n" + OK),
        (CHOICE, "mock: {a.b: {outputs: {n: 1}}}\n" + OK),
        (CHOICE, "given: {inputs: {kind: small}}\nexpect: {steps: {a: succeeded}}"),
        (
            RACE,
            "mock: {'a[p]': {outputs: {n: 1}, takes: 2s}, 'a[q]': {outputs: {n: 2}, takes: 1s}}\n"
            "expect: {steps: {a: {outputs: {winner: q, n: 2}}, 'a[p]': cancelled}}",
        ),
        (RACE, "mock: {a: {outputs: {winner: p, n: 3}}}\n" + OK),
        (
            APPROVE,
            "mock: {a: {decision: approved, form: {why: ok}, takes: 5m}}\nexpect: {steps: {a:"
            " {outputs: {decision: approved, form: {why: ok}, by: [person1, person2]}}}}",
        ),
        (APPROVE, "mock: {a: {decision: rejected}}\nexpect: {error: {type: sark.rejected}}"),
        (APPROVE, "mock: {a: {decision: expired}}\nexpect: {error: {type: sark.expired}}"),
        (APPROVE, "expect: {run: {state: failed}, error: {type: sark.expired, step: a}}"),
        (
            AWAIT,
            "given: {events: [{type: acme.done, data: {id: 7, who: me}, at: 2m},"
            " {type: acme.done, data: {id: 8, who: you}}, {type: acme.other}]}\n"
            "expect: {steps: {a: {outputs: {who: me}}}}",
        ),
        (
            AWAIT.replace("steps:", "steps:\n  w: {wait: {for: 5m}}").replace(
                "  a:\n", "  a:\n    needs: [w]\n"
            ),
            "given: {events: [{type: acme.done, data: {id: 7, who: me}, at: 2m},"
            " {type: acme.done, data: {id: 8}, at: 1m}]}\nexpect: {steps: {a: {outputs: {who: me}}}}",
        ),
        (AWAIT, "expect: {error: {type: sark.timeout}, steps: {a: {flags: [timed_out]}}}"),
        (AWAIT, "mock: {a: {outputs: {who: me}, takes: 9m}}\n" + OK),
        (CALLBACK, "mock: {a: {outputs: {ok: true}}}\n" + OK),
        (CALLBACK, "expect: {run: {state: failed}}"),
        (
            UNDO,
            "mock: {b: {error: {type: gone}}}\nexpect: {run: {state: compensated},"
            " steps: {a: compensated, a.compensate: succeeded}}",
        ),
        (
            UNDO,
            "mock: {b: {error: {type: gone}}, a.compensate: {error: {type: bad}}}\n"
            "expect: {run: {state: failed, flags: [compensation_failed]},"
            " steps: {on_compensation_failure.page: succeeded}}",
        ),
        (UNDO, "mock: {a: {takes: 6m}}\nexpect: {error: {type: sark.timeout}}"),
        (FILES, "mock: {a: {artifacts: {log: there.csv}}}\n" + OK),
        (f"steps: {{a: {{{ECHO}}}}}\n", "mock: {a: {cached: true}}\nexpect: {steps: {a: {flags: [cached]}}}"),
        ("steps: {a: {wait: {for: 3h}}}\n", OK),
        (
            "timeout: 1h\nsteps: {a: {wait: {for: '{{ inputs.for }}'}}}\n"
            "inputs: {for: {type: string}}\n",
            "given: {inputs: {for: 3h}}\nexpect: {run: {state: failed, flags: [timed_out]}}",
        ),
        ("steps: {a: {emit: {type: acme.x}}}\n", "expect: {emitted: [acme.x]}"),
        ("steps: {a: {fail: {type: my.own, message: no}}}\n", "expect: {error: {type: my.own}}"),
        ("steps: {a: {fail: {type: my.own, message: no}}}\n", "mock: {a: {}}\n" + OK),
        (PUSHED, f"given: {{trigger: pushed, event: {{{PUSH}}}}}\nexpect: {{outputs: {{n: 1}}}}"),
        (PUSHED, "given: {trigger: hook, event: {body: {n: 4}}}\nexpect: {outputs: {n: 4}}"),
        (
            PUSHED,
            "given: {trigger: hook, event: {body: {n: 4}}, inputs: {n: 5}}\n"
            "expect: {outputs: {n: 5}}",
        ),
        (HELD, "given: {trigger: last, event: {body: {n: 4}}}\nexpect: {outputs: {n: 4}}"),
        (HELD, "given: {trigger: all, event: {body: {n: 4}}}\nexpect: {outputs: {n: 4}}"),
        (HELD, "given: {trigger: each, event: {body: [1, 4, 5]}}\nexpect: {outputs: {n: 4}}"),
        (
            f"cancel_when: [{{event: github.push, match: event.branch == 'main'}}]\n"
            f"steps: {{a: {{wait: {{for: 1h}}}}, b: {{{ECHO}, needs: [a]}}}}\n",
            f"given: {{events: [{{type: github.push, data: {{{PUSH}}}, at: 1m}}]}}\n"
            "expect: {run: {state: cancelled}, steps: {b: cancelled}}",
        ),
        (
            f"steps: {{a: {{{PUT}, fallback: {{outputs: {{status: 0, headers: {{}}, body: null}}}}}}}}\n",
            "mock: {a: {error: {type: gone, class: permanent}}}\n"
            "expect: {run: {flags: [degraded]}, steps: {a: {flags: [degraded]}}}",
        ),
    ],
)  # fmt: skip
def test_a_right_test_passes(workflow: str, test: str) -> None:
    """
    What an author writes of each verb happens, with nothing to say of it.
    """
    assert [] == told(tried(workflow, test))


# ruff: noqa: E501 - a case is a line
@pytest.mark.parametrize(
    ("workflow", "test", "findings"),
    [
        (MANY, "mock: {a.c: {}}\n" + OK, ['5:8 test-step: w has no step "a.c" = it has a, a[*].b']),
        (EACH, "mock: {a: {outputs: {n: 1}}}\n" + OK, ['5:22 test-mock: a has no output "n" = it gives nothing']),
        (MANY, "mock: {a: []}\n" + OK, ["5:11 test-mock: the list of a has no attempt"]),
        (MANY, OK, [
            "1:1 test-unanswered: the run came to a[x].b, and the test does not say what that gives"
            " = add `a[x].b: {outputs: ...}` to `mock`",
            "1:1 test-unanswered: the run came to a[y].b, and the test does not say what that gives"
            " = add `a[y].b: {outputs: ...}` to `mock`",
            "5:23 test-failed: expected the run to be succeeded; it is failed (sark.items in a: "
            "2 of 2 items failed; 1 may)",
        ]),
        (MANY, "mock: {a.b: {outputs: {m: 1}}}\n" + OK, [
            "5:14 test-mock: the mock of a[*].b does not give n = add `outputs: {n: ...}`",
            '5:24 test-mock: a[*].b has no output "m" = it gives n',
        ]),
        (MANY, "mock: {a.b: [{outputs: {n: 1}}, {outputs: {n: '1'}}]}\n" + OK, [
            '5:47 test-mock: the output "n" of a[*].b: expected an integer, found "1"',
        ]),
        (APPROVE, "mock: {a: {takes: 1m}}\n" + OK, [
            "5:11 test-mock: the mock of a does not say how it is decided"
            " = add `decision`: `approved`, `rejected` or `expired`",
        ]),
        (APPROVE, "mock: {a: {outputs: {}}}\n" + OK, [
            "5:12 test-mock: a is an approval, and ends with a decision"
            " = write `decision`: `approved`, `rejected` or `expired`",
        ]),
        (APPROVE, "mock: {a: {decision: approved, form: {why: 3}}}\n" + OK, [
            "5:44 test-mock: the form of a: expected a string, found 3",
        ]),
        ("steps: {a: {approve: {by: ['group:o'], expires: 1h}}}\n",
         "mock: {a: {decision: approved, form: {why: 3}}}\n" + OK, ["5:32 test-mock: a has no form"]),
        (FILES, "mock: {a: {decision: approved, form: {x: 1}, artifacts: {lag: there.csv}}}\n" + OK, [
            "5:12 test-mock: a is no approval, so nobody decides",
            "5:32 test-mock: a is no approval, so nobody decides",
            '5:58 test-mock: a keeps no artifact "lag"; it keeps log',
        ]),
        (FILES, "mock: {a: [{artifacts: {log: gone.csv}}]}\n" + OK,
         ["5:30 test-file: there is no file gone.csv beside the test"]),
        (AWAIT, "mock: {a: {outputs: {who: x}, takes: 10m}}\n" + OK, [
            "5:38 test-mock: a waits 10m at most; the mock takes 10m = leave the mock out, and nothing comes",
        ]),
        (UNDO, "mock: {a.compensate: {}, b: [{}, {}]}\n" + OK, [
            "5:8 test-unused: unused mock: the run never called a.compensate",
            "5:34 test-unused: unused mock: b was called 1 of 2 times",
        ]),
        (CHOICE, "given: {inputs: {kind: small}}\nmock: {a.b: {outputs: {n: 1}}}\n" + OK,
         ["6:8 test-unused: unused mock: the run never called a.b"]),
        (f"steps: {{a: {{{ECHO}, if: 1 > 2}}}}\n", "mock: {a: {}}\n" + OK,
         ["5:8 test-unused: unused mock: the run never called a; it was skipped (condition)"]),
        (PUSHED, "given: {trigger: push}\n" + OK,
         ['5:18 test-unstarted: w has no trigger "push" = did you mean "pushed"?']),
        (PUSHED, "given: {trigger: pushed, event: {ref: x}}\n" + OK,
         ["5:33 test-unstarted: a push has the string `ref` and the object `repository`"]),
        (PUSHED, "given: {trigger: pushed, event: 3}\n" + OK,
         ["5:33 test-unstarted: an event is an object"]),
        (PUSHED, f"given: {{trigger: pushed, event: {{{PUSH.replace('main', 'dev')}}}}}\n" + OK,
         ["5:33 test-unstarted: pushed starts no run (unmatched): branch dev is not wanted"]),
        (PUSHED, "given: {trigger: hook, event: {body: {n: x}}, inputs: {n: y}}\n" + OK,
         ['5:31 test-unstarted: hook starts no run (invalid): inputs: /n: expected an integer, found "y"']),
        (PUSHED, "given: {event: {}}\n" + OK,
         ["5:9 test-unstarted: an event comes through a trigger = add `trigger` beside it"]),
        (PUSHED, "given: {inputs: {n: x}}\n" + OK,
         ['5:21 test-unstarted: the input "n": expected an integer, found "x"']),
        (PUSHED, "given: {inputs: {m: 1}}\n" + OK,
         ['5:21 test-unstarted: the input "m": there is no property `m`']),
        (AWAIT, "given: {events: [{type: github.push, data: {}}]}\n" + OK,
         ["5:44 test-unstarted: a push has the string `ref` and the object `repository`"]),
        (f"triggers: {{m: {{type: manual}}, s: {{type: schedule, cron: '0 2 * * *'}}}}\n"
         f"inputs: {{d: {{type: string, default: '{{{{ trigger.interval.start }}}}'}}}}\nsteps: {{a: {{{ECHO}}}}}\n",
         OK, ["1:1 test-unstarted: a default of an input has no value: "
              "`trigger.interval.start` is not defined: `trigger` has no `interval`"]),
        (UNDO, "expect:\n  run: {state: failed, flags: [degraded]}\n  error: {type: x, step: b}\n"
         "  steps: {a: {state: failed, attempts: 2, flags: [cached], outputs: {x: 1}}, a.compensate: succeeded}\n"
         "  order: [b, a]\n  outputs: {y: 1}\n  emitted: [acme.x]\n", [
            "6:16 test-failed: expected the run to be failed; it is succeeded",
            '6:31 test-failed: expected the run\'s flags to be ["degraded"]; found []',
            '7:17 test-failed: expected the error\'s type to be "x"; found "no error"',
            '7:26 test-failed: expected the error\'s step to be "b"; found "no error"',
            '10:16 test-failed: the run has no output "y"; it has nothing',
            "8:22 test-failed: expected a to be failed; it was succeeded",
            "8:40 test-failed: expected the attempts of a to be 2; found 1",
            '8:50 test-failed: expected the flags of a to be ["cached"]; found []',
            '8:73 test-failed: a has no output "x"; it has nothing',
            "8:92 test-failed: the run never came to a.compensate; `{attempts: 0}` expects that",
            "9:14 test-failed: expected a to end here; they ended in the order a, b",
            '11:12 test-failed: expected the events to be ["acme.x"]; found []',
        ]),
        (UNDO, "mock: {b: {error: {type: gone, status: 410, message: it is gone}}}\n"
         "expect: {error: {type: x}, steps: {b: succeeded}, order: [a, a.compensate, on_compensation_failure.page]}\n", [
            '6:24 test-failed: expected the error\'s type to be "x"; found "gone"',
            "6:36 test-failed: expected b to be succeeded; it failed with gone: it is gone",
            "6:76 test-failed: expected on_compensation_failure.page to end here; it did not run",
        ]),
        (PUSHED, "expect: {outputs: {n: 2}}\n",
         ['5:23 test-failed: expected the output "n" of the run to be 2; found 1']),
        (f"steps: {{a: {{{GET}}}, b: {{uses: echo.say@1, with: {{message: 'x {{{{ steps.a.outputs.body }}}}'}}}}}}\n",
         "mock: {a: {outputs: {body: null}}}\nexpect: {run: {state: succeeded}}\n", [
            "6:23 test-failed: expected the run to be succeeded; it is failed (sark.argument in b: "
            "`steps.a.outputs.body` is null, no text: write `| default('', true)`)",
        ]),
        (f"timeout: 1h\nsteps: {{a: {{wait: {{for: 30m}}}}, b: {{{PUT}, needs: [a], timeout: 50m}}}}\n",
         "mock: {b: {takes: 40m}}\n" + OK, [
            "6:23 test-failed: expected the run to be succeeded; it is failed (sark.timeout: the time of the run is over)",
        ]),
    ],
)  # fmt: skip
def test_a_wrong_test_is_told_where(workflow: str, test: str, findings: list[str]) -> None:
    """
    Each mistake, and each expectation that does not hold, has its place and how to mend it.
    """
    assert findings == told(tried(workflow, test))


def test_an_artifact_is_the_file_beside_the_test() -> None:
    """
    Whoever reads a mocked artifact reads the SHA-256 and the size of the file that is named.
    """
    flow = (
        FILES
        + """
outputs: {log: {type: object, value: "{{ steps.a.artifacts.log }}"}}
"""
    )
    reference = (
        f"{{artifact: {hashlib.sha256(b'x').hexdigest()}, bytes: 1, name: log,"
        " media_type: application/octet-stream}"
    )
    named = "mock: {a: {artifacts: {log: there.csv}}}\n"

    assert [] == told(tried(flow, f"{named}expect: {{outputs: {{log: {reference}}}}}"))
    [other] = told(tried(flow, f"expect: {{outputs: {{log: {reference}}}}}"))
    assert "test-failed" in other
