"""What is YAML and yet refused, each in its own words."""

import re
from typing import Final

from engine.core.diagnostic import Edit, Related, Span
from engine.core.document.source import MAX_DEPTH, MAX_DOCUMENTS, MAX_NODES, MAX_SCALAR, Source
from engine.core.quoting import shown

# A template on one line, and behind it the end of its value.
_TEMPLATE: Final = re.compile(r"(\{\{[^{}\\\r\n]*\}\})(?=[ \t]*(?:[\r\n,}\]]|[ \t]#|$))")
_QUOTE = "take it out; quote a text that begins so"


def alias(source: Source, span: Span, name: str) -> None:
    message = f"`*{name}` is a YAML alias, which specs do not have"
    source.add(
        "alias", message, span, f"quote it if it is a text: '*{name}'; else repeat the value"
    )


def anchor(source: Source, span: Span, name: str) -> None:
    source.add("anchor", f"`&{name}` is a YAML anchor, which specs do not have", span, _QUOTE)


def tag(source: Source, span: Span, name: str) -> None:
    short = shown(name.replace("tag:yaml.org,2002:", "!!"))
    source.add("tag", f"`{short}` is a YAML tag, which specs do not have", span, _QUOTE)


def merge_key(source: Source, span: Span) -> None:
    message = "`<<` merges keys from elsewhere, which specs do not have"
    source.add("merge-key", message, span, "write the keys here, or use `defaults`")


def duplicate_key(source: Source, span: Span, name: str, first: Span) -> None:
    hint = "YAML would silently keep only the last one; merge the two"
    related = Related(first, "first defined here")
    source.add("duplicate-key", f'key "{shown(name)}" appears twice', span, hint, related)


def complex_key(source: Source, span: Span, index: int) -> None:
    """Refuse a key that begins at `index`; `{{` there or just before is a template."""
    if source.text.startswith("{{", index - 1):
        span = Span(span.file, span.line, span.column - 1, span.column + 1)
        message = "a template that begins a value must stand in quotes"
        fix = _in_quotes(source, span)
        source.add("unquoted-template", message, span, 'write "{{ ... }}"', fix=fix)
    else:
        message = "a list or a mapping cannot be a key"
        source.add("complex-key", message, span, "quote it if it is a text")


def _in_quotes(source: Source, span: Span) -> Edit | None:
    """Return the edit that quotes a template, where nothing but it is the value."""
    begin = source.line_starts[span.line - 1] + span.column - 1
    found = _TEMPLATE.match(source.text, begin)
    if found is None or ('"' in found[1] and "'" in found[1]):
        return None
    quote = "'" if '"' in found[1] else '"'
    end = span.column + len(found[1])
    place = Span(span.file, span.line, span.column, end)
    return Edit(place, f"{quote}{found[1]}{quote}", is_sure=True)


def nul(source: Source, span: Span) -> None:
    message = "an escape in this text makes a NUL character"
    source.add("nul-character", message, span, "take the escape out")


def long_scalar(source: Source, span: Span, length: int) -> None:
    message = f"this text has {length:,} characters; one may have {MAX_SCALAR:,}"
    hint = "put it into a file of its own, and let the step read that"
    source.add("scalar-too-long", message, span, hint)


def depth(source: Source, span: Span) -> None:
    message = f"lists and mappings are nested more than {MAX_DEPTH} deep"
    source.add("too-deep", message, span, "make the structure flatter")


def documents(source: Source, span: Span) -> None:
    message = f"the file holds more than {MAX_DOCUMENTS} documents"
    source.add("too-many-documents", message, span, "split them over files")


def nodes(source: Source, span: Span) -> None:
    message = f"the file holds more than {MAX_NODES:,} keys and values"
    source.add("too-many-nodes", message, span, "split it over files")


def tab(source: Source, span: Span) -> None:
    message = "a tab stands between words, where its width is anybody's guess"
    begin = source.line_starts[span.line - 1]
    is_indentation = not source.text[begin : begin + span.column - 1].strip()
    fix = None if is_indentation else Edit(span, " ", is_sure=True)
    source.add("tab", message, span, "write spaces", fix=fix)
