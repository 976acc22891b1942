"""The short way of a list in memory: the same answers as the ordinary way, in the same order, under the same rules."""

import contextlib
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from honeyguide.api.endpoint import Answer
from honeyguide.errors import InvalidInput
from tests.api.process import ServerProcess, read_answer
from tests.api.test_endpoint import Stage, answers
from tests.redis_server import eventually

LIST = b"POST /recommendations?user_id=u&n=3 HTTP/1.1\r\nhost: localhost\r\n"
FULL = b"GET /v1/recommendations?user_id=u&n=3 HTTP/1.1\r\nhost: localhost\r\n"
COLD = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n"
ORDINARY = b"connection: close\r\n"
EVENT = b'{"type":"purchase","user_id":"u","item_id":"i3"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("served")) as running:
        items = json.dumps([{"item_id": f"i{n}"} for n in range(20)]).encode()
        assert running.exchange(post("/v1/items:batch", items))[0] == 200
        events = json.dumps([{"type": "view", "user_id": f"u{n}", "item_id": f"i{n % 20}"} for n in range(40)]).encode()
        assert running.exchange(post("/v1/events:batch", events))[0] == 202
        last = json.loads(running.exchange(post("/v1/events", EVENT))[2])["sequence"]
        eventually(lambda: model(running) == f"live@{last}")  # until then lists may be those of popularity counted before
        yield running


def model(server: ServerProcess) -> str:
    """What lists are made with now."""
    made = b"GET /v1/recommendations?personalised=false&dry_run=true HTTP/1.1\r\nhost: localhost\r\n\r\n"
    return str(json.loads(server.exchange(made)[2])["model"])


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def logged(server: ServerProcess) -> float:
    """Lists that were served, by the server's own count: from memory, unless one was just being made anew."""
    return counted(server, "honeyguide_recommend_requests_total", "surface=")


def missed(server: ServerProcess) -> float:
    """Looks into memory that found nothing, by the server's own count."""
    return counted(server, "honeyguide_cache_requests_total", 'result="miss",tier="l1"')


