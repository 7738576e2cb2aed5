"""The reference of the API and of the metrics, written from the table of addresses."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine.telemetry import REGISTRY
from webhooks.app import description
from webhooks.problems import PROBLEMS

_API = """\
# The API

JSON over HTTP below `/api/v1`, and the hooks.
[`openapi.json`](openapi.json) says the same for programs, as OpenAPI 3.1.
A running server serves it at `/api/openapi.json`.

```sh
curl -H "Authorization: Bearer $(cat .sark/token)" -H "Content-Type: application/json" \\
  -d '{"inputs": {}}' http://127.0.0.1:8080/api/v1/workflows/local/hello/runs
```

In the example above a run of the workflow `hello` in the namespace `local` is started.
The answer comes once the run is durable: 202, with `Location` and the run's id.

Everything below `/api/` and `/metrics` needs a token: the first one, or one of `[[tokens]]`.
Without it the answer is 401, whatever is asked.
A list answers `{"items": [...], "next": CURSOR}`; `next` is null on the last page.
A parameter or a member of a body that is not listed is refused.
Instants are RFC 3339 in UTC, ids of runs are UUIDs of version 7.
`X-Request-Id` comes back as it was sent, or new.

A server has 2,048 connections, and keeps some 64 KiB at most of what each has not read yet.
Answers of over 32 KiB that wait for readers have 64 MiB together; more is 503, but for one alone.
Values of a run are read from the disk as they leave, and count for nothing there.
A client that takes less than 8 KiB of what waits for it in 20 seconds is cut off.
"""
_PROBLEMS = """\
## Problems

An error is `application/problem+json` (RFC 9457), of the shape [Problem](#problem).
With `sark.invalid` there is `errors`, a list of `{"pointer", "message"}`.
With 503 there is `Retry-After` in seconds, with 405 `Allow`.

| code | status | meaning |
| --- | --- | --- |
"""
_METRICS = """\
# Metrics

Each process counts for itself.
`GET /metrics` of a server shows what that server has counted, in Prometheus' text format.
It needs the token, and the policy is asked for `metrics.read`.
Workers and controllers tell theirs, with `/livez` and `/readyz`, on a port of their own.
That port asks for no token: see [`[telemetry]`](settings.md#telemetry).

```yaml
scrape_configs:
  - job_name: sark-server
    authorization: {credentials_file: /var/lib/sark/token}
    static_configs: [{targets: ["127.0.0.1:8080"]}]
  - job_name: sark
    file_sd_configs: [{files: ["/var/lib/sark/targets/*.json"]}]
```

In the example above Prometheus reads the token from the state folder.
It finds there, too, where the workers and controllers of the machine answer.
Labels have few values: no id, name or address of a run is one.

| name | kind | labels | what |
| --- | --- | --- | --- |
"""


def pages() -> dict[str, str]:
    """Return the pages by their files' names."""
    document = description()
    return {
        "openapi.json": json.dumps(document, indent=2) + "\n",
        "api.md": "\n".join(
            [_API, *_addresses(document), *_shapes(document), _PROBLEMS + _problems()]
        ),
        "metrics.md": _METRICS + "".join(sorted(_metrics())),
    }


def _addresses(document: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield f"## {method.upper()} {path}\n"
            yield f"{told['summary']}.\n" + _asks(told)
            if told["parameters"]:
                rows = "".join(_parameter(each) for each in told["parameters"])
                yield f"| parameter | in | type | what |\n| --- | --- | --- | --- |\n{rows}"
            rows = "".join(_answer(status, each) for status, each in told["responses"].items())
            yield f"| answer | shape | when |\n| --- | --- | --- |\n{rows}"


def _asks(told: Mapping[str, Any]) -> str:
    asked = " and ".join(f"`{each}`" for each in told["x-sark-actions"])
    words = [f"The policy is asked for {asked}.\n"] if asked else []
    if "requestBody" in told:
        schema = told["requestBody"]["content"]["application/json"]["schema"]
        needed = "" if told["requestBody"]["required"] else ", which may be left out"
        words.append(f"The body is {_type(schema)}{needed}.\n")
    return "".join(words)


def _parameter(told: Mapping[str, Any]) -> str:
    return (
        f"| `{told['name']}` | {told['in']} | {_type(told['schema'])} | {told['description']} |\n"
    )


def _answer(status: str, told: Mapping[str, Any]) -> str:
    (content,) = told["content"].values()
    codes = ", ".join(f"`{each}`" for each in told.get("x-sark-codes", ()))
    return f"| {status} | {_type(content['schema'])} | {codes or told['description']} |\n"


def _shapes(document: Mapping[str, Any]) -> Iterator[str]:
    yield "## Shapes\n"
    for name, schema in document["components"]["schemas"].items():
        rows = "".join(
            f"| `{member}` | {_type(each)} | {'yes' if member in schema['required'] else 'no'} |\n"
            for member, each in schema.get("properties", {}).items()
        )
        if rows:
            yield f"### {name}\n\n| member | type | always there |\n| --- | --- | --- |\n{rows}"


def _type(schema: Mapping[str, Any]) -> str:
    """Return a schema in a few words; what may be null ends with a question mark."""
    match schema:
        case {"$ref": str() as place}:
            name = place.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"anyOf": [one, {"type": "null"}]}:
            return f"{_type(one)}?"
        case {"const": value}:
            return f"`{value}`"
        case {"enum": values}:
            return ", ".join(f"`{each}`" for each in values)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"properties": properties}:
            return "object of " + ", ".join(f"`{each}`" for each in properties)
        case {"format": str() as words} | {"type": str() as words}:
            return words
        case _:
            return "any JSON"


def _problems() -> str:
    return "".join(
        f"| `{code}` | {kind.status} | {kind.meaning} |\n" for code, kind in PROBLEMS.items()
    )


def _metrics() -> Iterator[str]:
    """Yield a row for each metric; the registry tells the labels only of what was counted."""
    for collector in REGISTRY._collector_to_names:
        (family,) = collector.collect()
        labels = ", ".join(f"`{each}`" for each in getattr(collector, "_labelnames", ()))
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield f"| `{name}` | {family.type} | {labels} | {family.documentation} |\n"
