"""`models promote` and `models rollback` through a server, under traffic; and how they find what is meant there."""

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from honeyguide.cli.there import promote_there, roll_back_there
from honeyguide.errors import NotFound
from tests.cli.conftest import Run
from tests.e2e.server import GENEROUS, serving


def test_a_server_is_told_and_no_request_fails_meanwhile(run: Run, shop: Path) -> None:
    users = sorted({line.split(",")[1] for line in (shop / "events.csv").read_text().splitlines()[1:]})[:8]
    with serving(shop / "data") as server:
        done, statuses, models = threading.Event(), Counter[int](), Counter[str]()

        def ask() -> None:
            while not done.is_set():
                for user in users:
                    answer = server.http.get("/v1/recommendations", params={"user_id": user, "n": 5})
                    statuses[answer.status_code] += 1
                    models[answer.json()["model"]] += 1
                    assert len(answer.json()["items"]) == 5

        reader = threading.Thread(target=ask)
        reader.start()
        try:
            ran = run("models", "promote", "popular@1", "--url", server.url)
            assert "champion  popular@1  (was ease@1)\n" in ran.out
            assert server.http.get("/v1/aliases/champion").json()["serving"] == "popular@1"
            told = run("models", "rollback", "--url", server.url, "--json").json
            assert told == {"alias": "champion", "version": "ease@1", "before": "popular@1"}
            assert server.http.get("/v1/aliases/champion").json()["serving"] == "ease@1"
            assert run("status", "--json").json["aliases"]["champion"] == "ease@1"
            assert "popular@9" in run("models", "promote", "popular@9", "--url", server.url, code=1).err
        finally:
            done.set()
            reader.join(GENEROUS)
    assert set(statuses) == {200}
    assert set(models) <= {"ease@1", "popular@1"}


def test_nobody_answers_there(run: Run, shop: Path) -> None:
    ran = run("models", "rollback", "--url", "http://127.0.0.1:9", code=4)
    assert "No server answers at http://127.0.0.1:9" in ran.err


class There:
    """A server with these aliases and versions, that notes what it is told to do."""

    url = "http://there"

    def __init__(self, aliases: Mapping[str, str], pages: list[list[str]]) -> None:
        self.aliases, self.pages = aliases, pages
        self.told: list[tuple[str, str, Any]] = []

    def ask(self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        if method == "GET" and path == "/v1/aliases":
            return {"items": [{"alias": name, **self.version(label)} for name, label in self.aliases.items()]}
        if method == "GET" and path == "/v1/models":
            at = int((params or {}).get("cursor") or 0)
            following = str(at + 1) if at + 1 < len(self.pages) else None
            return {"items": [self.version(label) for label in self.pages[at]], "next_cursor": following}
        self.told.append((method, path, body))
        return self.version("ease@3") if body is None else body

    @staticmethod
    def version(label: str) -> dict[str, Any]:
        model, _, number = label.partition("@")
        return {"model": model, "version": int(number)}


@pytest.fixture
def there() -> There:
    return There({"champion": "ease@4", "shadow": "knn@2"}, [["ease@4", "popular@4"], ["knn@3", "knn@2"]])


@pytest.mark.parametrize(
    ("named", "model", "version"),
    [("ease@2", "ease", 2), ("shadow", "knn", 2), ("knn", "knn", 3), ("popular", "popular", 4), ("champion", "ease", 4)],
)
def test_what_is_meant_there(there: Any, named: str, model: str, version: int) -> None:
    assert promote_there(there, named, "champion", anyway=False) == ("ease@4", f"{model}@{version}")
    body = {"model": model, "version": version, "anyway": False}
    assert there.told == [("PUT", "/v1/aliases/champion", body)]


def test_an_alias_that_is_new_there(there: Any) -> None:
    assert promote_there(there, "knn", "fresh", anyway=True) == (None, "knn@3")
    assert there.told == [("PUT", "/v1/aliases/fresh", {"model": "knn", "version": 3, "anyway": True})]


def test_a_model_that_there_is_not(there: Any) -> None:
    with pytest.raises(NotFound, match="There is no model 'als' at http://there"):
        promote_there(there, "als", "champion", anyway=False)
    assert there.told == []


def test_rolling_back_there(there: Any) -> None:
    assert roll_back_there(there, "champion") == ("ease@4", "ease@3")
    assert there.told == [("POST", "/v1/aliases/champion:rollback", None)]
