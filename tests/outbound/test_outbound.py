"""The client for calls outside, against a real server: what it refuses, what it bounds, what it never tells."""

import gzip
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock, SystemClock
from honeyguide.errors import ConfigError, HoneyguideError, Unavailable
from honeyguide.outbound import Outbound, is_public

SECRET = "the-body-is-never-told"


class Site(ThreadingHTTPServer):
    """Notes what it was asked."""

    asked: list[tuple[str, dict[str, str], bytes]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, more, text = {
            "/redirect": (302, {"Location": f"http://127.0.0.1:{self.server.server_port}/ok"}, b""),
            "/broken": (500, {}, SECRET.encode()),
            "/large": (200, {}, b"x" * 5_000),
            "/packed": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 5_000_000)),
        }.get(self.path, (200, {}, json.dumps({"path": self.path}).encode()))
        self.send_response(status)
        for name, value in {**more, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    server = Site(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def inside(site: Site) -> Iterator[Outbound]:
    """May call the site by a name of its own, which resolves to it."""
    made = Outbound([], [f"shop.test:{site.server_port}"], SystemClock(), resolve=lambda name, port: ["127.0.0.1"])
    yield made
    made.close()


def url(site: Site, path: str, host: str = "shop.test") -> str:
    return f"http://{host}:{site.server_port}{path}"


def test_a_host_that_is_named_is_called_by_its_name(site: Site, inside: Outbound) -> None:
    answer = inside.post(url(site, "/ok"), b'{"a":1}', timeout=5, headers={"Authorization": "Bearer k"})
    assert json.loads(answer) == {"path": "/ok"}
    path, headers, body = site.asked[-1]
    assert (path, body, headers["authorization"]) == ("/ok", b'{"a":1}', "Bearer k")
    assert headers["host"] == f"shop.test:{site.server_port}"
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("path", "said"),
    [("/redirect", "redirect"), ("/broken", "500"), ("/large", "more than 1000 bytes"), ("/packed", "packs")],
)
def test_any_other_answer_is_none(site: Site, inside: Outbound, path: str, said: str) -> None:
    before = len(site.asked)
    with pytest.raises(Unavailable, match=said) as caught:
        inside.post(url(site, path), b"{}", timeout=5, most=1_000)
    assert len(site.asked) == before + 1, "a redirect leads nowhere"
    assert SECRET not in str(caught.value)


def test_an_answer_that_drips_has_an_end(site: Site) -> None:
    clock = ManualClock(0)

    def slowly(name: str, port: int) -> list[str]:
        clock.advance(10)
        return ["127.0.0.1"]

    late = Outbound([], [f"shop.test:{site.server_port}"], clock, resolve=slowly)
    with pytest.raises(Unavailable, match="too long"):
        late.post(url(site, "/ok"), b"{}", timeout=5)
    late.close()


def test_nobody_there_is_unavailable() -> None:
    gone = Outbound([], ["shop.test:1"], SystemClock(), resolve=lambda name, port: ["127.0.0.1"])
    with pytest.raises(Unavailable, match="ConnectError"):
        gone.post("http://shop.test:1/", b"{}", timeout=5)

    def unknown(name: str, port: int) -> list[str]:
        raise OSError("no such name")

    def none(name: str, port: int) -> list[str]:
        return []

    for resolve in (unknown, none):
        with pytest.raises(Unavailable, match="no address"):
            Outbound(["shop.test"], [], SystemClock(), resolve=resolve).post("https://shop.test/", b"{}", timeout=5)


@pytest.mark.parametrize(
    "address",
    [
        "http://shop.test/",  # no TLS
        "https://other.test/",
        "https://shop.test:8443/",
        "https://shop.test.evil.test/",
        "https://user:s3cret@shop.test/",
        "https://user@shop.test/",
        "file:///etc/passwd",
        "ftp://shop.test/",
        "shop.test/x",
        "https://",
        "https://[::1",
        "",
    ],
)
def test_what_is_not_named_is_not_called(address: str) -> None:
    asked: list[str] = []

    def note(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["93.184.216.34"]

    guard = Outbound(["shop.test"], ["in.test"], SystemClock(), resolve=note)
    for act in (guard.check, lambda url: guard.post(url, b"{}", timeout=1)):
        with pytest.raises(ConfigError) as caught:
            act(address)
        assert caught.value.cure
        assert "s3cret" not in str(caught.value)
    assert not asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "ff02::1",
        "no address",
    ],
)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    assert not is_public(address)
    rebound = Outbound(["shop.test"], [], SystemClock(), resolve=lambda name, port: ["93.184.216.34", address])
    with pytest.raises(ConfigError, match="not public"):
        rebound.post("https://shop.test/", b"{}", timeout=1)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_spellings_of_loopback_lead_inside_too(host: str) -> None:
    """Even where somebody has named such a spelling as a public host, its address is looked at."""
    guard = Outbound([host], [], SystemClock())
    with pytest.raises(HoneyguideError):
        guard.post(f"https://{host}/", b"{}", timeout=1)


def test_a_name_is_asked_once_per_call_and_that_address_is_called(site: Site) -> None:
    answers = iter([["127.0.0.1"], ["192.0.2.1"]])
    guard = Outbound([], [f"shop.test:{site.server_port}"], SystemClock(), resolve=lambda name, port: next(answers))
    assert guard.post(url(site, "/ok"), b"{}", timeout=5)
    assert next(answers) == ["192.0.2.1"], "the second answer of a name that changes was never asked for"
    guard.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of shop.test, signed by itself; its key stands in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl, which makes certificates")
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=shop.test", "-addext", "subjectAltName=DNS:shop.test"]
    subprocess.run([*asked, *names, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
def secret(certificate: Path) -> Iterator[tuple[Site, list[str]]]:
    """The site by TLS, and the names that it was asked for while connections were made."""
    server, named = Site(("127.0.0.1", 0), Handler), list[str]()
    server.asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda connection, name, _: named.append(name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, named
    server.shutdown()
    server.server_close()


def test_a_certificate_must_be_that_of_the_name_and_not_of_the_address(
    secret: tuple[Site, list[str]], certificate: Path
) -> None:
    """The connection goes to the address that was looked at, the name is said and proved all the same."""
    server, named = secret
    port, trust = server.server_port, ssl.create_default_context(cafile=str(certificate))
    hosts = [f"shop.test:{port}", f"other.test:{port}", f"127.0.0.1:{port}"]
    guard = Outbound([], hosts, SystemClock(), resolve=lambda name, _: ["127.0.0.1"], trust=trust)
    assert json.loads(guard.post(f"https://shop.test:{port}/ok", b"{}", timeout=5)) == {"path": "/ok"}
    assert named == ["shop.test"]
    assert server.asked[0][1]["host"] == f"shop.test:{port}"
    for host in ("other.test", "127.0.0.1"):
        with pytest.raises(Unavailable, match=f"{host} does not answer: ConnectError"):
            guard.post(f"https://{host}:{port}/ok", b"{}", timeout=5)
    assert len(server.asked) == 1, "whose name is not proved hears nothing"
    guard.close()


def test_a_certificate_of_nobody_who_is_trusted_is_refused(secret: tuple[Site, list[str]]) -> None:
    server, _ = secret
    host = f"shop.test:{server.server_port}"
    guard = Outbound([], [host], SystemClock(), resolve=lambda name, port: ["127.0.0.1"])
    with pytest.raises(Unavailable, match="ConnectError"):
        guard.post(f"https://{host}/ok", b"{}", timeout=5)
    assert server.asked == []
    guard.close()
