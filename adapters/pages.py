"""The reference page of an operation: written by hand above a mark, made from the manifest below.

`python -m adapters.pages docs/reference/operations` writes the lower part anew.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from adapters.contract import Json, Manifest

MARK = "<!-- Made from the manifest by adapters/pages.py; do not edit below. -->"


def file_name(manifest: Manifest) -> str:
    """Return the page's file name: `http.request.md` for `http.request@1`."""
    return f"{manifest.name.partition('@')[0]}.md"


def split(page: str) -> tuple[str, str]:
    """Return the written and the made part of a page."""
    written, _, made = page.partition(MARK)
    return written, made.lstrip("\n")


def reference(manifest: Manifest) -> str:
    """Return the part of the page that follows from the manifest alone."""
    sections = [
        ("Behaviour", _behaviour(manifest)),
        ("Arguments", _fields(manifest.arguments, manifest)),
        ("Outputs", _fields(manifest.outputs, None)),
        ("Files", _files(manifest)),
        ("Errors", _errors(manifest)),
    ]
    return "\n".join(f"## {title}\n\n{text}\n" for title, text in sections if text)


def renew(folder: Path, manifests: Iterable[Manifest]) -> None:
    """Write the made part of every operation's page anew, under what is written there."""
    for manifest in manifests:
        path = folder / file_name(manifest)
        written = split(path.read_text())[0] if path.exists() else f"# {manifest.name}\n\n"
        path.write_text(f"{written}{MARK}\n\n{reference(manifest)}")


def _behaviour(manifest: Manifest) -> str:
    rows = [f"| effect | {manifest.effect} |", f"| idempotent | {_yes(manifest.idempotent)} |"]
    if manifest.effect_by is not None:
        rows[0] = f"| effect | by `{manifest.effect_by[0]}`: {_by(manifest.effect_by[1])} |"
    if manifest.idempotent_by is not None:
        words = {value: _yes(each) for value, each in manifest.idempotent_by[1].items()}
        rows[1] = f"| idempotent | by `{manifest.idempotent_by[0]}`: {_by(words)} |"
    if manifest.sandbox != "none":
        by = manifest.sandbox_by
        more = "" if by is None else f"; {by[1]} with `{by[0]}`"
        rows.append(f"| sandbox | {manifest.sandbox}{more} |")
    if manifest.resources:
        told = [f"`{name}` by `limits.{limit}`" for name, limit in manifest.resources.items()]
        less = "" if manifest.sandbox_by is None else f"; none with `{manifest.sandbox_by[0]}`"
        rows.append(f"| resources | {', '.join(told)}{less} |")
    if manifest.progress:
        rows.append(f"| progress, for `timeout.heartbeat` | {_escaped(manifest.progress)} |")
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _by(values: Mapping[str, str]) -> str:
    found: dict[str, list[str]] = {}
    for value, word in values.items():
        found.setdefault(word, []).append(value)
    return "; ".join(f"{word} for {', '.join(each)}" for word, each in found.items())


def _fields(schema: Mapping[str, Json], manifest: Manifest | None) -> str:
    rows = ["| name | type | meaning |", "| --- | --- | --- |"]
    return "\n".join([*rows, *_rows(schema, "", manifest)])


def _rows(schema: Mapping[str, Json], prefix: str, manifest: Manifest | None) -> Iterable[str]:
    properties, required = schema.get("properties"), schema.get("required", ())
    if not isinstance(properties, Mapping):
        return
    for name, each in properties.items():
        if not isinstance(each, Mapping):
            continue
        needed = isinstance(required, Sequence) and name in required and manifest is not None
        pointer = f"{prefix}/{name}"
        words = [_sentence(each), *_bounds(each), *_roles(pointer, manifest)]
        text = " ".join(filter(None, ["Required." if needed else "", *words]))
        yield f"| `{pointer[1:].replace('/', '.')}` | {_type(each)} | {_escaped(text)} |"
        yield from _rows(each, pointer, manifest)


def _sentence(schema: Mapping[str, Json]) -> str:
    return str(schema.get("description", ""))


def _bounds(schema: Mapping[str, Json]) -> Iterable[str]:
    choices = schema.get("enum")
    if isinstance(choices, Sequence):
        yield f"One of {', '.join(f'`{each}`' for each in choices)}."
    if "minimum" in schema or "maximum" in schema:
        least, most = schema.get("minimum"), schema.get("maximum")
        yield f"From {least}." if most is None else f"From {least} to {most}."
    if "default" in schema:
        yield f"Default `{json.dumps(schema['default'])}`."


def _roles(pointer: str, manifest: Manifest | None) -> Iterable[str]:
    found = {
        role.value: where.removeprefix(pointer)
        for where, roles in (manifest.roles if manifest else {}).items()
        if where == pointer or where.rpartition("/")[0] == pointer
        for role in roles
    }
    for role, rest in found.items():
        what = {"": "It", "/*": "Each value", "/0": "The first"}.get(rest)
        if what is None:
            continue
        if role == "code":
            yield f"{what} is code: no template."
        elif role == "secret":
            yield f"{what} may be a secret."
        elif role == "file":
            yield f"{what} is an artifact of an earlier step."


def _files(manifest: Manifest) -> str:
    """Return how the files are kept, or nothing where there are none."""
    names = ", ".join(f"`{each}`" for each in manifest.files)
    first = next(iter(manifest.files), "")
    return names and f"{names}: kept by a step's `artifacts`, as in `{{raw: {{from: {first}}}}}`."


def _type(schema: Mapping[str, Json]) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, Sequence):
        return ", ".join(str(each) for each in kind)
    return "any"


def _errors(manifest: Manifest) -> str:
    rows = ["| type | class | when |", "| --- | --- | --- |"]
    rows += [
        f"| `{each.type}` | {each.error_class.value} | {_escaped(each.description)} |"
        for each in manifest.errors
    ]
    return "\n".join(rows)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _main(folder: Path) -> None:
    from adapters import container, echo, file, github, http, shell, smtp, sql, table, text

    every = (container, echo, file, github, http, shell, smtp, sql, table, text)
    adapters = (each.create({}) for each in every)
    renew(folder, (each.manifest for adapter in adapters for each in adapter.operations()))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
