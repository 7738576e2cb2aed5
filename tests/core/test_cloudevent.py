"""CloudEvents as the standard has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.cloudevent import CloudEvent, NoCloudEvent, parse
from engine.core.values import Json

LEAST: dict[str, Json] = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "paid"}
TEXT = "expected a text that is not empty"
EXTENSION = "expected a text, true, false or a whole number of 32 bits"


@pytest.mark.parametrize(
    ("more", "subject", "data"),
    [
        ({}, None, None),
        ({"subject": "order/7", "data": {"n": 7}}, "order/7", {"n": 7}),
        ({"data": None, "subject": None, "time": None}, None, None),
        ({"data": "text", "datacontenttype": "text/plain; charset=utf-8"}, None, "text"),
        ({"data": [1], "dataschema": "https://shop.example/paid.json"}, None, [1]),
        ({"time": "2026-01-02T03:04:05.123456Z"}, None, None),
        ({"time": "2026-01-02t03:04:05-05:00"}, None, None),
        ({"source": "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"}, None, None),
        ({"source": "https://github.com/acme#readme"}, None, None),
        ({"traceparent": "00-ab", "sampledrate": 7, "partial": False}, None, None),
    ],
)
def test_an_event(more: dict[str, Json], subject: str | None, data: Json):
    """
    What the standard allows is taken; a member that is null is as good as absent.
    """
    told = {**LEAST, **more}

    assert CloudEvent("1", str(told["source"]), "paid", subject, data) == parse(told)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"specversion": "0.3"}, ("/specversion", "expected \"1.0\", found '0.3'")),
        ({"specversion": 1.0}, ("/specversion", "expected \"1.0\", found '1.0'")),
        ({"specversion": None}, ("/specversion", "expected, and not there")),
        ({"id": ""}, ("/id", TEXT)),
        ({"id": 7}, ("/id", TEXT)),
        ({"id": "a\0b"}, ("/id", "expected no control characters")),
        ({"type": "x" * 501}, ("/type", "expected at most 500 characters, found 501")),
        ({"subject": ""}, ("/subject", TEXT)),
        ({"source": "a b"}, ("/source", "expected a URI reference, found 'a b'")),
        ({"source": ""}, ("/source", TEXT)),
        (
            {"dataschema": "paid.json"},
            ("/dataschema", "expected an absolute URI, found 'paid.json'"),
        ),
        ({"dataschema": ""}, ("/dataschema", TEXT)),
        ({"datacontenttype": "json"}, ("/datacontenttype", "expected a media type, found 'json'")),
        ({"datacontenttype": 1}, ("/datacontenttype", TEXT)),
        (
            {"data_base64": "YQ=="},
            ("/data_base64", "binary data is not taken; send JSON in `data`"),
        ),
        ({"comexampleextension": {"a": 1}}, ("/comexampleextension", EXTENSION)),
        ({"rate": 1.5}, ("/rate", EXTENSION)),
        ({"rate": 1 << 31}, ("/rate", EXTENSION)),
        ({"Extension": "a"}, ("/Extension", "expected an attribute's name: a-z and 0-9 alone")),
        ({"my_key": "a"}, ("/my_key", "expected an attribute's name: a-z and 0-9 alone")),
    ],
)
def test_no_event(more: dict[str, Json], problem: tuple[str, str]):
    """
    What the standard does not allow is refused, by member and by what was expected.
    """
    with pytest.raises(NoCloudEvent) as caught:
        parse({**LEAST, **more})

    assert (problem,) == caught.value.problems


@pytest.mark.parametrize(
    "time", ["yesterday", 7, "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z"]
)
def test_no_instant(time: Json):
    """
    A time without a zone, or that no clock shows, is refused.
    """
    words = "expected an instant of RFC 3339, as in 2026-01-02T03:04:05Z"
    with pytest.raises(NoCloudEvent, match=words):
        parse({**LEAST, "time": time})


@pytest.mark.parametrize("told", [[LEAST], "event", None, 7])
def test_one_event_is_an_object(told: Json):
    """
    A batch is no event.
    """
    with pytest.raises(NoCloudEvent, match="one event, not a batch"):
        parse(told)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*LEAST, "subject", "time", "data", "dataschema", "data_base64", "ext"])


@given(st.dictionaries(NAMES | st.text(), ANY))
def test_whatever_comes_is_an_event_or_says_why_not(told: dict[str, Json]):
    """
    No JSON at all breaks the reader: it is an event, or each fault has its member.
    """
    try:
        event = parse({**LEAST, **told})
    except NoCloudEvent as fault:
        problems = fault.problems
    else:
        problems = ()
        assert "" not in (event.id, event.source, event.type)

    assert [] == [each for each in problems if not (each[0].startswith("/") and each[1])]
