"""Every error as `application/problem+json` (RFC 9457), from one table of what an error means over HTTP.

A problem says what is wrong, where (`errors`, JSON Pointers of RFC 6901) and what mends it. Unexpected errors are
logged whole under the request id and answered without their internals.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import msgspec

from honeyguide.errors import FieldError, HoneyguideError, Unauthorized, Unavailable

Headers = list[tuple[bytes, bytes]]

MEDIA_TYPE: Final = b"application/problem+json"
PROBLEM_PAGE: Final = "/docs/problems"


class Fault(msgspec.Struct, frozen=True):
    """One fault in what was sent: where it is (`pointer`, RFC 6901), what it is and how to mend it."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, kw_only=True):
    """The one shape of every error. `code` is stable; `type` links to what it means."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[Fault]
    request_id: str


class MethodNotAllowed(HoneyguideError):
    """The path exists, but not with this method; Allow says which methods there are."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, method: str, allow: Iterable[str]) -> None:
        self.allow = ", ".join(sorted(allow))
        super().__init__(f"{method} is not possible here.", cure=f"Possible are {self.allow}.")


class UnsupportedMediaType(HoneyguideError):
    """The body is of a media type that this route does not read."""

    code = "unsupported_media_type"
    status = 415


class InternalError(HoneyguideError):
    """Something broke that should not; the log has the rest under the request id."""

    code = "internal_error"
    status = 500


class IdempotencyMismatch(HoneyguideError):
    """An Idempotency-Key came again with another request."""

    code = "idempotency_key_reused"
    status = 422


def problem_of(error: HoneyguideError, *, instance: str, request_id: str) -> Problem:
    """What to answer for an error that was raised on purpose."""
    return Problem(
        type=f"{PROBLEM_PAGE}#{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.status,
        detail=str(error),
        instance=instance,
        code=error.code,
        errors=[Fault(fault.pointer, fault.detail) for fault in error.errors],
        request_id=request_id,
    )


def headers_of(error: HoneyguideError) -> Headers:
    """The header fields that belong to an error's status."""
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", error.allow.encode())]
    if isinstance(error, Unauthorized):
        return [(b"www-authenticate", b'Bearer realm="honeyguide"')]
    if isinstance(error, Unavailable):
        return [(b"retry-after", b"1")]
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return [(b"connection", b"close")]  # what is left of the body is not read
    return []


def internal(request_id: str) -> InternalError:
    """The answer to an error nobody foresaw: its id, and nothing of its inside."""
    return InternalError("The server met an error of its own.", cure=f"Its log has the rest under request_id {request_id}.")


def at(pointer: str, detail: str) -> tuple[FieldError, ...]:
    """The `errors` of an exception with one fault."""
    return (FieldError(pointer, detail),)


MORE_CODES: Final = {
    "bad_request": (400, "What was sent is no HTTP/1.1."),
    "no_such_route": (404, "No route has this path."),
    "idempotency_key_in_use": (409, "The first request with this Idempotency-Key has not been answered yet."),
    "not_ready": (503, "Requests should not come to this process: it is starting, or about to end."),
    "head_too_large": (431, "Address and header fields are above their limit."),
}


def codes() -> dict[str, tuple[int, str]]:
    """Every code that an error class has, or that is given by name, with its status and what it means."""
    found: dict[str, tuple[int, str]] = dict(MORE_CODES)
    waiting: list[type[HoneyguideError]] = [HoneyguideError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind is not HoneyguideError:
            found.setdefault(kind.code, (kind.status, (kind.__doc__ or "").split("\n")[0]))
    return found
