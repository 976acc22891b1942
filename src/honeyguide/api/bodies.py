"""Request bodies: read up to a limit as they arrive, and only in the media types that a route reads."""

from typing import Final

from honeyguide.api.endpoint import Disconnected, Receive, RequestHeaders
from honeyguide.api.problems import UnsupportedMediaType
from honeyguide.errors import TooLarge

JSON_TYPES: Final = frozenset((b"application/json",))
NDJSON_TYPES: Final = frozenset((b"application/x-ndjson", b"application/ndjson", b"application/jsonl"))


def has_body(headers: RequestHeaders) -> bool:
    """Whether the request carries a body (RFC 9112 section 6.3)."""
    length = headers.get(b"content-length")
    return (length is not None and length != b"0") or b"transfer-encoding" in headers


async def read_body(receive: Receive, headers: RequestHeaders, limit: int) -> bytes:
    """The whole body; raises `TooLarge` as soon as it is known to pass `limit` bytes."""
    declared = headers.get(b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= limit:
        return body
    return await _read_on(receive, [body], limit, more=bool(message.get("more_body")))


async def _read_on(receive: Receive, parts: list[bytes], limit: int, *, more: bool) -> bytes:
    size = len(parts[0])
    while True:
        if size > limit:
            raise _too_large(limit)
        if not more:
            return b"".join(parts)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        more = bool(message.get("more_body"))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is larger than {limit} bytes.", cure="Send it in parts, or raise server.max_body in the configuration."
    )


def media_type(headers: RequestHeaders, readable: frozenset[bytes] = JSON_TYPES) -> bytes:
    """The media type of the body, which must be one of `readable`, in UTF-8."""
    sent = headers.get(b"content-type", b"")
    if sent in readable and b"content-encoding" not in headers:
        return sent
    kind, _, parameters = sent.partition(b";")
    kind = kind.strip().lower()
    charset = parameters.lower().partition(b"charset=")[2].partition(b";")[0].strip(b' "')
    encoding = headers.get(b"content-encoding", b"identity").lower()
    if kind in readable and charset in (b"", b"utf-8", b"utf8") and encoding == b"identity":
        return kind
    wanted = " or ".join(sorted(name.decode() for name in readable))
    shown = sent.decode("latin-1")[:80] or "no media type"
    raise UnsupportedMediaType(f"The body is sent as {shown!r}.", cure=f"Send it with 'Content-Type: {wanted}' in UTF-8.")
