"""Signatures: the vectors of those who invented them, and everything near them that is refused."""

import base64
import hmac
from datetime import timedelta

import pytest

from webhooks.signature import (
    Signed,
    key,
    verify_bearer,
    verify_hmac,
    verify_standard,
    verify_token,
)

# GitHub, "Validating webhook deliveries", testing the webhook payload validation.
GITHUB_SECRET = b"It's a Secret to Everybody"
GITHUB_BODY = b"Hello, World!"
GITHUB_HEX = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

# standardwebhooks.com, the example of the specification's libraries.
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
SENT = 1_614_265_330
GOOD = Signed(
    "msg_p5jXN8AQM9LWM0D4loKWxJek", str(SENT), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)
FIVE_MINUTES = timedelta(minutes=5)


def standard(told: Signed, body: bytes = BODY, secret: str = WHSEC, *, now: float = SENT) -> bool:
    return verify_standard(body, told, [key(secret, standard=True)], FIVE_MINUTES, now)


def made(identity: str, stamp: str, body: bytes = BODY) -> str:
    """Return the signature that a sender with the right secret makes of these."""
    signed = f"{identity}.{stamp}.".encode() + body
    digest = hmac.new(key(WHSEC, standard=True), signed, "sha256").digest()
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize("told", [f"sha256={GITHUB_HEX}", GITHUB_HEX])
def test_githubs_vector(told: str):
    """
    GitHub's published vector is taken, with the algorithm before it or without.
    """
    assert verify_hmac(GITHUB_BODY, told, [GITHUB_SECRET])


@pytest.mark.parametrize(
    "told",
    [
        "",
        "sha256=",
        "sha256",
        GITHUB_HEX[:-1],
        GITHUB_HEX + "0",
        GITHUB_HEX.upper(),
        f"SHA256={GITHUB_HEX}",
        f"sha256=sha256={GITHUB_HEX}",
        f"sha1={hmac.new(GITHUB_SECRET, GITHUB_BODY, 'sha1').hexdigest()}",
        f"sha512={hmac.new(GITHUB_SECRET, GITHUB_BODY, 'sha512').hexdigest()}",
        f" {GITHUB_HEX}",
        "sha256=" + "é" * 64,
        "sha256=\udcff",
    ],
)
def test_anything_near_a_signature_is_refused(told: str):
    """
    A signature that is cut, longer, upper case, of another hash or no ASCII is refused.
    """
    assert not verify_hmac(GITHUB_BODY, told, [GITHUB_SECRET])


def test_one_byte_is_enough():
    """
    A body of which one byte differs is refused, and so is another secret.
    """
    assert not verify_hmac(b"Hello, World?", GITHUB_HEX, [GITHUB_SECRET])
    assert not verify_hmac(GITHUB_BODY, GITHUB_HEX, [b"another secret that is long"])
    assert not verify_hmac(GITHUB_BODY, GITHUB_HEX, [])


def test_sha512():
    """
    A sender may sign with SHA-512, and then only with that.
    """
    told = hmac.new(GITHUB_SECRET, GITHUB_BODY, "sha512").hexdigest()

    assert verify_hmac(GITHUB_BODY, f"sha512={told}", [GITHUB_SECRET], "sha512")
    assert not verify_hmac(GITHUB_BODY, GITHUB_HEX, [GITHUB_SECRET], "sha512")


@pytest.mark.parametrize("secrets", [[b"new", GITHUB_SECRET], [GITHUB_SECRET, b"new"]])
def test_two_secrets_while_one_is_rotated(secrets: list[bytes]):
    """
    Either of two secrets opens, whichever comes first.
    """
    assert verify_hmac(GITHUB_BODY, GITHUB_HEX, secrets)


def test_the_standards_vector():
    """
    The vector of Standard Webhooks is taken at the time that it tells.
    """
    assert made(GOOD.id, GOOD.timestamp) == GOOD.signature.removeprefix("v1,")
    assert standard(GOOD)
    assert standard(GOOD, now=SENT + 299)
    assert standard(GOOD, now=SENT - 299)


@pytest.mark.parametrize("now", [SENT + 301, SENT - 301, SENT + 10**9])
def test_a_stale_or_future_request_is_refused(now: float):
    """
    What was signed more than the tolerance ago, or ahead of time, is refused.
    """
    assert not standard(GOOD, now=now)


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "nan",
        "inf",
        "1e400",
        "1614265330.0",
        "-1",
        "+1614265330",
        " 1614265330",
        "١٦١٤",
        "9" * 400,
    ],
)
def test_a_timestamp_is_a_plain_number(stamp: str):
    """
    A timestamp that is no plain number is refused, however well it is signed.
    """
    told = Signed(GOOD.id, stamp, f"v1,{made(GOOD.id, stamp)}")

    assert not standard(told)


