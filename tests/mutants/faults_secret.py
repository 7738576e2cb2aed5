"""Faults of care: a secret that is written where its name should be."""

from collections.abc import Iterator

from tests.core.exposed import DRAWN, KEY, SECRETS
from tests.mutants.fault import Change, Spec, fault, plain


def written_tokens(spec: Spec) -> Iterator[Change]:
    """A token in the place of a template, or within a text."""
    tokens = sorted(SECRETS.values())
    for number, (path, text) in enumerate(spec.templates()):
        token = tokens[number % len(tokens)]
        yield spec.put(path, token)
        yield spec.put(path, f"{text} {token}")


def written_values(spec: Spec) -> Iterator[Change]:
    """A value drawn by chance behind a name of a secret."""
    for start, _ in spec.documents():
        for name in ("password", "apiKey", "X-Auth-Token", "client_secret"):
            yield spec.put((*start, "labels"), {name: DRAWN})
            yield spec.put((*start, "description"), f"call it with {name}={DRAWN}")


def written_keys(spec: Spec) -> Iterator[Change]:
    for start, _ in spec.documents():
        yield spec.put((*start, "description"), KEY + "\n")


def written_logins(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        if str(step.get("uses", "")).startswith("http.request"):
            yield spec.put((*path, "with", "url"), f"https://ann:{DRAWN[:6]}@api.acme.dev/x")
    for start, _ in spec.documents():
        yield spec.put((*start, "title"), plain("see postgres://shop:hunter2@db/shop"))


FAULTS = (
    fault("written-token", "A token of a known form stands in a spec.", "secret-in-spec",
          written_tokens),
    fault("written-value", "A value drawn by chance stands behind `password` or its like.",
          "secret-in-spec", written_values),
    fault("written-key", "A private key stands in a spec.", "secret-in-spec", written_keys),
    fault("written-login", "A URL has a password in it.", "secret-in-spec", written_logins),
)  # fmt: skip
