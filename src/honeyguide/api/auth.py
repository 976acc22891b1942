"""Who may call what. Each route names a scope; the one static key of the configuration holds all of them.

Without a key everything is open, which the server allows on loopback only (`server.py`). Then a browser page of another
site could still post to us, so requests that change something are refused when their Origin is not our own.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from typing import Final, Literal

from honeyguide.config.settings import Auth
from honeyguide.errors import Forbidden, Unauthorized

Scope = Literal["recommend:read", "events:write", "catalog:write", "metrics:read", "admin"]
SCOPES: Final[frozenset[Scope]] = frozenset(("recommend:read", "events:write", "catalog:write", "metrics:read", "admin"))
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))


Reason = Literal["missing", "wrong", "scope", "origin"]
REASONS: Final[tuple[Reason, ...]] = ("missing", "wrong", "scope", "origin")
Refused = Callable[[Reason], None]
"""Counts a refused request by its reason."""


class Gatekeeper:
    """Decides from the header fields which scopes a request holds."""

    def __init__(self, auth: Auth, refused: Refused) -> None:
        self._digest = None if auth.key is None else hashlib.sha256(auth.key.get_secret_value().encode()).digest()
        self._refused = refused
        self._hosts: set[bytes] = set()

    @property
    def open(self) -> bool:
        """Whether no key is configured, so that everyone may do everything."""
        return self._digest is None

    def admit(self, headers: Mapping[bytes, bytes], scope: Scope, method: str = "GET") -> None:
        """Return if the request holds `scope`; raises `Unauthorized` or `Forbidden`."""
        if self._digest is None:
            self._check_host(headers)
            if b"origin" in headers and method not in _SAFE:
                self._check_origin(headers)
            return
        if scope not in self.scopes(headers):
            self._refused("scope")
            raise Forbidden(f"The key does not hold the scope {scope}.", cure="Use a key that does.")

    def scopes(self, headers: Mapping[bytes, bytes]) -> frozenset[Scope]:
        """The scopes of the key that was sent; raises `Unauthorized` without one or with a wrong one."""
        sent = _key_of(headers)
        if sent is None:
            self._refused("missing")
            raise Unauthorized("This needs a key.", cure="Send the header 'Authorization: Bearer <auth.key>'.")
        if not hmac.compare_digest(hashlib.sha256(sent).digest(), self._digest or b""):
            self._refused("wrong")
            raise Unauthorized("The key is not the right one.", cure="Send the auth.key of the server's configuration.")
        return SCOPES

    def _check_host(self, headers: Mapping[bytes, bytes]) -> None:
        """An open server answers to this machine's names only: a foreign name that leads here (DNS rebinding) does not."""
        host = headers.get(b"host", b"localhost")
        if host not in self._hosts:
            if not _is_loopback(host.decode("ascii", "replace")):
                self._refused("origin")
                raise Forbidden(
                    "An open server is called by the name localhost or 127.0.0.1 only.",
                    cure="Use that name, or set auth.key in the configuration and send it.",
                )
            if len(self._hosts) < 100:
                self._hosts.add(host)

    def _check_origin(self, headers: Mapping[bytes, bytes]) -> None:
        origin = headers[b"origin"].partition(b"://")[2]
        if origin != headers.get(b"host", b""):
            self._refused("origin")
            raise Forbidden(
                "A page of another site may not do this while the server is open.",
                cure="Set auth.key in the configuration and send it.",
            )


def _is_loopback(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _key_of(headers: Mapping[bytes, bytes]) -> bytes | None:
    authorization = headers.get(b"authorization")
    if authorization is not None:
        kind, _, key = authorization.partition(b" ")
        return key.strip() if kind.lower() == b"bearer" else None
    return headers.get(b"x-api-key")
