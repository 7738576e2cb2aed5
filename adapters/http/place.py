"""The one place that a credential is sent to."""

from urllib.parse import urlsplit

from adapters.egress.addresses import literal


def place(url: str) -> str:
    """Return host and port of the URL of an API; raise ValueError if no token may be sent there."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if parts.scheme not in {"https", "http"} or not host:
        raise ValueError("it must be an https URL")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("it must be a scheme, a host and a path, and no more")
    address = literal(host)
    if parts.scheme == "http" and (address is None or not address.is_loopback):
        raise ValueError("a token is sent over http to a loopback address alone")
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port or (443 if parts.scheme == 'https' else 80)}"
