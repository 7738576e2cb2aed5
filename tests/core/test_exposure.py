"""Secrets that are written into a text: which are found, where, and that no text keeps one."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import exposure
from engine.core.document import Mapping, Scalar, load
from tests.core.exposed import DRAWN, KEY, SECRETS

SECONDS = 20  # far beyond what it takes: the tests run beside others, and traced


def what(text: str) -> list[tuple[str, str]]:
    """Return what is found, and the stretch of the text that it is."""
    return [(each.what, text[each.begin : each.end]) for each in exposure.found(text)]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("around", ["{}", "a: {}", "say: 'x {} y'", '{{"k": "{}"}}', "({})"])
def test_what_has_a_known_form_is_found_wherever_it_stands(name: str, around: str) -> None:
    """
    Tokens of the large services, by themselves or within any other text.
    """
    assert [(name, SECRETS[name])] == what(around.format(SECRETS[name]))


def test_a_private_key_is_found_from_its_first_line_to_its_last() -> None:
    """
    In a block of lines, in one line with escapes, and where its last line is missing.
    """
    block = "key: |\n" + "".join(f"  {line}\n" for line in KEY.split("\n")) + "next: 1\n"
    line = 'key: "' + KEY.replace("\n", "\\n") + '"\nnext: 1\n'
    cut = "key: |\n  " + "\n  ".join(KEY.split("\n")[:3]) + "\nnext: 1\n"
    for text in (block, line, cut):
        found = exposure.found(text)

        assert ["a private key"] == [each.what for each in found]
        assert text.index("-----BEGIN") == found[0].begin
        assert KEY.split("\n")[2] not in exposure.covered(text)
        assert exposure.covered(text).endswith("next: 1\n")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"password: {DRAWN}", DRAWN),
        (f'DB_PASSWORD="{DRAWN}"', DRAWN),
        (f"{{api-key: {DRAWN}, x: 1}}", DRAWN),
        (f'{{"clientSecret": "{DRAWN}"}}', DRAWN),
        (f"Authorization: 'Bearer {DRAWN}'", DRAWN),
        (f"curl -H 'X-Auth-Token: {DRAWN}' x", DRAWN),
        ("auth_token: 0f8fad5b-d9cb-469f-a165-70867728", "0f8fad5b-d9cb-469f-a165-70867728"),
        ("postgres://shop:hunter2@db/shop", "hunter2"),
        ("url: https://x:q@[::1]/", "q"),
    ],
)  # fmt: skip
def test_what_a_name_tells_to_be_a_secret_is_found(text: str, secret: str) -> None:
    """
    A value that looks drawn by chance behind `password`, `token` and their like, and a password
    in a URL.
    """
    assert [secret] == [told for _, told in what(text)]


@pytest.mark.parametrize(
    "text",
    [
        "password: '{{ secrets.db_password }}'",
        "token: deployer_token",
        "secret: stripe-key-2026",
        "secret: vault:kv/data/orders2#password",
        "password: $DB_PASSWORD_2",
        "token: ${{ secrets.TOKEN }}",
        "password: correct-horse-battery-staple",
        "token: steps.login.outputs.token2",
        "token: 1234567890123",
        "token: aaaaaaaaaaaaaaaa1",
        "token: short1",
        "password: {min: 12, max: 64}",
        "token: uuid5(run.id, 'a1b2c3')",
        "token_url: https://login.example/oauth2/v2/token9",
        "password: change-me-EXAMPLE-x9z8",
        "secrets: [a1, b2]",
        "url: https://user:{{ secrets.key }}@x.example",
        "url: https://user:$PASSWORD@x.example",
        "url: postgres://sark:sark@localhost/sark",
        "url: amqp://user:password@queue",
        "url: https://user:an-example@x.y",
        "url: redis://:xxx@cache",
        "time: 12:30@noon and https://x.example:8080/a@b",
        "ghp_" + "x" * 36,
        "AKIA" + "IOSFODNN7EXAMPLE",
        "-----BEGIN " + "PRIVATE KEY-----\n...\n-----END " + "PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n",
        "İ password",
    ],
)
def test_what_only_names_or_stands_for_a_secret_is_none(text: str) -> None:
    """
    Templates, variables, names of secrets, words, placeholders and examples are no finding.
    """
    assert [] == what(text)
    assert text is exposure.covered(text)


def test_one_secret_is_one_finding() -> None:
    """
    A token behind the name `token`, or that is the password of a URL, is told once.
    """
    token = SECRETS["a token of GitHub"]

    assert [("a token of GitHub", token)] == what(f"token: {token}")
    assert [("a password in a URL", token)] == what(f"https://x:{token}@github.com/a")


def test_no_value_of_a_document_holds_it() -> None:
    """
    What is read of a file has an `x` for each character, at the place where the secret stood; the
    finding says where, and not what.
    """
    secret = SECRETS["a token of GitHub"]
    documents, found = load(f"# é\nb: 'see {secret}'\n".encode(), "a.yaml")

    root = documents[0].root
    assert isinstance(root, Mapping)
    told = root.members["b"][1]
    assert isinstance(told, Scalar)
    assert ("see " + "x" * len(secret), 2, 4) == (told.text, told.line, told.column)
    assert [("secret-in-spec", 2, 9, 9 + len(secret))] == [
        (each.code, each.span.line, each.span.column, each.span.end) for each in found
    ]
    assert secret not in str(found)


def test_the_place_of_a_key_is_its_first_line() -> None:
    """
    The mark of a finding does not go on over the end of a line.
    """
    text = "a: |\n" + "".join(f"  {line}\n" for line in KEY.split("\n"))
    _, found = load(text.encode(), "a.yaml")

    assert [(2, 3, 3 + len(KEY.split("\n")[0]))] == [
        (each.span.line, each.span.column, each.span.end) for each in found
    ]


@given(st.text(max_size=60), st.sampled_from(sorted(SECRETS.values())), st.text(max_size=60))
def test_a_text_that_is_covered_is_as_long_and_holds_nothing(
    before: str, secret: str, after: str
) -> None:
    """
    Whatever stands around a secret, lines and columns stay where they are.
    """
    text = f"{before} {secret} {after}"
    told = exposure.covered(text)

    assert len(text) == len(told)
    assert secret not in told
    assert [each.isspace() for each in text] == [each.isspace() for each in told]


@pytest.mark.parametrize(
    "text",
    [
        "-eyJ" * 60_000,
        "eyJaaaaaaaaaaaa." * 16_000,
        "token=" * 43_000,
        "token=aaaaaaaaaaaa " * 13_000,
        ("-----BEGIN " + "PRIVATE KEY-----") * 9_000,
        "-----BEGIN " + "PRIVATE KEY-----" + "a" * 230_000,
        "://a:b" * 40_000,
    ],
    ids=lambda each: each[:20],
)
def test_a_file_that_is_made_to_be_looked_at_for_ever_is_soon_done(text: str) -> None:
    """
    However near to a secret a file of the greatest size comes, looking takes no time to speak of.
    """
    began = time.monotonic()
    exposure.found(text)

    assert time.monotonic() - began < SECONDS