def counted(server: ServerProcess, name: str, labels: str) -> float:
    text = server.exchange(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")[2].decode()
    lines = [line for line in text.splitlines() if line.startswith(f"{name}{{") and labels in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.mark.parametrize("request_", [LIST, FULL, LIST.replace(b"n=3", b"n=0"), LIST.replace(b"user_id", b"user")])
def test_both_ways_answer_the_same(server: ServerProcess, request_: bytes) -> None:
    eventually(lambda: both_ways_alike(server, request_))


def both_ways_alike(server: ServerProcess, request_: bytes) -> bool:
    """False while a list is being made anew, since then one of the two may be the one before."""
    server.exchange(request_ + b"\r\n")
    short, ordinary = server.exchange(request_ + b"\r\n"), server.exchange(request_ + ORDINARY + b"\r\n")
    assert short[0] == ordinary[0]
    assert list(short[1]) == [name for name in ordinary[1] if name != "connection"]
    found = [json.loads(answer[2]) for answer in (short, ordinary)]
    for answer in found:
        assert answer.pop("request_id")
    return bool(found[0] == found[1])


def test_an_id_of_the_callers_is_kept(server: ServerProcess) -> None:
    for extra in (b"", ORDINARY):
        assert server.exchange(LIST + b"x-request-id: mine\r\n" + extra + b"\r\n")[1]["x-request-id"] == "mine"


def test_answers_keep_the_order_of_their_requests(server: ServerProcess) -> None:
    """Of a list in memory, one that waits for the disk, a cold one, and again."""
    server.exchange(LIST + b"\r\n")
    requests = [LIST + b"\r\n", post("/v1/events", EVENT), COLD + b"\r\n", FULL + b"\r\n", LIST + b"\r\n"] * 3
    with server.connect() as connection:
        connection.sendall(b"".join(requests))
        statuses = [status for status, _, _ in read_all(connection, len(requests))]
    assert statuses == [200, 202, 200, 200, 200] * 3


@pytest.mark.parametrize("request_", [LIST + b"\r\n", COLD + b"\r\n"])
def test_many_requests_in_one_piece_are_no_long_head(server: ServerProcess, request_: bytes) -> None:
    """Whatever pieces they are read in, the last head of which may end in the next."""
    server.exchange(LIST + b"\r\n")
    count = 200_000 // len(request_)
    with server.connect() as connection:
        sender = threading.Thread(target=connection.sendall, args=(request_ * count,))
        sender.start()
        assert [status for status, _, _ in read_all(connection, count)] == [200] * count
        sender.join()


def test_a_head_that_is_too_long_is_refused_behind_other_requests_too(server: ServerProcess) -> None:
    with server.connect() as connection:
        connection.sendall(LIST + b"\r\n" + LIST + b"x-long: ")
        assert read_answer(connection)[0] == 200
        with contextlib.suppress(ConnectionError):  # it may close while we still send
            for _ in range(64):
                connection.sendall(b"x" * 4_096)
        with contextlib.suppress(ConnectionError):
            assert read_answer(connection)[0] == 431


def read_all(connection: socket.socket, answers: int) -> list[tuple[int, dict[str, str], bytes]]:
    """So many answers, that may come in one piece."""
    found: list[tuple[int, dict[str, str], bytes]] = []
    rest = b""
    while len(found) < answers:
        head, ended, body = rest.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
        if not ended or len(body) < length:
            part = connection.recv(65_536)
            assert part
            rest += part
            continue
        found.append((int(head.split(b" ")[1]), {}, body[:length]))
        rest = body[length:]
    return found


def test_a_head_may_come_in_pieces(server: ServerProcess) -> None:
    with server.connect() as connection:
        for _ in range(3):
            for piece in (LIST[:20], LIST[20:50], LIST[50:], b"\r\n"):
                connection.sendall(piece)
            assert read_answer(connection)[0] == 200


def test_every_list_is_counted_on_the_short_way_too(server: ServerProcess) -> None:
    server.exchange(LIST + b"\r\n")
    before = logged(server)
    for _ in range(5):
        server.exchange(LIST + b"\r\n")
    assert logged(server) == before + 5


def test_a_list_that_is_not_there_is_missed_once(server: ServerProcess) -> None:
    for way, extra in enumerate((b"", ORDINARY)):
        before = missed(server)
        request = LIST.replace(b"user_id=u", b"user_id=u%d" % (30 + way))
        assert server.exchange(request + extra + b"\r\n")[1]["x-honeyguide-cache"] == "computed"
        assert missed(server) == before + 1


def test_an_id_that_is_none_is_refused_whether_or_not_the_list_is_there(server: ServerProcess) -> None:
    nobodys = b"GET /v1/recommendations?personalised=false%b HTTP/1.1\r\nhost: localhost\r\n\r\n"
    for _ in range(2):
        assert server.exchange(nobodys % b"")[0] == 200
    assert json.loads(server.exchange(nobodys % b"&user_id=u")[2])["cached"]
    for bad in (b"a%00b", b"x" * 300):
        assert server.exchange(nobodys % (b"&user_id=" + bad))[0] == 422


def test_a_purchase_is_out_of_the_very_next_list(server: ServerProcess) -> None:
    with server.connect() as connection:
        for _ in range(5):
            connection.sendall(LIST + b"\r\n")
            first = json.loads(read_answer(connection)[2])["items"][0]
            connection.sendall(post("/v1/events", EVENT.replace(b"i3", first.encode())))
            assert read_answer(connection)[0] == 202
            connection.sendall(LIST + b"\r\n")
            assert first not in json.loads(read_answer(connection)[2])["items"]


def test_a_server_that_leaves_answers_once_more_and_closes(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, server={"leave": 60}) as server:
        assert server.exchange(post("/v1/items:batch", b'[{"item_id":"i"}]'))[0] == 200
        assert server.exchange(post("/v1/events", EVENT.replace(b"i3", b"i")))[0] == 202
        kept = server.connect()
        kept.sendall(LIST + b"\r\n")
        assert read_answer(kept)[0] == 200
        server.process.send_signal(signal.SIGTERM)
        while server.exchange(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n")[0] == 200:
            pass
        kept.sendall(LIST + b"\r\n")
        status, fields, _ = read_answer(kept)
        assert (status, fields["connection"]) == (200, "close")
        kept.close()
        server.process.send_signal(signal.SIGTERM)
        assert server.end()[0] == 0


def at_once(
    stage: Stage, ready: Callable[[bytes], Answer | None], **headers: bytes
) -> tuple[Answer, dict[bytes, bytes]] | None:
    stage.endpoint.ready = ready
    scope = {"method": "GET", "raw_path": b"/thing", "query_string": b"a=1", "headers": []}
    found = stage.endpoint.at_once(scope, {name.encode(): value for name, value in headers.items()})
    return found and (found[0], dict(found[1]))


def fails(error: Exception) -> Callable[[bytes], Answer | None]:
    def ready(_: bytes) -> Answer | None:
        raise error

    return ready


def test_what_is_not_at_hand_leaves_nothing_behind() -> None:
    stage = Stage(answers(Answer(b"later")))
    assert at_once(stage, lambda query: None) is None
    assert (stage.count("2xx"), stage.made) == (0, 0)


def test_what_fails_on_the_way_is_a_problem_and_counted_once() -> None:
    stage = Stage(answers(Answer(b"later")))
    for error, status in ((InvalidInput("no"), 422), (RuntimeError("secret"), 500)):
        found = at_once(stage, fails(error))
        assert found is not None
        assert found[0].status == json.loads(found[0].body)["status"] == status
        assert b"secret" not in found[0].body
    assert stage.metrics.registry.get_sample_value("honeyguide_http_errors_total", {"route": "/thing"}) == 1
    assert (stage.count("4xx"), stage.count("5xx")) == (1, 1)


def test_the_key_is_asked_for_first() -> None:
    stage = Stage(answers(Answer(b"later")), key="k" * 20)
    asked: list[bytes] = []
    found = at_once(stage, lambda query: asked.append(query))
    assert found is not None
    assert (found[0].status, asked) == (401, [])
    found = at_once(stage, lambda query: Answer(query), authorization=b"Bearer " + b"k" * 20)
    assert found is not None
    assert (found[0].status, found[0].body, found[1][b"content-length"]) == (200, b"a=1", b"3")
