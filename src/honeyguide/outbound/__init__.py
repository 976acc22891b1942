"""The one HTTP client: it calls the hosts that the configuration names, and nothing else.

A name is resolved once per call, every address that it has is looked at, and the connection goes to the address that was
looked at, so that a name whose address changes in between reaches nothing inside. Addresses that are not public are for
hosts that the configuration names as private, and only these may be called without TLS. Redirects are not followed, an
answer has an end in time and in bytes, and nothing of it stands in an error.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import httpx

from honeyguide.clock import Clock
from honeyguide.errors import ConfigError, Unavailable

Resolve = Callable[[str, int], list[str]]
"""All addresses of a name, as text; raises OSError."""

_SCHEMES: Final = {"https": 443, "http": 80}
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class Posts(Protocol):
    """Who calls something outside."""

    def post(
        self, url: str, body: bytes, *, timeout: float, headers: Mapping[str, str] | None = None, most: int = 1_000_000
    ) -> bytes:
        """The body of the answer to a JSON body; see `Outbound.post`."""


class Outbound:
    """Calls hosts. Of any thread; connections are kept per host.

    `hosts` may be called at public addresses by https, `private_hosts` at any address, also by http; an entry is a name or
    an address, with a port where it is not the scheme's own. A certificate must be that of the name, by whom `trust` trusts
    (without a word: the usual authorities)."""

    def __init__(
        self,
        hosts: Sequence[str],
        private_hosts: Sequence[str],
        clock: Clock,
        *,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts, self._private = frozenset(map(str.lower, hosts)), frozenset(map(str.lower, private_hosts))
        self._clock, self._resolve, self._trust = clock, resolve or addresses_of, trust
        self._clients: dict[str, httpx.Client] = {}

    def check(self, url: str) -> None:
        """Raise `ConfigError` for an address that may not be called, before anybody waits for it."""
        self._target(url)

    def post(
        self, url: str, body: bytes, *, timeout: float, headers: Mapping[str, str] | None = None, most: int = 1_000_000
    ) -> bytes:
        """Send JSON and give the body of the answer 200, which comes within `timeout` seconds and has at most `most` bytes.

        Raises `ConfigError` for what may not be called, `Unavailable` for every other answer, and for none."""
        ends = self._clock.monotonic() + timeout
        target, private = self._target(url)
        name = target.host
        address = self._pinned(target, private)
        request = self._client(name).build_request(
            "POST",
            target.copy_with(host=address),
            content=body,
            headers={
                **(headers or {}),
                "Host": target.netloc.decode("ascii"),
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(timeout),
            extensions={"sni_hostname": name},
        )
        try:
            answer = self._client(name).send(request, stream=True)
            try:
                return self._read(answer, name, ends, most)
            finally:
                answer.close()
        except httpx.HTTPError as error:
            raise Unavailable(f"{name} does not answer: {type(error).__name__}.", cure=_CURE) from error

    def _read(self, answer: httpx.Response, name: str, ends: float, most: int) -> bytes:
        if answer.is_redirect:
            raise Unavailable(f"{name} answers with a redirect, which is not followed.", cure="Configure where it leads to.")
        if answer.status_code != 200:
            raise Unavailable(f"{name} answers {answer.status_code}.", cure=_CURE)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Unavailable(f"{name} packs its answer, though it was asked not to.", cure=_CURE)
        read = bytearray()
        for part in answer.iter_raw(65_536):
            read += part
            if len(read) > most:
                raise Unavailable(f"{name} answers with more than {most} bytes.", cure=_CURE)
            if self._clock.monotonic() > ends:
                raise Unavailable(f"{name} takes too long to answer.", cure=_CURE)
        return bytes(read)

    def _target(self, url: str) -> tuple[httpx.URL, bool]:
        """The address, and whether it may be a private one."""
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            raise ConfigError("The address to call is none.", cure="Write https://host/path.") from None
        if target.scheme not in _SCHEMES or not target.host or target.userinfo:
            cure = "Write https://host/path; keys belong into their own setting."
            raise ConfigError(f"{target.scheme}://{target.host} is nothing that can be called.", cure=cure)
        names = {target.host.lower()} if target.port in (None, _SCHEMES[target.scheme]) else set()
        names.add(f"{target.host.lower()}:{target.port or _SCHEMES[target.scheme]}")
        if names & self._private:
            return target, True
        if not names & self._hosts:
            cure = f"Add {min(names, key=len)!r} to outbound.hosts, or to outbound.private_hosts if it is inside."
            raise ConfigError(f"{target.host} is not among the hosts that may be called.", cure=cure)
        if target.scheme != "https":
            raise ConfigError(f"{target.host} may be called by https only.", cure="Write https://.")
        return target, False

    def _pinned(self, target: httpx.URL, private: bool) -> str:
        """The address to connect to: the first one, if all may be called."""
        name = target.host
        try:
            found = self._resolve(name, target.port or _SCHEMES[target.scheme])
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{name} has no address: {error}.", cure=_CURE) from error
        inside = [address for address in found if not is_public(address)]
        if inside and not private:
            cure = "If it is yours, name it under outbound.private_hosts."
            raise ConfigError(f"{name} has the address {inside[0]}, which is not public.", cure=cure)
        if not found:
            raise Unavailable(f"{name} has no address.", cure=_CURE)
        return found[0]

    def _client(self, name: str) -> httpx.Client:
        """One per host: a connection to an address must not serve another name that has the same one."""
        client = self._clients.get(name)
        if client is None:
            made = httpx.Client(
                verify=True if self._trust is None else self._trust,
                follow_redirects=False,
                trust_env=False,
                limits=httpx.Limits(max_connections=16),
            )
            client = self._clients.setdefault(name, made)
        return client

    def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients.values():
            client.close()


_CURE: Final = "Ask who runs it; what needs it is left out meanwhile."


def addresses_of(name: str, port: int) -> list[str]:
    """All addresses of a name, as the system resolves it."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)))


def is_public(address: str) -> bool:
    """Whether an address is one of the public Internet; one inside of another (mapped, translated, tunnelled) counts too."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            inner.append(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF))
        if any(each is not None and not is_public(str(each)) for each in inner):
            return False
        if found.ipv4_mapped is not None:
            return True
    return found.is_global and not found.is_multicast
