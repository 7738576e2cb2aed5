"""Every code that a finding about a spec can have, each with what it means in a line or two.

Codes are public and stable: `sark explain CODE` prints that, and `errors_page` makes
`docs/reference/errors.md`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from engine.core import document, reader

_COMPILER = {
    # steps and their order
    "no-steps": "A workflow, and a `finally`, has at least one step.",
    "too-many-steps": "A plan has at most 2,000 steps, `finally` and all that it calls included.",
    "duplicate-step": "A step's id is unique in its scope and in the scopes around it.",
    "reserved-id": "No step is called `finally`, `on_failure`, `compensate`, `fallback`, "
    "`on_compensation_failure` or `protection`, no item as something that expressions read "
    "already, and no output of a branch `winner`, which a `race` gives itself.",
    "misplaced-key": "A key that exists stands where it means something: `retry` and its like "
    "beside `uses`, `compensate` beside what can be undone, `from` beside a verb.",
    "unknown-step": "`needs` and `rollback` name a step of the same scope; `steps.<id>` also one "
    "of a scope around it. What is inside a step is seen outside by its `outputs` alone.",
    "self-reference": "A step does not wait for itself and does not read its own result.",
    "later-step": "A step in a list reads only steps above it.",
    "cycle": "Steps do not wait for each other in a circle, by `needs` or by what they read.",
    "bad-join": "`join` is `all`, `any`, or a number from 1 to the number of `needs`.",
    "join-reference": "With a `join` that asks for fewer than all `needs`, a step may start before "
    "the others have ended: what it reads of a step in `needs` has a `default`.",
    "unreachable": "Nothing stands where it is never reached: after `else`, after a handler for "
    "every error, after a step that always fails (mostly a warning).",
    "constant-condition": "A condition reads something that differs from run to run (a warning).",
    "missing-case": "A `switch` has a case for every value of an `enum`, or an `else`; a list of "
    "conditions always has one.",
    "unknown-case": "A case is for a value that there can be.",
    "duplicate-objective": "The id of an objective is unique in its workflow.",
    "duplicate-case": "No two cases of a `switch` have the same condition.",
    "unbounded": "A `for_each` says `max_items`, or the schema of its list says `maxItems`.",
    "bad-bound": "`max_items` allows as many items as the schema of the list does.",
    "never-runs": "A step does not ask that another failed or was skipped, and read its outputs.",
    "unseen-failure": "A step that reads `.failed`, `.timed_out` or `.error` of another must also "
    "be one that starts after it has failed: by `needs: {x: done}` or `needs: {x: failed}`, or "
    "because the other is `optional`.",
    # what may be read
    "unknown-name": "An expression reads only names that exist where it stands: `inputs`, "
    "`steps`, `trigger`, `run` and `variables`; `secrets` in `with`; `error` in `retry.if`, "
    "handlers, fallbacks and `finally`; `self` in `repeat` and `compensate`; `items` and "
    "`failures` in `collect`; `event` in triggers and `match`. A template of `text.render` reads "
    "its `values`, and what its own `for` and `set` give.",
    "unknown-variable": "`variables.<name>` is a variable of the Environments of the commit.",
    "missing-variable": "A variable that is read is one of every Environment of the commit, and of "
    "the one that it is compiled for, or has a `default` right behind it.",
    "variable-types": "A variable is of one type in all Environments.",
    "template-in-variable": "A variable is a constant: no template in it is filled in.",
    "no-environment": "A workflow that reads variables is planned for one environment: `--env "
    "NAME` says which, where there are several and no source does.",
    "unknown-input": "`inputs.<name>`, and what the `with` of a trigger or a call gives, is a "
    "declared input.",
    "unknown-output": "`steps.<id>.outputs.<name>`, and the `from` of an output, is something that "
    "the step or its operation gives.",
    "unknown-secret": "`secrets.<name>` is listed in the workflow's `secrets`.",
    "missing-event": "`trigger.event...` is something that a trigger of the workflow brings; where "
    "only some of them bring it, it has a `default` (a warning). So it is with what only the clock "
    "brings, `trigger.interval` and `trigger.scheduled_at`.",
    "maybe-missing": "What may be missing has a `default`: an output that reads a step which can "
    "be skipped or is optional, in `finally` and handlers any output of the steps before, `self` "
    "in the first turn of a `repeat`, `self.outputs` in a `compensate`.",
    "lacking-output": "A fallback, and a handler with `then: recover`, gives all the outputs that "
    "it stands in for.",
    "unequal-outputs": "All cases of a `switch`, and all branches of a `race`, give outputs of the "
    "same types.",
    "unknown-file": "`from` of an artifact names a file that the operation gives.",
    "artifact-place": "An artifact goes into an argument that is a file, or whole into an output.",
    "reserved-event": "No step emits an event whose type begins with `github.` or `sark.`: these "
    "tell what a forge has reported and what the engine has seen.",
    "unused-input": "An input that nothing reads is probably a mistake (a warning).",
    "unused-secret": "A secret that nothing reads need not be declared (a warning).",
    # types
    "unknown-operation": "`uses` names an operation of an adapter, with its major version.",
    "missing-argument": "`with` gives every argument that the operation requires.",
    "unknown-argument": "`with` gives only arguments that the operation has.",
    "bad-argument": "A constant in `with` fits the operation's schema.",
    "bad-code": "Code that its operation can read beforehand, such as the template of "
    "`text.render`, has no fault.",
    "missing-input": "The `with` of a trigger or a call gives every input that has no default.",
    "bad-input": "A constant in the `with` of a trigger or a call fits the input's schema.",
    "missing-property": "A value has every property that its schema requires.",
    "unknown-property": "A value has only the properties that its schema allows, and an "
    "expression reads only those that are declared.",
    "bad-default": "An input's constant default fits the input's schema.",
    "bad-value": "A value is one that its key, or the schema written for it, takes.",
    "bad-schema": "A schema is JSON Schema 2020-12 of the subset that SARK takes.",
    "wrong-type": "A value is of the type that its key takes, and what an expression gives can be "
    "of the type that is asked for where it stands.",
    # what may go where
    "template-in-code": "Code takes no template: values reach it as data, by `env`, `argv`, "
    "`values` or `params`. Braces of the code's own language stay as they are.",
    "secret-leak": "A secret goes only into arguments that their operation marks secret: never "
    "into a condition, a `set`, an output, a key, an event, a message or another workflow.",
    "untrusted-value": "What an event brought, or people typed, goes into a path or a header only "
    "through a sanitizer such as `urlencode`, and never chooses a host. Parts of a URL after its "
    "host are encoded anyway.",
    # effects and time
    "unapproved-destructive": "A step that destroys something has an `approve` before it, or says "
    "by `effect: destructive` that it is meant to (a warning).",
    "unchecked-approval": "A step that needs an `approve` says whether it also runs where nobody "
    "was asked, or the answer was no (a warning).",
    "nobody-decides": "An `approve` and a `protection` can be decided by those whom they name.",
    "pool-refuses": "The pool of a step lets in its operation, and every secret that the step "
    "reads.",
    "unsafe-cache": "Only a call that is pure or reads is cached.",
    "no-compensation": "`rollback` names steps that have a `compensate`, or hold such steps.",
    "idle-compensation": "A `compensate` stands beside a step that does something (a warning).",
    "late-compensation": "After a `pivot` nothing is undone, so nothing needs a `compensate` (a "
    "warning).",
    "effect-lowered": "`effect` on a step says at least as much as the operation's own.",
    "unsafe-retry": "Only a step that is safe to repeat is retried: it is pure, reads, is "
    "idempotent, or has an `idempotency.key`. `unsafe: true` makes this a warning. What undoes "
    "a step is repeated too.",
    "bad-duration": "A span of time is longer than nothing and at most ten years.",
    "over-budget": "A run stays within its `budget` at the worst; what it calls in other workflows "
    "is not counted.",
    "no-effect": "A key changes something where it stands: a step that has a `priority` waits in a "
    "`concurrency` or for a pool, one that has a `fair_key` in a `concurrency` (a warning); "
    "`resources` are kept by the operation, or by a pool of workers in a container or a VM. "
    "A `protection` asks somebody, or waits.",
    "weak-sandbox": "Something shuts the call in at least as well as `sandbox` asks for: the "
    "operation, or the pool of the step by its own `sandbox`.",
    "silent-operation": "`timeout.heartbeat` stands beside an operation that reports progress.",
    "timeout-order": "Nothing may last longer than all that it is a part of: an attempt, a pause, "
    "a wait for an event or a decision, and all that is surely waited for one after the other "
    "(a warning).",
    # documents that workflows share
    "unknown-adapter": "A connection and a pool name adapters, or operations of them, that are "
    "there.",
    "no-listing": "`connection` of a `file` trigger names a Connection of an adapter that lists "
    "files: `file`.",
    "unknown-timezone": "A time zone is one of the IANA database.",
    # files beside the specs
    "missing-file": "A file that a spec names stands below the root of the source, by its path "
    "from there.",
    "empty-file": "A spec file declares something: it is not empty, and not all of it a comment (a "
    "warning).",
    "bad-file": "A file that a spec names is at most 256 KiB; a schema is JSON and a JSON Schema, "
    "a template is UTF-8.",
    # tests that authors write
    "test-failed": "What a `WorkflowTest` expects is so at the end of its run.",
    "test-unstarted": "The trigger, event and inputs of a `WorkflowTest` start a run.",
    "test-unanswered": "A `WorkflowTest` has a mock for every step that the run calls and that "
    "declares outputs, or whose outputs another step needs.",
    "test-mock": "A mock fits its step: an approval has a decision, anything else the outputs that "
    "the step declares, of their types, and only artifacts that it keeps.",
    "test-file": "A file that a mock names as an artifact stands beside its test, by its path from "
    "there.",
    "test-unused": "A mock, and each attempt of its list, is used by the run (a warning).",
    "test-step": "The steps that a `WorkflowTest` speaks of exist in its workflow.",
    "test-coverage": "The tests of a workflow go through the part of its edges that they ask for.",
    # policies for review
    "policy-syntax": "A policy is UTF-8, and Polar as Oso reads it; each clause ends with `;`.",
    "policy-rule": "A rule is declared once by `rule` or `whole_rule`, by a name of its own, and "
    "speaks by `deny`, `approval`, `warn` or `allow` under that very name. There are at most "
    "200 in 256 KiB.",
    "policy-fact": "A rule asks for facts that exist: one that is spelled otherwise would never "
    "hold, and the rule never speak.",
    "policy-value": "A fact is compared with what it can be, and `in` looks into lists.",
    "policy-word": "Rules see facts and nothing else: no classes and objects, no `print`, `debug` "
    "and `cut`, and no method but `startswith` and `endswith` of a text.",
    "policy-call": "A rule asks predicates that exist, with as many arguments as they have, and "
    "each predicate is asked.",
    "policy-test": "Rules say to the change of a `PolicyTest` what it expects, and nothing else.",
    # between files
    "duplicate-name": "A name is unique among the documents of its kind in a namespace.",
    "duplicate-route": "The path of a webhook is unique in its namespace.",
    "look-alike": "Names of a kind that a reader takes for each other, such as `job-0` and "
    "`job-o`, are probably a mistake or a trick (a warning).",
    "unknown-workflow": "A workflow that is called, waited for or tested, or in the `verify` of a "
    "promotion, is one of the commit.",
    "unknown-environment": "`promotion.from` names an Environment of the commit.",
    "unknown-pool": "`pool` names a Pool of the commit.",
    "unknown-breaker": "`circuit` names a CircuitBreaker of the commit.",
    "unknown-calendar": "`calendar` names a Calendar of the commit.",
    "connection-adapter": "`connection` of a step names a Connection of the adapter, or of the "
    "operation, that the step uses.",
    "connection-argument": "A step says nothing that its connection says already; behind an "
    "address without templates it says the rest, which begins with `/`.",
    "unknown-connection": "`connection`, and a key of the `connections` of an Environment, names a "
    "Connection of the commit.",
    "unused-document": "A pool, circuit breaker, calendar or connection that nothing names is "
    "probably a mistake (a warning).",
    "call-cycle": "Workflows do not call each other in a circle.",
    "call-depth": "Calls are nested at most 16 deep.",
    "trigger-cycle": "Workflows do not start each other in a circle, by events, by the end of a "
    "run or by a detached call, unless a trigger on the way has a `max_chain`.",
    "event-nobody-emits": "An event that is waited for, or that starts a workflow, is emitted by "
    "one of the commit, begins with `github.` or `sark.`, or has a trigger whose `payload` says "
    "what comes from outside (a warning).",
}

_EXPRESSION = {
    "braces-in-expression": "`if`, `filter`, `from` and `retry.if` hold a bare expression, which "
    "takes no braces.",
    "braces-in-key": "The key of a mapping is a literal, and holds no template.",
    "dollar-braces": "A template is `{{ }}`. A `$` before it, as in GitHub Actions, stays in the "
    "text (a warning).",
    "expression-arguments": "A function or filter gets the arguments that it takes.",
    "expression-limit": "An expression stays within the limits of its length and depth.",
    "expression-syntax": "An expression is of Jinja's syntax, and of the part of it that only "
    "looks data up, compares and computes.",
    "expression-type": "An operator or function gets values of a type that it takes.",
    "never-equal": "What is compared can be equal at all.",
    "template-open": "`{{` is closed by `}}`.",
    "template-statement": "A template holds expressions, and no statements or comments.",
    "template-trim": "`{{-` and `-}}` have no meaning in a spec.",
    "unknown-function": "An expression uses only the functions and filters that are listed.",
}

CODES: Mapping[str, str] = MappingProxyType(
    {**document.CODES, **reader.CODES, **_EXPRESSION, **_COMPILER}
)
"""Of the loader, the reader, the expressions and the compiler, in this order."""


def errors_page() -> str:
    """Return `docs/reference/errors.md`."""
    lines = ["# Findings", ""]
    lines += ["The codes that `sark check` and `sark test` print, each with what it means.", ""]
    for code in sorted(CODES):
        lines += [f"## {code}", "", CODES[code], ""]
    return "\n".join(lines)
