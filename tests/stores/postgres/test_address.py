"""URLs: what is ours, what is libpq's, and that no message ever holds a password."""

import pytest

from honeyguide.config.settings import Storage
from honeyguide.errors import ConfigError
from honeyguide.stores.postgres.address import address
from honeyguide.stores.postgres.connect import session
from honeyguide.stores.postgres.faults import meaning


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://ann:pw@db.example:6543/shop", "postgresql://ann@db.example:6543/shop?schema=honeyguide"),
        ("postgres://ann@db/shop?schema=eu_1", "postgresql://ann@db:5432/shop?schema=eu_1"),
        ("postgresql:///shop?host=/run/pg&schema=x", "postgresql:///run/pg:5432/shop?schema=x"),
        ("postgresql://ann:p%40%2F%3A@a:1,b:2/shop?sslmode=require", "postgresql://ann@a:1,b:2/shop?schema=honeyguide"),
        ("postgresql://ann:pw@[::1]:7000/shop", "postgresql://ann@::1:7000/shop?schema=honeyguide"),
    ],
)
def test_a_url_is_taken_apart(url: str, where: str) -> None:
    found = address(url)
    assert found.where == where
    assert "pw" not in repr(found)


def test_what_is_not_ours_goes_to_libpq() -> None:
    found = address("postgresql://ann:p%40%2F%3A%25@a:1,b:2/shop?sslmode=require&schema=x&target_session_attrs=read-write")
    assert found.secret == "p@/:%"
    assert "schema" not in found.params
    assert (found.params["sslmode"], found.params["host"], found.params["port"]) == ("require", "a,b", "1,2")
    assert found.params["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@host/db?nonsense=hunter2",
        "postgresql://ann:hunter2%zz@host/db",
        "postgresql://ann:hunter2@[::1/db",
        "postgresql://ann:hunter2@host/db?schema=Robert'); DROP TABLE log;--",
        "postgresql://ann:hunter2@host/db?schema=pg_catalog",
        "postgresql://ann:hunter2@host/db?schema=",
    ],
)
def test_a_wrong_url_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"storage\.url") as refused:
        address(url)
    assert "hunter2" not in f"{refused.value} {refused.value.cure}"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_password_in_a_message_of_the_server_is_struck_out() -> None:
    told = meaning(OSError("cannot log in as ann with hunter2"), address("postgresql://ann:hunter2@host/db"))
    assert "hunter2" not in str(told)
    assert "***" in str(told)


def test_sessions_are_bounded_by_the_server_itself() -> None:
    """Also when the URL brings options of its own."""
    where = address("postgresql://ann@host/db?options=-c%20geqo%3Doff&connect_timeout=9&schema=shop")
    storage = Storage(read_timeout=0.2, statement_timeout=7, lock_timeout=3, idle_timeout=4)
    read, write, slates = (session(where, storage, kind) for kind in ("read", "write", "slates"))
    assert read["options"].startswith("-c geqo=off -c search_path=shop -c statement_timeout=200 -c lock_timeout=3000")
    assert "default_transaction_read_only=on" in read["options"]
    assert "statement_timeout=7000" in write["options"]
    assert "idle_in_transaction_session_timeout=4000" in write["options"]
    assert "synchronous_commit" not in write["options"]
    assert "synchronous_commit=off" in slates["options"]
    assert read["connect_timeout"] == "9"
