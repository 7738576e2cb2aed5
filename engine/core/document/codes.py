"""The codes of what the loader finds, each with its explanation."""

from typing import Final

CODES: Final = {
    "alias": "A YAML alias `*x` repeats what an anchor names. Specs have none: what a reviewer "
    "reads on a line is what runs, and a few aliases of aliases can fill all memory.",
    "anchor": "A YAML anchor `&x` names a value so that an alias can repeat it. Specs have none; "
    "write the value where it is needed, or use `defaults`.",
    "complex-key": "A key of a mapping must be a plain or quoted text, not a list or a mapping.",
    "control-character": "The file holds a character that terminals and editors do not show, or "
    "that some tools take for the end of a line. Write it as an escape in double quotes.",
    "directive": "Lines that begin with `%` change how YAML is read. Specs are YAML 1.2, always.",
    "duplicate-key": "A mapping has the same key twice. YAML tools keep the last one in silence: "
    "a reviewer reads one value while the other runs.",
    "file-too-large": "A spec file is larger than 256 KiB. Split the workflows over files.",
    "invisible-character": "The file holds a character that has no width or changes the direction "
    "of text, so that a reviewer sees something else than what runs. If you need it in a text, "
    "write it as an escape in double quotes.",
    "merge-key": "The merge key `<<` of YAML 1.1 copies keys from elsewhere. Specs have none; "
    "write the keys where they are needed, or use `defaults`.",
    "not-utf-8": "A spec is text in UTF-8. Other encodings, UTF-16 among them, are refused.",
    "nul-character": "The file, or an escape in it, holds the character NUL (U+0000), which "
    "PostgreSQL cannot keep and many programs take for the end of a text.",
    "scalar-too-long": "A single text is longer than 65,536 characters. Put it into a file of its "
    "own, and let the step read that.",
    "secret-in-spec": "A secret is written into a spec, or into a file that a spec names: a token "
    "or a key of a known form, a password in a URL, or a value that looks drawn by chance behind a "
    "name such as `password` or `token`. It is never shown. Where a text only stands for a secret, "
    "write `example` into it.",
    "tab": "A tab stands outside of a text or comment. How wide it is differs between editors, so "
    "YAML forbids it in indentation; specs have none between words either.",
    "tag": "A YAML tag such as `!!str` or `!ref` picks a type. Specs have none: the schema of a "
    "key gives its value a type; quotes make a text.",
    "too-deep": "Lists and mappings are nested more than 40 deep.",
    "too-many-documents": "A file holds more than 100 documents. Split them over files.",
    "too-many-findings": "A file has more than 100 errors, or more than 100 warnings; the others "
    "are not shown. Often one mistake above causes many below.",
    "too-many-nodes": "A file holds more than 50,000 keys and values. Split it.",
    "unquoted-template": "A value that begins with `{{` is a mapping in YAML. Put the template in "
    "quotes.",
    "yaml-syntax": "The file is not YAML.",
}
