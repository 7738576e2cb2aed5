"""Faults of trust: a stranger's text goes where it may not, here or through a call."""

from collections.abc import Iterator

from tests.mutants.fault import Change, Spec, fault, plain
from tests.mutants.tree import Data, Path, put


def strangers(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Yield every workflow into which a stranger may write, and how what he writes is read."""
    for start, document in spec.documents():
        for path, trigger in spec.triggers():
            if path[:1] != start or trigger.get("type") not in ("webhook", "github.push", "event"):
                continue
            given = trigger.get("with")
            for name, text in given.items() if isinstance(given, dict) else ():
                kind = spec.at((*start, "inputs", name))
                free = isinstance(kind, dict) and kind.get("type") == "string" and len(kind) == 1
                if free and "{{ event" in str(text) + "{{ item":
                    yield start, f"inputs.{name}"
        if document.get("name") == "release-note":
            yield start, "trigger.event.ref"


def untrusted_hosts(spec: Spec) -> Iterator[Change]:
    for start, read in _one_stranger(spec):
        url = "https://{{ " + read + " }}/a"
        yield spec.with_step(start, {"uses": plain("http.request@1"), "with": {"url": url}})
        url = "https://{{ " + read + " }}.example.com/a"
        yield spec.with_step(start, {"uses": plain("http.download@1"), "with": {"url": url}})
        url = "{{ " + read + " }}"
        yield spec.with_step(start, {"uses": plain("http.request@1"), "with": {"url": url}})


def untrusted_headers(spec: Spec) -> Iterator[Change]:
    for start, read in _one_stranger(spec):
        given: Data = {"url": plain("https://a.example/"), "headers": {"X-A": "{{ " + read + " }}"}}
        yield spec.with_step(start, {"uses": plain("http.request@1"), "with": given})


def untrusted_paths(spec: Spec) -> Iterator[Change]:
    for start, read in _one_stranger(spec):
        given: Data = {"argv": [plain("ls")], "cwd": "{{ " + read + " }}"}
        yield spec.with_step(start, {"uses": plain("shell.run@1"), "with": given})


def untrusted_code(spec: Spec) -> Iterator[Change]:
    for start, read in _one_stranger(spec):
        text = "{{ " + read + " }}"
        yield spec.with_step(
            start, {"uses": plain("shell.run@1"), "with": {"script": f"echo {text}"}}
        )
        yield spec.with_step(start, {"uses": plain("shell.run@1"), "with": {"argv": [text]}})


def untrusted_calls(spec: Spec) -> Iterator[Change]:
    for start, read in _one_stranger(spec):
        for name in ("look-into", "look-below"):
            given: Data = {"folder": "{{ " + read + " }}/a"}
            call: dict[str, Data] = {"call": plain(name), "with": given}
            yield spec.with_step(start, call)
            yield spec.with_step(start, {**call, "detach": plain("true")})


def untrusted_results(spec: Spec) -> Iterator[Change]:
    for start, document in spec.documents():
        read = dict(strangers(spec)).get(start)
        if isinstance(document.get("steps"), dict) and document["name"] != "ask-for-words":
            if read is not None:
                given: Data = {"words": "{{ " + read + " }}"}
                yield _call_and_look(spec, start, {"call": plain("say-again"), "with": given})
            yield _call_and_look(spec, start, {"call": plain("ask-for-words")})


def _call_and_look(spec: Spec, start: Path, call: Data) -> Change:
    """Return a workflow that looks into a folder which another workflow names."""
    given: Data = {"argv": [plain("ls")], "cwd": "{{ steps.called.outputs.words }}"}
    root = put(spec.root, (*start, "steps", "called"), call)
    look: Data = {"uses": plain("shell.run@1"), "with": given}
    where = (*start, "steps", "added")
    return spec.written(put(root, where, look), where)


def _one_stranger(spec: Spec) -> Iterator[tuple[Path, str]]:
    yield from dict(strangers(spec)).items()


FAULTS = (
    fault("untrusted-host", "A stranger chooses a host.", "untrusted-value", untrusted_hosts,
          near=4),
    fault("untrusted-header", "A stranger writes a header.", "untrusted-value",
          untrusted_headers, near=5),
    fault("untrusted-path", "A stranger chooses a folder.", "untrusted-value", untrusted_paths,
          near=5),
    fault("untrusted-call", "A stranger chooses a folder of a workflow that is called.",
          "untrusted-value", untrusted_calls, near=5),
    fault("untrusted-result", "A workflow that is called gives what a stranger wrote.",
          "untrusted-value", untrusted_results, near=5),
    fault("untrusted-code", "A stranger writes code.", "template-in-code untrusted-value",
          untrusted_code, near=5),
)  # fmt: skip
