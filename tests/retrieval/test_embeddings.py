"""Embeddings of items' texts: asked for once, checked, kept, and part of likeness by content."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide.errors import Unavailable
from honeyguide.features import ItemBlock
from honeyguide.protocols import Described
from honeyguide.retrieval.content import ContentIndex, fit_content
from honeyguide.retrieval.embeddings import LONGEST, Embeddings
from honeyguide.stores.vectors import FileVectors
from honeyguide.types import Item

FIELDS = ("title",)


class Endpoint:
    """Knows one direction per first letter; answers in another order than it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.answer: bytes | None = None

    def post(self, url: str, body: bytes, **limits: Any) -> bytes:
        texts = json.loads(body)["input"]
        self.asked.append(texts)
        if self.answer is not None:
            return self.answer
        entries = [
            {"index": place, "embedding": self.vector(text), "object": "embedding"} for place, text in enumerate(texts)
        ]
        return json.dumps({"data": entries[::-1], "model": "m"}).encode()

    @staticmethod
    def vector(text: str) -> list[float]:
        return [1.0, 0.1] if text < "m" else [0.1, 1.0]


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def embeddings(endpoint: Endpoint, tmp_path: Path) -> Embeddings:
    return made(endpoint, tmp_path)


def made(endpoint: Endpoint, folder: Path, model: str = "m") -> Embeddings:
    vectors = FileVectors(folder / "vectors.db")
    return Embeddings(endpoint, vectors, url="https://x/v1/embeddings", model=model, fields=FIELDS, batch=2)


def titled(*titles: str) -> list[Described]:
    return [Described(title, (), {}) for title in titles]


def vectors(found: Sequence[Described]) -> list[Any]:
    return [None if content.vector is None else [round(float(number), 2) for number in content.vector] for content in found]


def test_each_text_is_asked_for_once(embeddings: Embeddings, endpoint: Endpoint, tmp_path: Path) -> None:
    contents = titled("a", "z", "b", "a", "")
    assert vectors(embeddings.filled(contents)) == [None] * 5
    assert embeddings.fetch(contents, 10) == 3
    assert endpoint.asked == [["a", "z"], ["b"]]
    assert vectors(embeddings.filled(contents)) == [[1.0, 0.1], [0.1, 1.0], [1.0, 0.1], [1.0, 0.1], None]
    assert embeddings.version == 2
    again = made(endpoint, tmp_path)
    assert again.fetch(contents, 10) == 0
    assert vectors(again.filled(contents))[:2] == [[1.0, 0.1], [0.1, 1.0]]
    assert made(endpoint, tmp_path, model="other").fetch(contents, 10) == 3, "another model gives other vectors"


def test_an_item_s_own_vector_stays(embeddings: Embeddings, endpoint: Endpoint) -> None:
    own = [Described("a", (), {}, np.array([7.0], np.float32))]
    assert embeddings.fetch(own, 10) == 0
    assert vectors(embeddings.filled(own)) == [[7.0]]
    assert not endpoint.asked


def test_texts_are_bounded_and_clean(embeddings: Embeddings, endpoint: Endpoint) -> None:
    embeddings.fetch(titled("x" * 100_000, "\ud800"), 10)
    assert endpoint.asked == [["x" * LONGEST, "?"]]


def test_what_came_before_a_failure_is_kept(embeddings: Embeddings, endpoint: Endpoint) -> None:
    embeddings.fetch(titled("a"), 10)
    endpoint.answer = b"{}"
    with pytest.raises(Unavailable):
        embeddings.fetch(titled("a", "b"), 10)
    assert vectors(embeddings.filled(titled("a", "b"))) == [[1.0, 0.1], None]


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"index": 0, "embedding": []}],
        [{"index": 1, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1e300]}],
        [{"index": 0, "embedding": ["x"]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        "x",
    ],
)
def test_an_answer_that_is_no_vector_per_text_is_refused(embeddings: Embeddings, endpoint: Endpoint, data: Any) -> None:
    endpoint.answer = json.dumps({"data": data}).encode()
    with pytest.raises(Unavailable, match="embeddings endpoint"):
        embeddings.fetch(titled("a"), 10)
    assert vectors(embeddings.filled(titled("a"))) == [None]


def test_items_are_alike_by_what_the_endpoint_says(embeddings: Embeddings) -> None:
    items = ItemBlock(keeps_vectors=True)
    items.put([Item(item_id=name, title=name, sequence=1) for name in ("apple", "bread", "wine")])
    contents = [items.content(row) for row in range(3)]
    embeddings.fetch(contents, 10)
    space = fit_content(embeddings.filled(contents), FIELDS, 8)
    index = ContentIndex(space, items, embeddings)

    def like(name: str) -> list[str]:
        row = np.array([items.number(name)], np.int32)
        allowed = np.ones(len(items), np.bool_)
        allowed[row] = False
        return [items.ids[found] for found in index.nearest(items, index.vectors(items, row)[0], allowed, 5).rows.tolist()]

    assert like("apple")[0] == "bread"
    items.put([Item(item_id="cheese", title="cheese", sequence=2)])
    assert like("cheese") == [], "nothing is known of it yet"
    embeddings.fetch([items.content(3)], 10)
    assert set(like("cheese")[:2]) == {"apple", "bread"}
