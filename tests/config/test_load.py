"""Where settings come from, in which order, and what is said when they do not fit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from honeyguide.config import LoadedConfig, load
from honeyguide.errors import ConfigError

Write = Callable[[str], Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(home: Path) -> Write:
    """Write honeyguide.toml into the current folder."""

    def write(text: str) -> Path:
        path = home / "honeyguide.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def faults(**arguments: object) -> list[str]:
    """The details of the errors that loading raises."""
    arguments.setdefault("environ", {})
    with pytest.raises(ConfigError) as caught:
        load(**arguments)  # type: ignore[arg-type]
    return [error.detail for error in caught.value.errors]


def fault(**arguments: object) -> str:
    """The one error that loading raises."""
    (only,) = faults(**arguments)
    return only


def test_zero_files_work(home: Path) -> None:
    loaded = load(environ={})
    assert loaded.path is None
    assert loaded.settings.server.port == 8000
    assert loaded.settings.project.data_dir == home / "data"
    assert set(loaded.sources.values()) == {"default"}
    assert "auth.key" in loaded.sources


def test_each_source_beats_the_one_below(write: Write, home: Path) -> None:
    secret = home / "key"
    secret.write_text("from a file\n")
    write('[server]\nport = 1\nhost = "toml"\n[auth]\nkey = "from toml"\n[training]\nk = 3')
    environ = {"HONEYGUIDE_SERVER__PORT": "2", "HONEYGUIDE_AUTH__KEY_FILE": str(secret), "OTHER": "x"}

    def key(loaded: LoadedConfig) -> str:
        assert loaded.settings.auth.key is not None
        return loaded.settings.auth.key.get_secret_value()

    loaded = load(environ=environ)
    assert (loaded.settings.server.port, loaded.settings.server.host, loaded.settings.training.k) == (2, "toml", 3)
    assert key(loaded) == "from a file"
    assert loaded.sources["server.port"] == "HONEYGUIDE_SERVER__PORT"
    assert loaded.sources["auth.key"] == "HONEYGUIDE_AUTH__KEY_FILE"
    assert loaded.sources["server.host"] == "honeyguide.toml:3"
    assert loaded.sources["training.k"] == "honeyguide.toml:7"
    assert loaded.sources["training.seed"] == "default"

    loaded = load(environ=environ | {"HONEYGUIDE_AUTH__KEY": "plain"}, overrides={"server.port": 9})
    assert (loaded.settings.server.port, key(loaded)) == (9, "plain")
    assert loaded.sources["server.port"] == "flag"
    assert loaded.sources["auth.key"] == "HONEYGUIDE_AUTH__KEY"


def test_the_file_is_the_one_given_then_the_one_named_then_the_one_here(write: Write, home: Path) -> None:
    write("[server]\nport = 1")
    (home / "sub").mkdir()
    (home / "sub" / "b.toml").write_text("[server]\nport = 2")
    (home / "c.toml").write_text("[server]\nport = 3")
    environ = {"HONEYGUIDE_CONFIG": "sub/b.toml"}
    assert load(Path("c.toml"), environ=environ).settings.server.port == 3
    assert load(environ=environ).settings.server.port == 2
    assert load(environ={"HONEYGUIDE_CONFIG": ""}).settings.server.port == 1


def test_data_dir_is_relative_to_the_file_that_names_it(home: Path) -> None:
    (home / "shop").mkdir()
    file = home / "shop" / "my.toml"
    file.write_text("[server]\nport = 1")
    assert load(file, environ={}).settings.project.data_dir == home / "shop" / "data"
    file.write_text('[project]\ndata_dir = "../store"')
    assert load(file, environ={}).settings.project.data_dir == home / "store"
    assert load(file, environ={}).sources["project.data_dir"] == f"{file}:2"
    file.write_text('[project]\ndata_dir = "/var/lib/shop"')
    assert load(file, environ={}).settings.project.data_dir == Path("/var/lib/shop")
    environ = {"HONEYGUIDE_PROJECT__DATA_DIR": "here"}
    assert load(file, environ=environ).settings.project.data_dir == home / "here"
    flagged = load(file, environ=environ, overrides={"project.data_dir": Path("there")})
    assert flagged.settings.project.data_dir == home / "there"


def test_data_dir_may_start_with_a_tilde(write: Write, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home / "me"))
    write('[project]\ndata_dir = "~/shop"')
    assert load(environ={}).settings.project.data_dir == home / "me" / "shop"


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("EVENTS__MAX_FUTURE", "90s", lambda s: s.events.max_future == 90),
        ("SERVER__MAX_BODY", "1KB", lambda s: s.server.max_body == 1000),
        ("MODELS__TRAIN", "ease, als", lambda s: s.models.train == ["ease", "als"]),
        ("MODELS__TRAIN", '["ease"]', lambda s: s.models.train == ["ease"]),
        ("EVENTS__TYPES__RATING__BY_VALUE", "false", lambda s: not s.events.all_types()["rating"].by_value),
        ("EVENTS__TYPES", '{"like": {"weight": 3}}', lambda s: s.events.types["like"].weight == 3),
        ("SURFACES", '[{"name": "cart", "deadline": "1s"}]', lambda s: s.all_surfaces()["cart"].deadline == 1),
        ("MODELS__PARAMS", '{"ease": {"l2": 3}}', lambda s: s.models.params == {"ease": {"l2": 3}}),
        ("PROJECT__NAME", "08", lambda s: s.project.name == "08"),
    ],
)
def test_every_kind_of_setting_can_be_a_variable(home: Path, name: str, text: str, read: Callable[..., bool]) -> None:
    assert read(load(environ={f"HONEYGUIDE_{name}": text}).settings)


def test_variables_go_into_tables_of_the_file(write: Write) -> None:
    write("[events.types.like]\nweight = 3\nnegative = true\n[events]\nrating_middle = 4")
    loaded = load(environ={"HONEYGUIDE_EVENTS__TYPES__LIKE__WEIGHT": "5"})
    like = loaded.settings.events.types["like"]
    assert (like.weight, like.negative, loaded.settings.events.rating_middle) == (5, True, 4)
    assert loaded.sources["events.types.like.weight"] == "HONEYGUIDE_EVENTS__TYPES__LIKE__WEIGHT"
    assert loaded.sources["events.types.like.negative"] == "honeyguide.toml:3"
    assert loaded.sources["events.types.like.needs_item"] == "default"


def test_a_whole_table_comes_before_its_keys() -> None:
    environ = {"HONEYGUIDE_EVENTS__TYPES__A__WEIGHT": "7", "HONEYGUIDE_EVENTS__TYPES": '{"a": {"weight": 1}, "b": {}}'}
    types = load(environ=environ).settings.events.types
    assert (types["a"].weight, types["b"].weight) == (7, 1)


def test_a_declared_built_in_keeps_what_it_does_not_change(write: Write) -> None:
    write('[events.types.rating]\nweight = 9\n[[surfaces]]\nname = "similar"\ndeadline = "1s"')
    settings = load(environ={}).settings
    rating, similar = settings.events.all_types()["rating"], settings.all_surfaces()["similar"]
    assert (rating.weight, rating.by_value) == (9, True)
    assert (similar.deadline, similar.recipe, similar.exclude) == (1, "similar", [])
    assert list(settings.all_surfaces()) == ["home", "similar", "popular", "cart", "trending", "new", "rank"]


# --- what is said -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nprot = 1", "2: unknown key 'prot' in server; did you mean port?"),
        ("\n[srver]\nport = 1", "2: unknown section or key 'srver'; did you mean server?"),
        ("port = 1", "1: unknown section or key 'port'; it belongs to server: server.port"),
        ("[auth]\nzzz = 1", "2: unknown key 'zzz' in auth; there are key"),
        ("[events.types.like]\nwieght = 1", "2: unknown key 'wieght' in events.types.like; did you mean weight?"),
        ('[[surfaces]]\nname = "a"\nmdoel = "x"', "3: unknown key 'mdoel' in surfaces[0]; did you mean model?"),
        ("[server]\nport = 'x'", "2: server.port is 'x'; allowed: a whole number from 0 to 65535"),
        ("[server]\nport = 70000", "2: server.port is 70000; allowed: a whole number from 0 to 65535"),
        ("[server]\nport = true", "2: server.port is true; allowed: a whole number from 0 to 65535"),
        ("[cache]\nl1_size = true", "2: cache.l1_size is true; allowed: a size such as 256MB"),
        ("[training]\ngate = nan", "2: training.gate is nan; allowed: a number"),
        ("[logging]\nlevel = 'loud'", "2: logging.level is 'loud'; allowed: 'debug', 'info', 'warning' or 'error'"),
        (
            "[[surfaces]]\nrecipe = 'x'\nname = 'a'",
            (
                "2: surfaces[0].recipe is 'x'; allowed: 'personal', 'ranked', 'similar', 'basket', 'popular', 'trending', "
                "'new' or 'rank'"
            ),
        ),
        ("[[surfaces]]\nmodel = 'x'", "1: surfaces[0] lacks the key 'name'"),
        ("server = 1", "1: server must be a table, written as [server] with its keys below"),
        (
            "[segments]\nattributes = ['a', 'b', 'c']",
            "2: segments.attributes is ['a', 'b', 'c']; allowed: a list of texts, at most 2",
        ),
        ("[auth]\nkey = ''", "2: auth.key is empty; give it a value, or take it away"),
        ("[server\nport = 1", "1: this is not TOML: Expected ']' at the end of a table declaration (column 8)"),
    ],
)
def test_what_is_wrong_where_and_what_is_allowed(write: Write, text: str, said: str) -> None:
    write(text)
    assert fault() == f"honeyguide.toml:{said}"


def test_a_duration_says_how_durations_are_written(write: Write) -> None:
    write("[cache]\n\nttl = '5 minutes'")
    allowed = "write a number with ms, s, m, h or d, such as 250ms or 5m"
    assert fault() == f"honeyguide.toml:3: cache.ttl: '5 minutes' is not a duration; {allowed}"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SRVER__PORT", "1", "unknown variable; did you mean HONEYGUIDE_SERVER__PORT?"),
        ("SERVER_PORT", "1", "unknown variable; did you mean HONEYGUIDE_SERVER__PORT?"),
        ("server__port", "1", "unknown variable; did you mean HONEYGUIDE_SERVER__PORT?"),
        ("DATA_DIR", "1", "unknown variable; did you mean HONEYGUIDE_PROJECT__DATA_DIR?"),
        ("SERVER__PORT_FILE", "1", "unknown variable; did you mean HONEYGUIDE_SERVER__PORT?"),
        ("ZZZ", "1", "unknown variable"),
        ("SERVER__PORT", "", "server.port is ''; allowed: a whole number from 0 to 65535"),
        ("SURFACES", "home", 'its value must be a list of tables written as JSON, such as [{"name": ...}]'),
        ("AUTH__KEY", "", "auth.key is empty; give it a value, or take it away"),
        ("AUTH__KEY_FILE", "nowhere", "cannot read the file 'nowhere' that it names: No such file or directory"),
        ("CONFIG", "nowhere", "the file nowhere does not exist; 'honeyguide init' writes one"),
    ],
)
def test_wrong_variables(home: Path, name: str, value: str, said: str) -> None:
    assert fault(environ={f"HONEYGUIDE_{name}": value}) == f"HONEYGUIDE_{name}: {said}"


def test_wrong_flags_and_files(home: Path) -> None:
    assert fault(overrides={"server.prt": 1}) == "flag: unknown setting 'server.prt'; did you mean server.port?"
    assert fault(overrides={"server.port": -1}) == "flag: server.port is -1; allowed: a whole number from 0 to 65535"
    assert fault(path=Path("x.toml")) == "--config: the file x.toml does not exist; 'honeyguide init' writes one"
    assert fault(path=home) == f"--config: the file {home} is a folder, not a file"
    (home / "latin.toml").write_bytes(b'[project]\nname = "caf\xe9"')
    assert fault(path=Path("latin.toml")) == "latin.toml: the file is not UTF-8 text"


def test_a_file_with_a_byte_order_mark_is_read(home: Path) -> None:
    (home / "honeyguide.toml").write_bytes(b"\xef\xbb\xbf[server]\nport = 5")
    assert load(environ={}).settings.server.port == 5


def test_all_faults_are_told_at_once_in_order(write: Write) -> None:
    write("[server]\nport = 'x'\nprot = 1\n[logging]\nformat = 'xml'\n[auth]\nkey = 7")
    environ = {"HONEYGUIDE_SRVER__PORT": "1", "HONEYGUIDE_TRAINING__K": "0"}
    with pytest.raises(ConfigError) as caught:
        load(environ=environ)
    error = caught.value
    assert [fault.detail.partition(": ")[0] for fault in error.errors] == [
        "HONEYGUIDE_SRVER__PORT", "HONEYGUIDE_TRAINING__K",
        "honeyguide.toml:2", "honeyguide.toml:3", "honeyguide.toml:5", "honeyguide.toml:7",
    ]  # fmt: skip
    assert [fault.pointer for fault in error.errors][2:4] == ["/server/port", "/server/prot"]
    assert str(error).startswith("6 problems in the configuration\n- HONEYGUIDE_SRVER__PORT: unknown")
    assert "config schema" in error.cure
    assert error.exit_code == 2


def test_a_syntax_error_does_not_hide_a_wrong_variable(write: Write) -> None:
    write("nonsense")
    assert len(faults(environ={"HONEYGUIDE_X": "1"})) == 2


def test_secrets_are_in_no_message(write: Write) -> None:
    write('[auth]\nkey = "hunter2"\n[storage]\nurl = 5')
    assert "hunter2" not in repr(faults())
    write('[auth]\nkey = ["hunter2"]\n')
    assert "hunter2" not in fault()
    write('[auth]\nkey = "hunter2"\n')
    loaded = load(environ={})
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in loaded.settings.model_dump_json()
