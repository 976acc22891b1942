"""The fault proxy does what its faults say, seen from an ordinary socket client."""

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from honeyguide.testing.faults import Fault, FaultProxy

PATIENCE = 0.15


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65_536):
            self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with FaultProxy(("127.0.0.1", server.server_address[1])) as proxy:
            yield proxy
        server.shutdown()


def connect(proxy: FaultProxy, timeout: float = 10.0) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=timeout)


def echo(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    got = b""
    while len(got) < len(data) and (piece := client.recv(65_536)):
        got += piece
    return got


def test_without_a_fault_everything_passes(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert echo(client, b"x" * 100_000) == b"x" * 100_000
        assert proxy.connections == 1


def test_what_vanished_says_nothing_and_comes_back(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert echo(client, b"before") == b"before"
        proxy.set(Fault("timeout"))
        client.settimeout(PATIENCE)
        client.sendall(b"held back")
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.settimeout(10)
        proxy.clear()
        assert client.recv(100) == b"held back"


def test_one_way_only(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        proxy.set(Fault("timeout", direction="downstream"))
        client.settimeout(PATIENCE)
        client.sendall(b"arrives, its answer does not")
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.settimeout(10)
        proxy.clear()
        assert client.recv(100) == b"arrives, its answer does not"


@pytest.mark.parametrize("fault", [Fault("latency", seconds=0.02), Fault("bandwidth", amount=100_000), Fault("slow_close")])
def test_slow_is_slow_and_loses_nothing(proxy: FaultProxy, fault: Fault) -> None:
    proxy.set(fault)
    with connect(proxy) as client:
        assert echo(client, b"slowly" * 100) == b"slowly" * 100


def test_slices_arrive_in_pieces(proxy: FaultProxy) -> None:
    proxy.set(Fault("slicer", amount=3, seconds=0.001, direction="downstream"))
    with connect(proxy) as client:
        assert echo(client, b"in pieces") == b"in pieces"


def test_a_reset_is_an_error(proxy: FaultProxy) -> None:
    proxy.set(Fault("reset_peer", direction="downstream"))
    with connect(proxy) as client:
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_data_is_cut_off(proxy: FaultProxy) -> None:
    proxy.set(Fault("limit_data", amount=4, direction="downstream"))
    with connect(proxy) as client:
        assert echo(client, b"truncated") == b"trun"


def test_down_refuses_and_cuts_and_comes_back_on_the_same_port(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert echo(client, b"up") == b"up"
        proxy.set(Fault("down"))
        assert client.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.clear()
    with connect(proxy) as client:
        assert echo(client, b"up again") == b"up again"


def test_cut_ends_what_there_is_once(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert echo(client, b"up") == b"up"
        proxy.cut()
        assert client.recv(100) == b""
    with connect(proxy) as client:
        assert echo(client, b"a new one") == b"a new one"
