"""The codes of what the reader finds, each with its explanation."""

from typing import Final

CODES: Final = {
    "ambiguous-scalar": "A plain text in a free-form area that YAML 1.1 reads as something else: "
    "`NO` and `on` as booleans, `014` as an octal number, `12:30` as a number of base 60, "
    "`2026-01-02` as a date. SARK reads YAML 1.2, where it is what the message says; other tools "
    "and other people may not. Put it in quotes if it is a text.",
    "bad-name": "The name of a step, trigger, input or output does not have the form of names.",
    "bad-value": "A value is of the right kind and yet not one that its key takes.",
    "misplaced-key": "A key that exists has no place here: in a mapping of steps, the key of a "
    "step is its id, and `retry` means nothing but beside `uses`.",
    "missing-key": "A key that must be there is not.",
    "missing-value": "A key has nothing behind it. Write a value, or leave the key out.",
    "no-verb": "A step has exactly one verb, which says what it does: `uses` calls an operation, "
    "`set` computes values. This one has none. The body of a `for_each`, `repeat`, `compensate` or "
    "`fallback`, a case, a branch and a handler have a verb, or `steps`.",
    "not-a-spec": "The document does not say what it is. Every YAML file below a source's root is "
    "read as specs; files with a name that begins with a dot are passed over.",
    "template-not-allowed": "This key is read when the commit is compiled, before any run: a "
    "template could never be evaluated.",
    "two-keys": "Two keys exclude each other, as `for` and `until` of a `wait`. Keep one.",
    "two-verbs": "A step has exactly one verb. This one has two: make it two steps. A body has "
    "`steps` or one verb.",
    "unknown-key": "A key is not known here. SARK refuses it, since a misspelt `if` or `retry` "
    "that is silently passed over changes what a workflow does. The rest of the file is checked as "
    "if the key was the one that it must mean, or was not there.",
    "unknown-kind": "The document's `kind` is none that this version knows.",
    "unknown-type": "The trigger's `type` is none that this version knows.",
    "wrong-type": "A value is of another kind than its key takes: a list where a mapping belongs, "
    "a text where a number belongs.",
}
