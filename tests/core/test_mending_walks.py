"""`sark check --fix` on whole specs: what a mechanical slip has broken is as it was."""

import re
from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.cli.fixing import apart, edited
from engine.core.diagnostic import Edit
from tests.mutants.corpus import Corpus

SLIPS = (
    (re.compile(r"""(?<=: )"(\{\{[^{}'"\\\n]*\}\})"(?=[ ,}\]\n])"""), r"\1"),
    (re.compile(r"""(?<=: )'(\{\{[^{}'\\\n]*"[^{}'\\\n]*\}\})'(?=[ ,}\]\n])"""), r"\1"),
    (re.compile(r"(?<=optional: )true\b"), "yes"),
    (re.compile(r"(?<=(?:limit|times|tasks|items): )([0-9]+)\b"), r"'\1'"),
    (re.compile(r"(?<=(?:max_parallel|max_attempts): )([0-9]+)\b"), r'"\1"'),
    (re.compile(r"^( +[a-z_]+:) (?=[a-z])", re.MULTILINE), "\\1\t"),
    (re.compile(r"(?<= if: )([^\n\"'#{}]+) and "), r"\1 && "),
    (re.compile(r"(?<= if: )([^\n\"'#{}]+) == "), r"\1 === "),
)


@cache
def corpus() -> Corpus:
    return Corpus()


@cache
def sites() -> dict[str, list[tuple[int, int, str]]]:
    """Return where slips can be, by spec: a stretch, and what stands there then."""
    return {
        spec.name: [
            (match.start(), match.end(), match.expand(wrong))
            for pattern, wrong in SLIPS
            for match in pattern.finditer(spec.text)
        ]
        for spec in corpus().specs
    }


def sure(name: str, text: str) -> list[Edit]:
    found = corpus().findings(name, text)
    return apart(each.fix for each in found if each.fix is not None and each.fix.is_sure)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_a_slip_has_broken_is_as_it_was(data: st.DataObject) -> None:
    """
    The finding is gone, every other character stands as before, and nothing more is fixed then.
    """
    known = [each for each in corpus().specs if sites()[each.name]]
    spec = data.draw(st.sampled_from(known))
    chosen = st.lists(st.sampled_from(sites()[spec.name]), min_size=1, max_size=3, unique=True)
    text, last = spec.text, len(spec.text)
    for begin, end, wrong in sorted(data.draw(chosen), reverse=True):
        if end <= last:
            text, last = text[:begin] + wrong + text[end:], begin
    assume(sure(spec.name, text))

    rounds = 0
    while (edits := sure(spec.name, text)) and rounds < 10:
        text, rounds = edited(text, edits), rounds + 1

    assert spec.text == text
    assert [] == corpus().findings(spec.name, text)
