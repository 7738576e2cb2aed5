"""The classes of values: they are dataclasses in all that a caller sees."""

from dataclasses import asdict, dataclass, field, fields, replace

import pytest

from engine.core.frozen import frozen


@frozen(kw_only=True)
class Placed:
    line: int
    column: int = 1


@frozen
class Word(Placed):
    text: str
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="none", repr=False, compare=False)


@frozen
class Nothing:
    pass


@frozen(order=True)
class Version:
    major: int
    minor: int = 0


def test_a_value_is_told_by_what_is_in_it():
    """
    Two values are equal, and one to a set, if their fields are; those left out do not count.
    """
    word = Word("a", line=3, secret="x")

    assert Word("a", line=3) == word
    assert Word("b", line=3) != word
    assert hash(Version(1, 0)) == hash(Version(1))
    assert {Nothing()} == {Nothing(), Nothing()}
    assert Placed(line=3) != word
    assert Version(1, 2) < Version(2, 1)


def test_values_in_order_are_compared_by_their_fields():
    """
    Values of a class that has an order are sorted by their fields; those of others are not told.
    """
    versions = [Version(2), Version(1, 5), Version(1)]

    assert [Version(1), Version(1, 5), Version(2)] == sorted(versions)
    assert Version(1) <= Version(1) >= Version(1)
    assert Version(2) > Version(1, 5)
    with pytest.raises(TypeError, match="not supported between instances of 'Version' and 'int'"):
        assert Version(1) < 2  # type: ignore[operator]


def test_a_value_is_shown_without_what_is_hidden():
    """
    A value shows its class and its fields, and never a field that is kept out of sight.
    """
    shown = repr(Word("a", line=3, secret="hunter2"))

    assert "Word(line=3, column=1, text='a', tags=[])" == shown
    assert "Nothing()" == repr(Nothing())


def test_values_share_no_default():
    """
    What a default makes belongs to one value alone.
    """
    first, second = Word("a", line=1), Word("a", line=1)
    first.tags.append("x")

    assert [] == second.tags


def test_a_value_is_a_dataclass_to_the_library():
    """
    Fields are listed, values taken apart and changed ones made, as for every dataclass.
    """
    word = replace(Word("a", line=3), text="b")

    assert ["line", "column", "text", "tags", "secret"] == [each.name for each in fields(Word)]
    assert {"line": 1, "column": 1} == asdict(Placed(line=1))
    assert "b" == word.text
    assert not hasattr(word, "__dict__")


def test_a_missing_field_is_named():
    """
    Whoever leaves out a field is told its name and that of the class.
    """
    with pytest.raises(TypeError, match=r"Placed\.__init__\(\) missing 1 .*'line'"):
        Placed()  # type: ignore[call-arg]


def test_a_method_of_its_own_is_kept():
    """
    A class that shows its values in its own way is left to it.
    """

    @frozen
    class Key:
        text: str

        def __repr__(self) -> str:
            return "Key(***)"

    assert "Key(***)" == repr(Key("hunter2"))


def test_a_dataclass_and_a_value_agree():
    """
    The same fields give the same constructor, whether a class is held still or not.
    """

    @dataclass
    class Plain:
        first: int
        second: int = 2

    @frozen
    class Held:
        first: int
        second: int = 2

    assert asdict(Plain(1)) == asdict(Held(1))
    assert asdict(Plain(second=3, first=4)) == asdict(Held(second=3, first=4))
