"""Every way to give a setting, mixed at random: the highest one counts and is named."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honeyguide.config import load
from honeyguide.config.environment import apply_environment, variable
from honeyguide.config.given import Given
from honeyguide.config.reference import BEGIN, END, bare, literal, reference
from honeyguide.config.table import ANY, find_row, nearest, one_of, rows

# Settings of each kind with values that are right, each different from the default.
RIGHT: dict[str, list[Any]] = {
    "server.port": [1, 2, 3],
    "project.name": ["a", "b", "c"],
    "cache.ttl": ["1s", "2s", "3s"],
    "cache.l1_size": ["1MB", "2MB", "3MB"],
    "logging.level": ["debug", "error", "warning"],
    "training.gate": [0.1, 0.2, 0.3],
    "models.train": [["ease"], ["als"], ["knn"]],
    "segments.attributes": [["a"], ["b"], ["a", "b"]],
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home") / "any.toml"


def as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


@given(
    st.fixed_dictionaries(
        {key: st.sets(st.sampled_from(["file", "variable", "flag"]), max_size=3) for key in RIGHT},
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_the_highest_source_counts_and_is_named(file: Path, given_by: dict[str, set[str]]) -> None:
    tables: dict[str, dict[str, Any]] = {}
    environ, flags, expected, origin = {}, {}, {}, {}
    for key, sources in given_by.items():
        section, name = key.split(".")
        low, middle, high = RIGHT[key]
        if "file" in sources:
            tables.setdefault(section, {})[name] = low
            expected[key], origin[key] = low, str(file)
        if "variable" in sources:
            environ[variable((section, name))] = as_text(middle)
            expected[key], origin[key] = middle, variable((section, name))
        if "flag" in sources:
            flags[key] = high
            expected[key], origin[key] = high, "flag"
    text = "".join(
        f"[{section}]\n" + "".join(f"{name} = {literal(value)}\n" for name, value in members.items())
        for section, members in tables.items()
    )
    file.write_text(text, "utf-8")
    loaded = load(file, environ=environ, overrides=flags)
    tree = loaded.settings.model_dump(mode="json")
    lines = text.splitlines()
    for key in RIGHT:
        section, name = key.split(".")
        if key not in expected:
            assert loaded.sources[key] == "default"
            continue
        assert tree[section][name] == expected[key], key
        assert loaded.sources[key].startswith(origin[key])
        if origin[key] == str(file):
            line = int(loaded.sources[key].rpartition(":")[2])
            assert lines[line - 1] == f"{name} = {literal(expected[key])}"


# --- variables ----------------------------------------------------------------------------------------------------------


def read(**environ: str) -> dict[str, Any]:
    found = Given()
    assert apply_environment(found, {f"HONEYGUIDE_{name}": text for name, text in environ.items()}) == []
    return found.values


def test_lists_are_words_or_json() -> None:
    assert read(MODELS__TRAIN=" ease , als,") == {"models": {"train": ["ease", "als"]}}
    assert read(MODELS__TRAIN='  ["ease"]') == {"models": {"train": ["ease"]}}
    assert read(MODELS__TRAIN="") == {"models": {"train": []}}


def test_texts_are_kept_as_they_are() -> None:
    assert read(PROJECT__NAME=" [x] ") == {"project": {"name": " [x] "}}
    assert read(PROJECT__NAME="{}") == {"project": {"name": "{}"}}


def test_a_secret_keeps_all_but_the_line_break_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"  two words \r\n\n")
    assert read(AUTH__KEY_FILE=str(tmp_path / "key")) == {"auth": {"key": "  two words "}}
    (tmp_path / "url").write_text("sqlite:///x")
    assert read(STORAGE__URL_FILE=str(tmp_path / "url")) == {"storage": {"url": "sqlite:///x"}}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("MODELS__TRAIN", "[1", "its value must be a list of texts written as JSON, such as a, b, c"),
        ("MODELS__PARAMS", "[]", 'its value must be a table written as JSON, such as {"name": ...}'),
        ("EVENTS__TYPES", "like", 'its value must be a table written as JSON, such as {"name": ...}'),
        ("SURFACES__HOME__DEADLINE", "1s", "surfaces is a list: give all of it as JSON in HONEYGUIDE_SURFACES"),
        ("AUTH__KEY_FILE", "/", "cannot read the file '/' that it names: Is a directory"),
        ("SERVER", "{}", "unknown variable"),
    ],
)
def test_what_no_variable_may_say(name: str, text: str, said: str) -> None:
    (fault,) = apply_environment(Given(), {f"HONEYGUIDE_{name}": text})
    assert fault.problem.startswith(said)
    assert fault.origin == f"HONEYGUIDE_{name}"


def test_a_secret_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    (fault,) = apply_environment(Given(), {"HONEYGUIDE_AUTH__KEY_FILE": str(tmp_path / "key")})
    assert "it is not UTF-8 text" in fault.problem


def test_other_variables_are_none_of_our_business() -> None:
    environ = {"PATH": "/bin", "HONEYGUIDE": "x", "MY_HONEYGUIDE_X": "y", "HONEYGUIDE_CONFIG": "f.toml"}
    assert apply_environment(Given(), environ) == []


# --- rows ---------------------------------------------------------------------------------------------------------------


def test_the_nearest_name_is_suggested_only_if_it_is_near() -> None:
    assert nearest("prot", ["port", "host"]) == "; did you mean port?"
    assert nearest("zzzz", ["port", "host"]) == ""


def test_choices_in_words() -> None:
    assert one_of(["a"]) == "'a'"
    assert one_of(["a", "b", 3]) == "'a', 'b' or 3"


def test_rows_are_complete() -> None:
    keys = [row.key for row in rows()]
    assert len(keys) == len(set(keys))
    assert {"server.port", "surfaces.*.name", "events.types.*.weight", "auth.key", "models.params"} <= set(keys)
    assert all(row.allowed for row in rows())
    port = find_row(("server", "port"))
    assert port is not None
    assert (port.kind, port.default, port.secret) == ("number", 8000, False)


# --- TOML and the page ----------------------------------------------------------------------------------------------------

tree_values = st.recursive(
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.text(st.characters(codec="utf-8"), max_size=8), tree_values)
def test_what_is_written_as_toml_is_read_back(key: str, value: Any) -> None:
    assert tomllib.loads(f"{bare(key)} = {literal(value)}") == {key: value}


def test_the_page_has_every_setting_in_the_order_of_the_table() -> None:
    page = reference()
    assert page.startswith(BEGIN)
    assert page.endswith(END)
    holders = ("surfaces", "features", "metrics", "external", "events.types", "surfaces.*.caps", "surfaces.*.sources")
    named = [row for row in rows() if row.key not in holders]
    places = [page.index(f"| `{row.path[-1]}` | {_default(row)}") for row in named]
    assert len(places) == len(named)
    for row in named:
        name, listed = ".".join(row.path[:-1]), row.path[0] in ("surfaces", "features", "metrics", "external")
        header = f"[{name.replace(f'.{ANY}', '' if listed else '.NAME')}]"
        header = f"[{header}]" if listed and name.endswith(ANY) else header
        section = page.partition(f"### `{header}`")[2].partition("### ")[0]
        assert f"| `{row.path[-1]}` |" in section, row.key
    for builtin in ("`view`", "`impression`", "`similar`", '`recipe = "popular"`'):
        assert builtin in page
    assert "HONEYGUIDE_AUTH__KEY_FILE" in page


def _default(row: Any) -> str:
    if row.required:
        return "required"
    return "not set" if row.default is None or row.secret else f"`{literal(row.default)}`"


def test_defaults_on_the_page_are_values_that_load() -> None:
    for row in rows():
        if ANY in row.path or row.default is None or row.kind in ("table", "tables"):
            continue
        text = f"[{'.'.join(row.path[:-1])}]\n{row.path[-1]} = {literal(row.default)}"
        assert json.dumps(tomllib.loads(text))
