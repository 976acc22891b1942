"""How commands reach the configuration, the tables and the data of a project."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.cli.frame import Invocation
from honeyguide.cli.holder import holder_of
from honeyguide.cli.models import find_version
from honeyguide.cli.opening import configuration, invocation, require_data, short
from honeyguide.cli.project import project
from honeyguide.cli.reading import read_data
from honeyguide.cli.storage import storage
from honeyguide.clock import ManualClock
from honeyguide.config import load
from honeyguide.errors import ConfigError, NotFound
from honeyguide.stores.urls import open_store
from tests.shop import NOW, open_shop


def context(given: Invocation) -> Any:
    """A call's context with these global options."""

    class Root:
        obj = given

    class Context:
        def find_root(self) -> Root:
            return Root()

    made: Any = Context()
    return made


# --- configuration --------------------------------------------------------------------------------------------------------


def test_flags_are_settings_and_those_not_given_are_none(folder: Path) -> None:
    loaded = configuration(context(Invocation()), server__port=9, server__host=None)
    assert (loaded.settings.server.port, loaded.settings.server.host) == (9, "127.0.0.1")
    assert (loaded.sources["server.port"], loaded.sources["server.host"]) == ("flag", "default")
    with pytest.raises(ConfigError, match=r"server\.port is 70000"):
        configuration(context(Invocation()), server__port=70_000)


def test_the_global_options_choose_file_and_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.toml").write_text("[server]\nport = 5")
    loaded = configuration(context(Invocation(config=Path("a.toml"), data_dir=Path("d"))))
    assert (loaded.settings.server.port, loaded.settings.project.data_dir) == (5, folder / "d")
    monkeypatch.setenv("HONEYGUIDE_PROJECT__DATA_DIR", "other")
    assert configuration(context(Invocation(data_dir=Path("d")))).settings.project.data_dir == folder / "d"
    assert configuration(context(Invocation())).settings.project.data_dir == folder / "other"


def test_a_context_without_options_has_the_plain_ones() -> None:
    nothing: Any = None
    assert invocation(context(nothing)) == Invocation()


def test_paths_are_short_inside_the_current_folder(folder: Path) -> None:
    assert short(folder / "data") == "./data"
    assert short(folder) == "."
    assert short(Path("/somewhere/else")) == "/somewhere/else"


# --- data -----------------------------------------------------------------------------------------------------------------


def test_reading_needs_data_and_a_storage_url_is_taken_at_its_word(folder: Path) -> None:
    with pytest.raises(NotFound, match=r"There is no data in \./data yet\.") as caught:
        require_data(load(environ={}))
    assert caught.value.code == "no_data"
    require_data(load(environ={"HONEYGUIDE_STORAGE__URL": "sqlite:///elsewhere"}))
    (folder / "data").mkdir()
    (folder / "data" / "honeyguide.sqlite").touch()
    require_data(load(environ={}))


def test_a_project_is_made_only_where_it_may_be(folder: Path) -> None:
    with pytest.raises(NotFound), project(context(Invocation())):
        pass
    assert list(folder.iterdir()) == []
    with project(context(Invocation()), create=True) as opened:
        assert isinstance(opened, Honeyguide)
    with project(context(Invocation())) as opened:
        assert opened.settings.project.data_dir == folder / "data"
    with storage(context(Invocation())) as stored:
        assert stored.store.registry.versions() == []


def test_the_data_that_doctor_looks_at(folder: Path) -> None:
    clock = ManualClock(NOW)
    with open_shop(folder / "data", clock=clock, train=False) as shop:
        live = [{"user_id": "u1", "item_id": "tea", "type": "view", "ts": NOW - 5}]
        assert shop.ingest(live, imported=False).accepted == 1
        shop.ingest([{"item_id": "cup", "hidden": True}, {"item_id": "new", "title": "New"}], "items")
        shop.run(shop.runtime.ingest.delete_items(["net"]))
    store = open_store(load(environ={}).settings, clock)
    try:
        data, position = read_data(store, NOW)
    finally:
        store.close()
    assert data.events.height == 40 * 5 + 1
    assert data.recent.rows() == [(NOW - 5, NOW)]
    items = {item_id: (title, categories, shown) for item_id, title, categories, shown in data.items.iter_rows()}
    assert items["tea"] == ("Tea", 1, True)
    assert items["cup"][2] is False
    assert items["new"] == ("New", 0, True)
    assert "net" not in items
    assert position > data.events.height


def test_names_of_versions(folder: Path) -> None:
    with open_shop(folder / "data", clock=ManualClock(NOW)) as shop:
        registry = shop.runtime.store.registry
        champion = registry.aliases()["champion"]
        assert find_version(registry, "champion") == champion
        assert find_version(registry, "ease@1").label == "ease@1"
        assert find_version(registry, "popular").label == "popular@1"
        for name in ("zzz", "ease@", "ease@x", "ease@9999999999", "ease@1.5"):
            with pytest.raises(NotFound, match="ease@1") as caught:
                find_version(registry, name)
            assert "champion" in caught.value.cure


def test_without_any_version_the_cure_is_to_train(folder: Path) -> None:
    with open_shop(folder / "data", clock=ManualClock(NOW), train=False) as shop:
        with pytest.raises(NotFound) as caught:
            find_version(shop.runtime.store.registry, "champion")
        assert caught.value.cure == "honeyguide train"


# --- who holds it ---------------------------------------------------------------------------------------------------


def lock(folder: Path, **fields: Any) -> Path:
    told = {"holder": "serve on http://h:1", "pid": os.getpid(), "host": socket.gethostname(), "since": 5} | fields
    (folder / "server.lock").write_text(json.dumps(told))
    return folder


def test_a_holder_that_lives_is_told(folder: Path) -> None:
    found = holder_of(lock(folder))
    assert found is not None
    assert (found.holder, found.pid, found.since) == ("serve on http://h:1", os.getpid(), 5)


def test_a_holder_on_another_machine_is_believed(folder: Path) -> None:
    found = holder_of(lock(folder, host="another", pid=2**22 + 1))
    assert found is not None


def test_a_process_of_somebody_else_lives_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    assert holder_of(lock(folder)) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_file_that_tells_nothing_is_nobody(folder: Path, text: str) -> None:
    assert holder_of(folder) is None
    (folder / "server.lock").write_text(text)
    assert holder_of(folder) is None


def test_a_holder_is_found_beside_a_running_server_without_touching_its_lock(folder: Path) -> None:
    with open_shop(folder / "data", clock=ManualClock(NOW), train=False) as shop, shop.runtime.store.hold("serve on x"):
        found = holder_of(folder / "data")
        assert found is not None
        assert found.holder == "serve on x"
    assert holder_of(folder / "data") is None
