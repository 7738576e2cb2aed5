"""Everything that goes wrong with a message, as the manifest names it."""

import ssl
from collections.abc import Sequence
from datetime import timedelta

import aiosmtplib

from adapters.contract import ErrorClass, Failed, Json
from adapters.egress.gate import BlockedError
from adapters.masking import mask_text
from adapters.smtp.conversation import Progress
from adapters.smtp.place import Server

_T, _P, _U = ErrorClass.TRANSIENT, ErrorClass.PERMANENT, ErrorClass.UNKNOWN
_EXCERPT = 500


def from_exception(
    server: Server, error: BaseException, progress: Progress, secrets: Sequence[str]
) -> Failed:
    """Return the failure that `error` is; raise it again if it is not of the network's making."""
    match error:
        case BlockedError():
            return Failed("smtp.blocked", str(error), _P)
        case aiosmtplib.SMTPResponseException() if 400 <= error.code < 600:
            return _refused(server, error, progress, secrets)
        case aiosmtplib.SMTPResponseException():
            words = f"the answer to {progress.doing} is not SMTP"
            return _made("smtp.protocol", server, words, _U if progress.sent else _P)
        case ssl.SSLError():
            return _made("smtp.tls", server, f"TLS is not acceptable: {_reason(error)}", _P)
        case aiosmtplib.SMTPConnectError() if isinstance(error.__cause__, ssl.SSLError):
            reason = _reason(error.__cause__)
            return _made("smtp.tls", server, f"TLS is not acceptable: {reason}", _P)
        case aiosmtplib.SMTPConnectError():
            return _made("smtp.connect", server, "no connection, or no greeting", _T)
        case aiosmtplib.SMTPServerDisconnected() | OSError():
            words = f"the connection broke at {progress.doing}"
            return _made("smtp.disconnected", server, words, _U if progress.sent else _T)
        case aiosmtplib.SMTPException() if progress.doing == "STARTTLS":
            words = "the server offers no STARTTLS: see security in [adapters.smtp]"
            return _made("smtp.tls", server, words, _P)
        case aiosmtplib.SMTPException() if progress.doing == "the login":
            words = "the server offers no login that we know"
            return _made("smtp.login", server, words, _P)
        case _:
            raise error


def timed_out(server: Server, timeout: timedelta, progress: Progress) -> Failed:
    """Return the failure of an attempt whose time is over."""
    words = f"{progress.doing} has not been answered within {timeout.total_seconds():g} s"
    return _made("smtp.timeout", server, words, _U if progress.sent else _T)


def _refused(
    server: Server,
    error: aiosmtplib.SMTPResponseException,
    progress: Progress,
    secrets: Sequence[str],
) -> Failed:
    """Return the failure that a reply 4xx or 5xx is: the message was not taken, for certain."""
    error_class = _T if error.code < 500 else _P
    kind = "smtp.recipient" if isinstance(error, aiosmtplib.SMTPRecipientRefused) else (
        "smtp.login" if progress.doing == "the login" else "smtp.refused"
    )  # fmt: skip
    said = mask_text(error.message.encode("utf-8", "replace").decode(), secrets)[:_EXCERPT]
    details: dict[str, Json] = {"code": error.code, "reply": said}
    message = f"{server.told} answered {error.code} to {progress.doing}"
    return Failed(kind, message, error_class, details=details)


def _made(kind: str, server: Server, words: str, error_class: ErrorClass) -> Failed:
    return Failed(kind, f"{server.told}: {words}", error_class)


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", None) or error.reason or "handshake failed"
