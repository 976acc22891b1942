"""Which store a URL opens."""

import sys
from pathlib import Path
from subprocess import run

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Project, Settings, Storage
from honeyguide.errors import ConfigError, Unavailable
from honeyguide.stores.sqlite import SLATES, TRUTH
from honeyguide.stores.urls import OPENERS, open_store


def settings(tmp_path: Path, url: str = "") -> Settings:
    return Settings(project=Project(data_dir=tmp_path / "data"), storage=Storage(url=url))


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("", "data"),
        ("sqlite:///{}/else where", "else where"),
        ("sqlite:///{}/per%20cent", "per cent"),
        ("sqlite:///{}", "."),
    ],
)
def test_a_url_names_a_folder(tmp_path: Path, url: str, folder: str) -> None:
    open_store(settings(tmp_path, url.format(tmp_path)), ManualClock()).close()
    assert {path.name for path in (tmp_path / folder).iterdir()} >= {TRUTH, SLATES}


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store(settings(tmp_path, "sqlite:///shop"), ManualClock()).close()
    assert (tmp_path / "shop" / TRUTH).is_file()


@pytest.mark.parametrize("url", ["mysql://host/db", "data", "/var/data", "://", "sqlite3:///x"])
def test_an_unknown_scheme_names_those_there_are(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"schemes are: .*sqlite"):
        open_store(settings(tmp_path, url), ManualClock())


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file", "shop.sqlite", "shop.db"):
        with pytest.raises(ConfigError, match=TRUTH):
            open_store(settings(tmp_path, f"sqlite:///{tmp_path}/{name}"), ManualClock())
    with pytest.raises(ConfigError, match="cannot be created"):
        open_store(settings(tmp_path, f"sqlite:///{tmp_path}/file/inner"), ManualClock())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "data" / TRUTH).mkdir(parents=True)
    with pytest.raises(Unavailable, match="does not answer"):
        open_store(settings(tmp_path), ManualClock())


def test_every_opener_is_there_and_only_the_used_one_is_imported(tmp_path: Path) -> None:
    assert set(OPENERS) == {"postgres", "postgresql", "sqlite"}
    program = (
        "import sys\n"
        "from honeyguide.stores import urls\n"
        "assert not any(name.startswith('honeyguide.stores.sqlite') for name in sys.modules), 'imported before it is used'\n"
        "from honeyguide.clock import ManualClock\n"
        "from honeyguide.config.settings import Project, Settings\n"
        "from pathlib import Path\n"
        f"settings = Settings(project=Project(data_dir=Path({str(tmp_path)!r})))\n"
        "urls.open_store(settings, ManualClock()).close()\n"
        "assert {'sqlalchemy', 'alembic'} & set(sys.modules), 'a new database is migrated'\n"
        "for name in [name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'alembic')]:\n"
        "    del sys.modules[name]\n"
        "urls.open_store(settings, ManualClock()).close()\n"
        "assert not {'sqlalchemy', 'alembic'} & set(sys.modules), 'slow to import, and an old one has no need of them'\n"
    )
    ended = run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
