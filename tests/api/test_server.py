"""The server as a process: what it binds, what it refuses, how it stops."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from honeyguide.api.server import address_of, bind, check_binding
from honeyguide.config import Settings
from honeyguide.config.settings import Auth
from honeyguide.errors import ConfigError, Conflict
from tests.api.process import ServerProcess, read_answer

EVENT = b'{"type":"view","user_id":"u","item_id":"i"}'
HEAD = b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("served"), server={"max_body": 2000}) as running:
        yield running


def problem(answer: tuple[int, dict[str, str], bytes], status: int) -> dict[str, object]:
    found: dict[str, object] = json.loads(answer[2])
    assert answer[0] == found["status"] == status
    assert answer[1]["content-type"] == "application/problem+json"
    return found


def test_a_request_over_the_wire(server: ServerProcess) -> None:
    status, fields, body = server.exchange(b"POST /recommendations?user_id=u HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert (status, json.loads(body)["user_id"]) == (200, "u")
    assert "server" not in fields
    assert fields["date"]


def test_one_connection_serves_many_requests(server: ServerProcess) -> None:
    with server.connect() as connection:
        for _ in range(5):
            connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(EVENT) + EVENT)
            status, _, body = read_answer(connection)
            assert (status, json.loads(body)["accepted"]) == (202, 1)


def test_pipelined_requests_are_answered_in_order(server: ServerProcess) -> None:
    with server.connect() as connection:
        for name in (b"a", b"b", b"c"):
            connection.sendall(b"GET /recommendations?user_id=" + name + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
        received = b""
        while received.count(b'"user_id"') < 3:
            received += connection.recv(65_536)
    assert [part[:1] for part in received.split(b'"user_id":"')[1:]] == [b"a", b"b", b"c"]


def test_head_has_no_body(server: ServerProcess) -> None:
    with server.connect() as connection:
        connection.sendall(
            b"HEAD /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
            b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        received = b""
        while part := connection.recv(65_536):
            received += part
    first, _, rest = received.partition(b"\r\n\r\n")
    assert b"content-length: " in first
    assert rest.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01 tls hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"NO\x00 / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_problem_too(server: ServerProcess, request_: bytes) -> None:
    problem(server.exchange(request_), 400)


@pytest.mark.parametrize(
    "endless",
    [b"GET /" + b"a" * 100_000, b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000],
)
def test_a_head_without_end_is_refused(server: ServerProcess, endless: bytes) -> None:
    with server.connect() as connection:
        for start in range(0, len(endless), 30_000):
            try:
                connection.sendall(endless[start : start + 30_000])
            except OSError:
                break
        assert problem(read_answer(connection), 431)["code"] == "head_too_large"


def test_an_address_that_is_too_long_is_told_from_what_is_no_http(server: ServerProcess) -> None:
    answer = server.exchange(b"GET /health?" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert problem(answer, 431)["code"] == "head_too_large"


def test_a_long_body_is_no_long_head(server: ServerProcess) -> None:
    parts = b"".join(b"1\r\n \r\n" for _ in range(20_000))
    request = HEAD + b"transfer-encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"
    assert problem(server.exchange(request), 413)["code"] == "too_large"


@pytest.mark.parametrize("framing", [b"content-length: 5000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\nfff\r\n"])
def test_a_body_above_the_limit_is_not_waited_for(server: ServerProcess, framing: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD + framing + b"x" * 4095)
        answer = read_answer(connection)
        assert answer[1]["connection"] == "close"
        problem(answer, 413)


def test_a_chunked_body_is_read(server: ServerProcess) -> None:
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (10, EVENT[:10], len(EVENT) - 10, EVENT[10:])
    status, _, body = server.exchange(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunks)
    assert (status, json.loads(body)["accepted"]) == (202, 1)


def test_a_caller_who_leaves_harms_nobody(server: ServerProcess) -> None:
    for cut in (len(HEAD) - 10, len(HEAD) + 30):
        with server.connect() as connection:
            connection.sendall((HEAD + b"content-length: 40\r\n\r\n" + EVENT)[:cut])
    assert server.exchange(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_under_way(tmp_path: Path, number: int) -> None:
    with ServerProcess(tmp_path) as server:
        idle, busy = server.connect(), server.connect()
        half = len(EVENT) // 2
        busy.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(EVENT) + EVENT[:half])
        assert (
            server.exchange(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")[0] == 200
        )  # by now the other request is under way
        server.process.send_signal(number)
        assert idle.recv(100) == b""  # closed at once: nothing was under way on it
        busy.sendall(EVENT[half:])
        status, fields, body = read_answer(busy)
        assert (status, json.loads(body)["accepted"]) == (202, 1)
        assert fields["connection"] == "close"
        assert server.end()[0] == 0
        for connection in (idle, busy):
            connection.close()


def test_a_stop_is_told_before_it_refuses_anybody(tmp_path: Path) -> None:
    """For `server.leave` seconds `/readyz` says 503 while requests are answered, each on its last connection."""
    with ServerProcess(tmp_path, server={"leave": 60}) as server:
        ready = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n"
        kept = server.connect()
        kept.sendall(ready)
        assert read_answer(kept)[0] == 200
        server.process.send_signal(signal.SIGTERM)
        while (answer := server.exchange(ready))[0] == 200:
            pass
        assert problem(answer, 503)["code"] == "not_ready"
        kept.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        status, fields, _ = read_answer(kept)
        assert (status, fields["connection"]) == (200, "close")
        assert server.exchange(b"POST /recommendations?user_id=u HTTP/1.1\r\nhost: localhost\r\n\r\n")[0] == 200
        server.process.send_signal(signal.SIGTERM)  # the second does not wait
        assert server.end()[0] == 0
        kept.close()


def test_a_stop_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, server={"drain": 1}) as server:
        stuck = server.connect()
        stuck.sendall(HEAD + b"content-length: 40\r\n\r\n")
        assert server.exchange(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")[0] == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.end()[0] == 0
        stuck.close()


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        request = HEAD + b"content-length: %d\r\n\r\n" % len(EVENT) + EVENT
        sequence = json.loads(server.exchange(request)[2])["sequence"]
        server.process.kill()
        server.end()
    with ServerProcess(tmp_path) as server:
        answer = json.loads(server.exchange(b"GET /v1/system HTTP/1.1\r\nhost: localhost\r\n\r\n")[2])
        assert answer["position"] == sequence


def test_a_second_server_on_the_same_data_says_who_holds_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as first:
        code, _, err = ServerProcess(tmp_path).end()
        assert code != 0
        assert f"process {first.process.pid}" in err
        assert f"serve on http://127.0.0.1:{first.port}" in err
        assert "Traceback" not in err


def test_a_port_in_use_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=rf"Port {port} .*server\.port") as caught:
            bind("127.0.0.1", port)
        assert caught.value.code == "port_in_use"
        code, _, err = ServerProcess(tmp_path / "data", server={"port": port}).end()
    assert code != 0
    assert f"Port {port}" in err
    assert not (tmp_path / "data" / "honeyguide.sqlite").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_other_machines_may_come_only_with_a_key(host: str) -> None:
    with pytest.raises(ConfigError, match=r"auth\.key = "):
        check_binding(Settings(), host)
    check_binding(Settings(auth=Auth(key=SecretStr("k" * 20))), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9", "::1"])
def test_this_machine_may_come_without(host: str) -> None:
    check_binding(Settings(), host)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "999.1.1.1", "a b", "x" * 300])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.host"):
        check_binding(Settings(), host)


def test_an_address_of_another_machine_cannot_be_bound() -> None:
    with pytest.raises(ConfigError, match="cannot be bound"):
        bind("192.0.2.1", 0)


def test_addresses_are_written_as_they_are_called() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    with bind("localhost", 0) as listener:
        assert address_of(listener).startswith("http://127.0.0.1:")
