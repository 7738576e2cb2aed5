"""Which server a message goes through: the operator's own, or another that the call names."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from adapters.contract import Json, SettingError
from adapters.egress.gate import Gate, read_gate
from adapters.manifest.smtp import SERVER
from adapters.settings import AdapterSettings, Reference, read, reveal
from adapters.smtp.message import InvalidError, read_address
from adapters.tls import CaFile

_PORTS = {"none": 25, "starttls": 587, "tls": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """Where, how and as whom. One that a call names is reached through the `gate` of settings."""

    host: str
    port: int
    security: str
    username: str | None
    password: str | None
    context: ssl.SSLContext
    gate: Gate | None

    @property
    def told(self) -> str:
        """Return what may be said about it."""
        return f"{self.host}:{self.port}"


class ServerSettings(AdapterSettings):
    """A server, and who messages are from."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,253}$")] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: Annotated[str, Field(min_length=1, max_length=320)] | None = None
    password: str | None = None
    from_: str | None = Field(default=None, alias="from")

    @field_validator("from_")
    @classmethod
    def _must_be_an_address(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                read_address("from", value)
        except InvalidError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _must_be_whole(self) -> Self:
        if (self.host is None) != (self.from_ is None):
            raise ValueError("host and from are set together")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password are set together")
        if self.username is not None and self.security == "none":
            raise ValueError("a password is never sent in the clear: set security to starttls")
        return self


class SmtpSettings(ServerSettings):
    """`[adapters.smtp]` of the configuration. Without `host` only calls that name one are made.

    `password` is a reference, `env:NAME` or `file:PATH`, read anew for each message. Calls name
    no servers but those of `allow_hosts`.
    """

    password: Reference | None = None
    max_connections: Annotated[int, Field(ge=1, le=100)] = 4
    ca_file: CaFile = None
    allow_hosts: tuple[str, ...] = ()

    @field_validator("allow_hosts")
    @classmethod
    def _must_be_readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        read_gate(value, None)
        return value


def read_server(
    settings: SmtpSettings, arguments: Mapping[str, Json], context: ssl.SSLContext
) -> tuple[Server, Address]:
    """Return where a message goes and who it is from.

    Raise InvalidError for arguments that name no server, SettingError for settings that do not.
    """
    given = {name: value for name, value in arguments.items() if name in SERVER}
    if given and "host" not in given:
        raise InvalidError(f"{min(given)} is of a server, and host is not given")
    if given:
        gate = read_gate(settings.allow_hosts, False, "smtp")
        try:
            return _server(read(ServerSettings, given), context, gate)
        except SettingError as error:
            raise InvalidError(str(error)) from None
    if settings.host is None:
        raise SettingError("no mail server is set: write host and from into [adapters.smtp]")
    try:
        password = reveal(settings.password) if settings.password else None
    except SettingError as error:
        raise SettingError(f"password of [adapters.smtp]: {error}") from None
    return _server(settings.model_copy(update={"password": password}), context, None)


def _server(
    told: ServerSettings, context: ssl.SSLContext, gate: Gate | None
) -> tuple[Server, Address]:
    """Return a server with its defaults; it has a host and a sender."""
    host, port = told.host or "", told.port or _PORTS[told.security]
    server = Server(host, port, told.security, told.username, told.password, context, gate)
    return server, read_address("from", told.from_)