@pytest.mark.parametrize("identity", ["", "a.b", "a b", "é", "x" * 201, "a\n"])
def test_an_id_is_a_plain_name(identity: str):
    """
    An id is refused if it is missing, too long, or holds the dot that separates what is signed.
    """
    told = Signed(identity, GOOD.timestamp, f"v1,{made(identity, GOOD.timestamp)}")

    assert not standard(told)


def test_one_good_signature_of_several():
    """
    Several signatures stand side by side; one good one of version 1 is enough.
    """
    right = GOOD.signature
    several = Signed(GOOD.id, GOOD.timestamp, f"v1a,{right[3:]} v1,AAAA {right}")

    assert standard(several)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "v1",
        "v1,",
        f"v1a,{GOOD.signature[3:]}",
        f"v2,{GOOD.signature[3:]}",
        GOOD.signature[3:],
        "v1,!!!!",
        "v1,é",
        "v1,AAA",
        f"{'v1,AAAA ' * 16}{GOOD.signature}",
    ],
)
def test_malformed_signatures_are_refused(signature: str):
    """
    Another version, no base64, no signature, or too many of them: refused, and nothing is raised.
    """
    assert not standard(Signed(GOOD.id, GOOD.timestamp, signature))


def test_each_part_is_signed():
    """
    Another id, another time or another body needs another signature.
    """
    assert not standard(Signed("msg_other", GOOD.timestamp, GOOD.signature))
    assert not standard(Signed(GOOD.id, str(SENT + 1), GOOD.signature))
    assert not standard(GOOD, body=BODY + b" ")
    assert not standard(GOOD, secret="a secret of plain text")


@pytest.mark.parametrize("secret", ["", "short", " " * 40, "whsec_", "x" * 15])
def test_a_weak_secret_guards_nothing(secret: str):
    """
    A secret of fewer than 16 characters is refused with a way out, and is not shown.
    """
    with pytest.raises(ValueError, match="at least 16") as caught:
        key(secret)

    assert not secret.strip() or secret not in str(caught.value)


def test_whsec_is_base64():
    """
    `whsec_` and base64 are taken off for Standard Webhooks alone; no base64 is refused.
    """
    assert base64.b64decode(WHSEC.removeprefix("whsec_")) == key(WHSEC, standard=True)
    assert WHSEC.encode() == key(WHSEC)
    assert b"sixteen characters" == key("sixteen characters", standard=True)
    with pytest.raises(ValueError, match="not base64"):
        key("whsec_this is no base64 at all", standard=True)
    with pytest.raises(ValueError, match="at least 16"):
        key("whsec_c2hvcnQ=", standard=True)


NEW, OLD = b"a-secret-of-the-route", b"an-older-secret-of-it"


@pytest.mark.parametrize(
    "told",
    [
        "Bearer a-secret-of-the-route",
        "bearer an-older-secret-of-it",
        "BEARER  a-secret-of-the-route",
    ],
)
def test_a_bearer_is_taken(told: str):
    """
    Either secret opens, whatever the case of the scheme and the spaces behind it.
    """
    assert verify_bearer(BODY, told, [NEW, OLD])


@pytest.mark.parametrize(
    "told",
    [
        "", "Bearer", "Bearer ", "a-secret-of-the-route", "Basic a-secret-of-the-route",
        "Bearer a-secret-of-the-rout", "Bearer a-secret-of-the-route2", "Bearer\ta-secret",
        "Bearer A-SECRET-OF-THE-ROUTE", "Bearer é", "Bearer \u20ac",
    ],
)  # fmt: skip
def test_what_is_no_bearer_is_refused(told: str):
    """
    Another scheme, another secret, or a part of one is refused, and nothing is raised.
    """
    assert not verify_bearer(BODY, told, [NEW, OLD])


def test_a_bearer_without_secrets_is_refused():
    """
    A route that has no secret takes no token, not even an empty one.
    """
    assert not verify_bearer(BODY, "Bearer ", [])


@pytest.mark.parametrize(
    ("told", "good"),
    [("a-secret-of-ours", True), ("an-older-of-ours", True), ("a-secret-of-our", False),
     ("a-secret-of-ours ", False), ("", False), ("\udcff", False)],
)  # fmt: skip
def test_a_token_of_gitlab_is_the_secret_itself(told: str, good: bool):
    """
    GitLab sends the secret: it is one of the two, letter by letter, or it opens nothing.
    """
    assert good is verify_token(b"{}", told, [b"a-secret-of-ours", b"an-older-of-ours"])
