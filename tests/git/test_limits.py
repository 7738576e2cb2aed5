"""Which hosts are asked, by what the configuration lists."""

import pytest

from engine.git.address import parse
from engine.git.failure import HostRefused
from engine.git.limits import LIMITS, Limits


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://127.0.0.1/x.git", "a loopback address"),
        ("https://127.0.0.1:8443/x.git", "a loopback address"),
        ("https://10.1.2.3/x.git", "a private address"),
        ("https://192.168.0.1/x.git", "a private address"),
        ("https://100.100.100.200/x.git", "a cloud metadata address"),
        ("https://[0:0:0:0:0:0:0:1]/x.git", "a loopback address"),
        ("https://[0:0:0:0:0:ffff:7f00:1]/x.git", "an IPv4-mapped address"),
        ("https://[64:ff9b:0:0:0:0:a00:1]/x.git", "a NAT64 address of a private address"),
        ("https://[fd00:0:0:0:0:0:0:1]/x.git", "a private address"),
        ("https://2130706433/x.git", "a number for a name"),
        ("https://0x7f.1/x.git", "a number for a name"),
        ("https://127.1/x.git", "a number for a name"),
        ("https://localhost/x.git", "this machine"),
        ("https://git.LOCALHOST/x.git", "this machine"),
        ("ssh://git@10.0.0.1/x.git", "a private address"),
        ("git@10.0.0.1:x.git", "a private address"),
    ],
)
def test_addresses_inside_are_asked_only_if_they_are_listed(url: str, told: str) -> None:
    """
    S79: a number that leads into a network of one's own, however it is written, is refused; who
    means it lists it.
    """
    address = parse(url)
    with pytest.raises(HostRefused, match=told) as refused:
        LIMITS.admit(address)
    host = str(refused.value).split()[2]

    Limits(hosts=frozenset({host})).admit(address)


@pytest.mark.parametrize(
    ("url", "admitted"),
    [
        ("https://github.com/acme/x", True),
        ("https://GitHub.com/acme/x", True),
        ("git@github.com:acme/x.git", True),
        ("ssh://git@github.com:2222/acme/x", True),
        ("/srv/git/x", True),
        ("https://github.com.evil.example/x", False),
        ("https://evil.example/github.com", False),
        ("https://github.com@evil.example/x", False),
        ("git@evil.example:github.com/x", False),
        ("https://10.0.0.1/x", False),
    ],
)
def test_once_hosts_are_listed_no_other_is_asked(url: str, admitted: bool) -> None:
    """
    S79: the list holds for https and for ssh, whatever else the address says; a local path has
    no host.
    """
    limits = Limits(hosts=frozenset({"github.com"}))
    if admitted:
        limits.admit(parse(url))
    else:
        with pytest.raises(HostRefused, match=r"not listed in hosts of \[git\]"):
            limits.admit(parse(url))


def test_any_public_host_is_asked_where_none_is_listed() -> None:
    """
    Without a list every name, and every public number, may be asked.
    """
    for url in ("https://git.example/x", "https://9.9.9.9/x", "git@git.internal:x"):
        LIMITS.admit(parse(url))
