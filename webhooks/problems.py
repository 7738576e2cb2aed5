"""Every code that a problem can have: its status, and what it means to whoever reads it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """The status that a code comes with, and its meaning in one sentence."""

    status: int
    meaning: str


PROBLEMS: Mapping[str, Kind] = {
    "auth.missing": Kind(401, "The request bears no token, or more than one."),
    "auth.origin": Kind(403, "A form of the pages was sent by another site."),
    "auth.unknown": Kind(401, "The token is none that this server knows."),
    "callback.unknown": Kind(404, "No such address was handed out, or it is cut off."),
    "forge.payload": Kind(400, "A delivery that proved itself is none of the forge's it came as."),
    "github.payload": Kind(400, "A signed push or pull request lacks what GitHub's have."),
    "http.content_encoding": Kind(415, "The body is compressed; send it as it is."),
    "http.content_type": Kind(415, "The body is declared as something else than is taken here."),
    "http.cut_off": Kind(400, "The connection ended before the body did."),
    "http.delivery_id": Kind(400, "A delivery's id is too long or not printable."),
    "http.method_not_allowed": Kind(405, "The address does not take the method; `Allow` tells."),
    "http.not_found": Kind(404, "There is nothing at this address."),
    "http.not_json": Kind(400, "The body is not JSON by a strict reading."),
    "http.slow_body": Kind(408, "The body took too long to come."),
    "http.too_deep": Kind(400, "The body's lists and objects are nested too deep to be kept."),
    "http.too_large": Kind(413, "The body is larger than is taken here."),
    "sark.conflict": Kind(409, "The thing is not in a state that allows this; read it again."),
    "sark.defect": Kind(500, "The server has made a mistake; its log has it under `request_id`."),
    "sark.denied": Kind(403, "No policy allows this; to ask again changes nothing."),
    "sark.invalid": Kind(422, "What was sent is not acceptable; `errors` tells each fault."),
    "sark.not_found": Kind(404, "It does not exist, or you may not know that it does."),
    "sark.unavailable": Kind(503, "A server behind this one is away; `Retry-After` says when."),
    "webhook.unsigned": Kind(401, "The signature is missing or wrong, or there is no such route."),
}
