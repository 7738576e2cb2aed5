"""Where `http.request@1` may go, in every spelling that a host has been given."""

import asyncio

import pytest

from adapters.contract import ErrorClass, Failed, SettingError
from adapters.egress.addresses import Reach, classify, literal
from adapters.egress.gate import BlockedError, read_gate
from adapters.http import Http, HttpSettings, create
from tests.adapters.servers import json_answer, serve
from tests.adapters.speaking import call, failed, opened, outputs

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001::7f00:1]",
    "localhost",
    "LOCALHOST.",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127.0.0.1.",
    "127.255.255.254",
]


def attempt(url: str, adapter: Http) -> Failed:
    async def story() -> Failed:
        async with opened(adapter) as operation:
            return failed(await operation.invoke(call(url=url)))

    return asyncio.run(story())


@pytest.mark.parametrize("host", SPELLINGS)
def test_loopback_in_every_spelling(host: str) -> None:
    """
    However it is written, this machine is not reached.
    """
    found = attempt(f"http://{host}:9000/", Http(HttpSettings()))

    assert found.type in {"http.blocked", "http.invalid"}
    assert found.error_class == ErrorClass.PERMANENT


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "fc00::1",
        "fd12:3456::1",
        "::1",
        "127.0.0.1",
    ],
)
def test_private_addresses(address: str) -> None:
    """
    An address of a private network can be opened by allowing the name that leads to it.
    """
    assert classify(literal(address)).reach == Reach.PRIVATE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.1.1",
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "::ffff:8.8.8.8",
        "::8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:808:808::",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "3fff::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100::1",
        "5f00::1",
        "4000::1",
    ],
)
def test_forbidden_addresses(address: str) -> None:
    """
    Metadata, link-local, multicast, reserved and transitional addresses are behind no name.
    """
    assert classify(literal(address)).reach == Reach.FORBIDDEN  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "64:ff9b::808:808",
    ],
)
def test_public_addresses(address: str) -> None:
    """
    The rest is public, and so is a public IPv4 address behind NAT64.
    """
    assert classify(literal(address)).reach == Reach.PUBLIC  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["2606:4700::1111", "10.0.0.1"],
        ["8.8.8.8", "::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["169.254.169.254"],
        ["8.8.8.8", "fe80::1"],
    ],
)
def test_every_answer_of_a_name_is_checked(answers: list[str]) -> None:
    """
    One address that may not be used closes the name, whatever the others are.
    """
    found = attempt("http://a.example/", Http(HttpSettings(), lambda *_: answers))

    assert found.type == "http.blocked"
    assert all(answer not in found.message for answer in answers)


def test_a_name_that_is_allowed_may_be_private_but_not_forbidden() -> None:
    """
    `*.acme.example` opens private addresses for its hosts, and the metadata server for none.
    """
    gate = read_gate(["*.acme.example"], None)

    gate.check_host("db.acme.example", 443)
    gate.check_answers("db.acme.example", 443, ["10.0.0.1", "127.0.0.1", "8.8.8.8"])
    with pytest.raises(BlockedError, match="metadata"):
        gate.check_answers("db.acme.example", 443, ["169.254.169.254"])


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("a.acme.example", 443, True),
        ("a.b.acme.example", 80, True),
        ("acme.example", 443, False),
        ("xacme.example", 443, False),
        ("acme.example.evil", 443, False),
        ("api.other.example", 8443, True),
        ("api.other.example", 443, False),
        ("127.0.0.1", 9000, True),
        ("127.0.0.1", 9001, False),
        ("10.1.2.3", 80, True),
        ("10.2.2.3", 80, False),
        ("::1", 7000, True),
        ("::1", 7001, False),
        ("8.8.8.8", 443, False),
        ("public.example", 443, False),
        ("a.acme.example", 6379, False),
        ("redis.example", 6379, True),
    ],
)
def test_the_list_of_hosts(host: str, port: int, allowed: bool) -> None:
    """
    A list opens what it says and nothing else; only an entry with a port opens a closed port.
    """
    lines = ["*.acme.example", "API.other.example:8443", "127.0.0.1:9000", "10.1.0.0/16"]
    gate = read_gate([*lines, "[::1]:7000", "redis.example:6379"], None)

    if allowed:
        gate.check_host(host, port)
    else:
        with pytest.raises(BlockedError):
            gate.check_host(host, port)


def test_public_addresses_beside_a_list() -> None:
    """
    allow_public opens the public world again, and no private address.
    """
    gate = read_gate(["127.0.0.1:9000"], True)

    gate.check_host("public.example", 443)
    gate.check_answers("public.example", 443, ["8.8.8.8"])
    with pytest.raises(BlockedError):
        gate.check_answers("public.example", 443, ["10.0.0.1"])
    with pytest.raises(BlockedError):
        gate.check_host("127.0.0.1", 9001)


@pytest.mark.parametrize("port", [22, 25, 2375, 3306, 5432, 6379, 11211, 27017])
def test_ports_of_other_protocols_are_closed(port: int) -> None:
    """
    A request cannot be made to speak to a mail server, a database or a broker.
    """
    found = attempt(f"http://a.example:{port}/", Http(HttpSettings(), lambda *_: ["8.8.8.8"]))

    assert found.type == "http.blocked"


@pytest.mark.parametrize(
    "line",
    [
        "*",
        "https://a.example",
        "a.example/x",
        "a b",
        "*a.example",
        "a.*.example",
        "a.example:0",
        "a.example:x",
        "a.example:70000",
        "127.1",
        "10.0.0.1/33",
        "",
        ":80",
        "2130706433",
    ],
)
def test_lines_that_mean_nothing(line: str) -> None:
    """
    A list that could be misread is refused at the start, not when a run needs it.
    """
    with pytest.raises(SettingError, match="allow_hosts"):
        create({"allow_hosts": [line]})


def test_an_unknown_setting_is_answered_with_the_right_one() -> None:
    """
    A slip of the finger gets a suggestion, and no value is shown.
    """
    with pytest.raises(SettingError, match='did you mean "allow_hosts"') as caught:
        create({"allow_host": ["secret.example"]})

    assert "secret.example" not in str(caught.value)


def test_the_checked_address_is_the_one_connected_to() -> None:
    """
    A name that changes its answer between check and connection is asked only once.
    """
    asked: list[str] = []

    async def story() -> None:
        async with serve(lambda _: json_answer(b"1")) as server:

            def look_up(host: str, port: int) -> list[str]:
                asked.append(f"{host}:{port}")
                return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

            settings = HttpSettings(allow_hosts=(f"rebind.example:{server.port}",))
            async with opened(Http(settings, look_up)) as operation:
                url = f"http://rebind.example:{server.port}/"
                outputs(await operation.invoke(call(url=url)))
                outputs(await operation.invoke(call(url=url)))
            assert f"rebind.example:{server.port}" == server.seen[0].headers["host"]

    asyncio.run(story())
    assert len(asked) == 1


def test_the_last_door_is_the_socket() -> None:
    """
    Even an address that got past every other check is looked at before a socket is made.
    """
    for address in ("169.254.169.254", "127.0.0.1", "::1", "fe80::1"):
        with pytest.raises(BlockedError):
            read_gate([], None).check_socket(address, 80)
    read_gate(["a.example"], None).check_socket("10.0.0.1", 80)
    read_gate(["169.254.169.254"], None).check_socket("169.254.169.254", 80)
