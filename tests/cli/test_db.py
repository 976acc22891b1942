"""`honeyguide db`: the schema told and made, and a shop that moves to PostgreSQL while it is in use."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests import postgres
from tests.cli.conftest import Run

DATA = Path(__file__).parents[3] / "shared" / "data" / "movielens-latest-small"
_PATIENT = {"HONEYGUIDE_STORAGE__READ_TIMEOUT": "20s", "HONEYGUIDE_STORAGE__POOL_WAIT": "20s"}


def empty_url() -> str:
    server = postgres.server()
    return server.url_of(server.database())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_schema_is_told_and_made(run: Run, folder: Path, kind: str) -> None:
    """Looking changes nothing."""
    url = "sqlite:shop" if kind == "sqlite" else empty_url()
    environ = {"HONEYGUIDE_STORAGE__URL": url, **_PATIENT}
    for _ in range(2):
        told = run("db", "current", "--json", **environ).json
        assert told["schema"] == {"truth": None, "losable": None}
        assert told["pending"] is True
    assert "honeyguide db upgrade" in run("db", "current", **environ).out
    assert not (folder / "shop").exists()
    upgraded = run("db", "upgrade", "--json", **environ).json
    assert upgraded["before"] == {"truth": None, "losable": None}
    assert upgraded["schema"] == upgraded["release"]
    assert upgraded["pending"] is False
    again = run("db", "upgrade", **environ).out
    assert "changed   nothing" in again
    assert "up to date" in run("db", "current", **environ).out
    assert postgres.PASSWORD not in again


def test_a_newer_schema_is_told(run: Run, folder: Path) -> None:
    run("db", "upgrade")
    with closing(sqlite3.connect(folder / "data" / "honeyguide.sqlite")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "pip install --upgrade" in run("db", "current", code=1).err


def test_a_shop_moves_while_it_is_in_use(run: Run, shop: Path) -> None:
    """Copied, caught up with, and served from the other side: the same lists, and the training of then."""
    url = empty_url()
    (shop / "target").write_text(url + "\n")
    first = run("db", "copy", "sqlite:data", "@target", "--json", "--progress", "none", **_PATIENT).json
    assert first["tables"]["log"] == first["position"] == first["added"] > 1000
    assert first["tables"]["model_versions"] == 2
    later = {"user_id": "u1", "item_id": "late", "type": "view", "ts": "2026-01-01T00:00:00Z"}
    (shop / "late.jsonl").write_text(json.dumps(later) + "\n")
    run("import", "events", "late.jsonl")
    told = run("db", "copy", "sqlite:///data", "@target", "--progress", "none", **_PATIENT)
    assert "1 row copied" in told.out
    assert "the same on both sides" in told.out
    assert "storage.url" in told.err
    assert "s3cret" not in told.out + told.err
    there = {"HONEYGUIDE_STORAGE__URL": url, **_PATIENT}
    lists = [run("recommend", "u3", "-n", 8, "--json", **environ).json for environ in ({}, there)]
    assert [item["item_id"] for item in lists[0]["items"]] == [item["item_id"] for item in lists[1]["items"]]
    assert lists[0]["as_of"] == lists[1]["as_of"] == first["position"] + 1
    assert run("status", "--json", **there).json["aliases"] == run("status", "--json").json["aliases"]
    run("import", "events", "late.jsonl", **there)
    run("train", "popular", "--progress", "none", code=None, **there)
    refused = run("db", "copy", "sqlite:data", "@target", code=1, **_PATIENT)
    assert "has been used since" in refused.err


def test_what_a_copy_refuses(run: Run, folder: Path) -> None:
    assert "both source and target" in run("db", "copy", "sqlite:data", "sqlite:///data", code=1).err
    assert "There is no project" in run("db", "copy", "sqlite:data", "sqlite:other", code=1).err
    assert "cannot be read" in run("db", "copy", "@nothing", "sqlite:other", code=1).err
    assert "schemes are" in run("db", "copy", "mysql://a:hunter2@b/c", "sqlite:other", code=2).err
    wrong = run("db", "copy", "postgresql://a:hunter2@[b/c", "sqlite:other", code=2)
    assert "storage.url is not a PostgreSQL URL" in wrong.err
    assert "hunter2" not in wrong.err
    assert not (folder / "other").exists(), "nothing is made before both sides are known"
    run("db", "upgrade")
    with closing(sqlite3.connect(folder / "data" / "honeyguide.sqlite")) as db, db:
        db.execute("DELETE FROM alembic_version")
    assert "There is no project" in run("db", "copy", "sqlite:data", "sqlite:other", code=1).err


def test_a_password_is_shown_nowhere(run: Run, folder: Path) -> None:
    """Not by the configuration, not by errors, whatever is wrong with the database."""
    secret = "hunter2hunter2"
    for place in (f"127.0.0.1:{postgres.free_port()}/db", f"127.0.0.1:{postgres.server().port}/db", "[::1/db", "h/db?x=1"):
        environ = {"HONEYGUIDE_STORAGE__URL": f"postgresql://ann:{secret}@{place}", **_PATIENT}
        for words in (["config", "show", "--sources"], ["config", "check"], ["db", "current"], ["status"], ["doctor"]):
            for more in ([], ["--json"], ["--debug"]):
                ran = run(*words, *more, code=None, **environ)
                assert secret not in ran.out + ran.err, (place, words, more)


@pytest.mark.skipif(not DATA.exists(), reason="the data set movielens-latest-small is not in ../shared/data")
def test_a_real_shop_comes_back_as_it_went(run: Run, folder: Path) -> None:
    """MovieLens to PostgreSQL and back to SQLite: the same checksum over all tables, and the same history."""
    run("import", "movielens", DATA, "--progress", "none")
    run("train", "popular", "--progress", "none")
    url = empty_url()
    out = run("db", "copy", "sqlite:data", url, "--json", "--progress", "none", **_PATIENT).json
    assert out["tables"]["log"] > 100_000
    back = run("db", "copy", url, "sqlite:back", "--json", "--progress", "none", **_PATIENT).json
    assert (back["checksum"], back["tables"], back["position"]) == (out["checksum"], out["tables"], out["position"])
