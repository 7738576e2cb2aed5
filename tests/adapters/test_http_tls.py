"""`https` with certificates that are good, and with those that are not."""

import asyncio
from pathlib import Path

import pytest

from adapters.contract import ErrorClass, Json, SettingError
from adapters.http import Http, HttpSettings, create
from adapters.tls import context
from tests.adapters.servers import (
    json_answer,
    make_certificate,
    make_expired_certificate,
    serve,
    server_context,
)
from tests.adapters.speaking import call, failed, opened, outputs


@pytest.mark.parametrize(
    ("case", "expected"),
    [("good", "succeeded"), ("unknown", "http.tls"), ("other", "http.tls"), ("old", "http.tls")],
)
def test_certificates(tmp_path: Path, case: str, expected: str) -> None:
    """
    A certificate of a known authority for the right name is taken; self-signed, for another
    host, or expired, it is refused, and no header has been sent.
    """
    names = "DNS:other.example" if case == "other" else "IP:127.0.0.1"
    make = make_expired_certificate if case == "old" else make_certificate
    certificate, key = make(tmp_path, case, names)

    async def story() -> None:
        async with serve(lambda _: json_answer(b"1"), server_context(certificate, key)) as server:
            trusted = None if case == "unknown" else certificate
            adapter = Http(HttpSettings(allow_hosts=(server.host,), ca_file=trusted))
            async with opened(adapter) as operation:
                url = f"https://{server.host}/"
                outcome = await operation.invoke(call(url=url, auth={"bearer": "t"}))
            if expected == "succeeded":
                outputs(outcome)
            else:
                found = failed(outcome)
                assert (expected, ErrorClass.PERMANENT) == (found.type, found.error_class)
                assert server.seen == []

    asyncio.run(story())


def test_plain_http_where_tls_is_expected() -> None:
    """
    A server that speaks no TLS fails the handshake, permanently.
    """

    async def story() -> str:
        async with serve(lambda _: b"") as server:
            adapter = create({"allow_hosts": [server.host]})
            async with opened(adapter) as operation:
                outcome = await operation.invoke(call(2, url=f"https://{server.host}/"))
                return failed(outcome).type

    assert asyncio.run(story()) in {"http.tls", "http.connect", "http.timeout"}


def test_a_redirect_from_https_to_http_is_not_followed(tmp_path: Path) -> None:
    """
    What began encrypted does not go on in the clear.
    """
    certificate, key = make_certificate(tmp_path, "a", "IP:127.0.0.1")

    async def story() -> str:
        place = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        async with serve(lambda _: place, server_context(certificate, key)) as server:
            adapter = Http(HttpSettings(allow_hosts=(server.host,), ca_file=certificate))
            async with opened(adapter) as operation:
                return failed(await operation.invoke(call(url=f"https://{server.host}/"))).type

    assert asyncio.run(story()) == "http.redirect"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_none(tmp_path: Path, content: str | None) -> None:
    """
    A missing or empty ca_file is found at the start.
    """
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    given: Json = str(path)

    with pytest.raises(SettingError, match="ca_file"):
        create({"ca_file": given})


def test_the_systems_authorities_are_read_once() -> None:
    """
    Adapters that trust nobody else share what they trust: to read it anew would take each of them
    as long as a command may.
    """
    assert context(None) is context(None)
