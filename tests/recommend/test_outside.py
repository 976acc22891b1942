"""Sources and embeddings from outside, behind real lists: named by a surface, replayed, survived."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.outside import Embeddings, ExternalSource, Outbound
from honeyguide.config.settings import Surface
from honeyguide.config.sources import SourceUse
from honeyguide.errors import ConfigError
from tests.shop import BALL, NOW, catalogue, open_shop

Answer = Callable[[Any], Any]


class Site(ThreadingHTTPServer):
    """Answers JSON with JSON, as `answer` says; None is an error."""

    answer: Answer
    asked: list[Any]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        found = self.server.answer(body)
        text = json.dumps(found).encode()
        self.send_response(500 if found is None else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def surface(*names: str, **fields: Any) -> Surface:
    sources = [SourceUse(name=name) for name in (*names, "popular", "catalogue")]
    return Surface(name="aside", exclude=[], max_per_category=0, sources=sources, deadline=30.0, **fields)


def by(hg: Honeyguide, source: str, **query: Any) -> list[str]:
    slate = hg.recommend("u0", n=16, surface="aside", **query)
    return [item.item_id for item in slate.items if source in item.sources]


def test_a_service_names_items_and_is_not_asked_again_for_the_explanation(site: Site, tmp_path: Path) -> None:
    site.answer = lambda body: {"items": [BALL[7], "nowhere", BALL[6]]}
    partner = ExternalSource(name="partner", url=f"http://{site.host}/pick", deadline=10.0, weight=1.5)
    allowed = Outbound(private_hosts=[site.host])
    with open_shop(
        tmp_path, clock=ManualClock(NOW), external=[partner], outbound=allowed, surfaces=[surface("partner")]
    ) as hg:
        slate = hg.recommend("u0", n=5, surface="aside")
        assert [item.item_id for item in slate.items[:2]] == [BALL[7], BALL[6]]
        assert slate.items[0].sources[0] == "partner"
        (told,) = site.asked
        assert (told["user_id"], told["surface"], told["limit"]) == ("u0", "aside", 100)
        assert len(told["history"]) == 5
        assert hg.recommend("u0", n=5, surface="aside").cached
        site.answer = lambda body: {"items": []}
        hg.run(hg.runtime.slates.round())
        assert hg.explain(slate.request_id).matches
        assert len(site.asked) == 1, "neither the cache nor an explanation asks anybody"
        hg.recommend("u0", n=5, surface="aside", explain=True)
        assert len(site.asked) == 2, "and an explained list only once"


def test_a_service_that_fails_is_named_and_left_alone_after_a_while(site: Site, tmp_path: Path) -> None:
    site.answer = lambda body: None
    partner = ExternalSource(name="partner", url=f"http://{site.host}/pick", deadline=10.0)
    allowed = Outbound(private_hosts=[site.host])
    with open_shop(
        tmp_path, clock=ManualClock(NOW), external=[partner], outbound=allowed, surfaces=[surface("partner")]
    ) as hg:
        for _ in range(8):
            slate = hg.recommend("u0", n=5, surface="aside")
            assert len(slate.items) == 5
            assert slate.degraded == ["source:partner"]
        assert len(site.asked) == 5, "the circuit has opened"
        hg.run(hg.runtime.slates.round())
        assert hg.explain(slate.request_id).matches


def test_a_query_names_items(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "picks.db") as db:
        db.execute("CREATE TABLE picks (user_id TEXT, item_id TEXT)")
        db.executemany("INSERT INTO picks VALUES (?, ?)", [("u0", BALL[5]), ("u1", BALL[4])])
    db.close()
    url = f"sqlite:///{tmp_path}/picks.db"
    picks = ExternalSource(name="picks", url=url, query="SELECT item_id FROM picks WHERE user_id = :user_id", deadline=10.0)
    with open_shop(tmp_path / "shop", clock=ManualClock(NOW), external=[picks], surfaces=[surface("picks")]) as hg:
        assert by(hg, "picks") == [BALL[5]]
        assert by(hg, "picks", personalised=False) == []


def test_a_service_that_may_not_be_called_is_refused_at_the_start(tmp_path: Path) -> None:
    partner = ExternalSource(name="partner", url="https://partner.test/pick")
    with pytest.raises(ConfigError, match=r"partner\.test is not among"):
        open_shop(tmp_path, external=[partner])


def vector(text: str) -> list[float]:
    """A language model that knows what is round."""
    return [1.0, 0.0] if text.lower() in {"ball", "cup", "pot", "marble"} else [0.0, 1.0]


def test_items_are_alike_by_an_endpoint_s_embeddings(site: Site, tmp_path: Path) -> None:
    def answer(body: Any) -> Any:
        return {"data": [{"index": place, "embedding": vector(text)} for place, text in enumerate(body["input"])]}

    site.answer = answer
    settings: dict[str, Any] = {
        "embeddings": Embeddings(url=f"http://{site.host}/v1/embeddings", model="m", batch=8),
        "outbound": Outbound(private_hosts=[site.host]),
        "content": {"fields": ["title"]},
        "surfaces": [surface("content", recipe="similar")],
    }
    with open_shop(tmp_path, clock=ManualClock(NOW), **settings) as hg:
        assert {len(body["input"]) for body in site.asked} == {8}
        assert {text for body in site.asked for text in body["input"]} == {item["title"] for item in catalogue()}
        site.answer = lambda body: None  # the job that asks may be quicker than this test
        hg.ingest([{"item_id": "marble", "title": "Marble"}], "items")
        assert by(hg, "content", item_id="marble") == []
        site.answer = answer
        hg.run(hg.runtime.embed.round())
        assert site.asked[-1] == {"model": "m", "input": ["Marble"], "encoding_format": "float"}
        assert set(by(hg, "content", item_id="marble", explain=True)) == {"ball", "cup", "pot"}
        site.answer = lambda body: None
        hg.ingest([{"item_id": "late", "title": "Late"}], "items")
        assert "Not all texts have their embeddings" in " ".join(hg.train().notes)
