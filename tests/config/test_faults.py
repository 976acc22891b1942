"""Whatever a file or the environment holds: settings or a ConfigError that points at each fault, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honeyguide.config import load
from honeyguide.config.faults import dotted
from honeyguide.config.given import Given, leaves
from honeyguide.config.reference import bare, literal
from honeyguide.config.table import ANY, rows
from honeyguide.errors import ConfigError

anything = st.recursive(
    st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=3),
    max_leaves=6,
)
PATHS = [tuple("x" if part == ANY else part for part in row.path) for row in rows()]
SECTIONS = sorted({path[0] for path in PATHS})


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Settings trees in which something is probably wrong: real paths with any value, and whole sections of anything."""
    given = Given()
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=4)):
        given.put(path, draw(anything), "")
    for section in draw(st.lists(st.sampled_from([*SECTIONS, "srver"]), max_size=1)):
        given.put((section,), draw(anything), "")
    return given.values


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@given(trees())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_any_file_gives_settings_or_faults_with_their_lines(home: Path, tree: dict[str, Any]) -> None:
    file = home / "any.toml"
    file.write_text("".join(f"{bare(key)} = {literal(value)}\n" for key, value in tree.items()), "utf-8")
    try:
        sources, details = load(file, environ={}).sources, []
    except ConfigError as error:
        sources, details = {}, [fault.detail for fault in error.errors]
    places = {f"{file}:{line}" for line in range(1, len(tree) + 1)}
    assert set(sources.values()) <= {"default", *places}
    assert bool(sources) is not bool(details)
    assert [detail for detail in details if not detail.startswith(tuple(f"{place}: " for place in places))] == []


VARIABLES = ["_".join(["HONEYGUIDE", "__".join(path).upper()]) for path in PATHS] + [
    "HONEYGUIDE_",
    "HONEYGUIDE___",
    "HONEYGUIDE_A",
]
printable = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.dictionaries(st.sampled_from(VARIABLES), printable | anything.map(json.dumps), max_size=4))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_any_environment_gives_settings_or_faults_with_their_variables(environ: dict[str, str]) -> None:
    try:
        load(environ=environ)
        details = []
    except ConfigError as error:
        details = [fault.detail for fault in error.errors]
    assert [detail for detail in details if detail.partition(":")[0] not in environ] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("events = 5", "1: events must be a table, written as [events] with its keys below"),
        ("[events]\ntypes = 5", "2: events.types is 5; allowed: a table"),
        (
            "[events.types]\nlike = 5",
            "2: events.types.like must be a table, written as [events.types.like] with its keys below",
        ),
        ("surfaces = 5", "1: surfaces is 5; allowed: a list of tables"),
        ('surfaces = ["home"]', "1: surfaces[0] must be a table, written as [[surfaces]] with its keys below"),
        (
            "[models.params]\nease = 3",
            "2: models.params.ease must be a table, written as [models.params.ease] with its keys below",
        ),
        ("[models]\ntrain = 'ease'", "2: models.train is 'ease'; allowed: a list of texts"),
        ("[models]\ntrain = [1]", "2: models.train[0] is 1; allowed: a text"),
        ("[project]\nname = 5", "2: project.name is 5; allowed: a text"),
        ("[project]\ndata_dir = []", "2: project.data_dir is []; allowed: a path"),
        ("[server]\nport = 1.5", "2: server.port is 1.5; allowed: a whole number from 0 to 65535"),
        ("[cache]\nttl = -1", "2: cache.ttl is -1; allowed: a duration such as 250ms, 5m or 1d"),
        ("[cache]\nttl = '1h 30m'", "2: cache.ttl: '1h 30m' is not a duration; write a number with ms, s, m, h or d"),
        ("[server]\nmax_body = '8 megs'", "2: server.max_body: '8 megs' is not a size; write a number with B, KB, MB or GB"),
        (
            "[server]\nhost = '" + "x" * 80 + "'\nport = '" + "y" * 80 + "'",
            "3: server.port is '" + "y" * 56 + "...; allowed",
        ),
    ],
)
def test_values_of_the_wrong_shape(home: Path, text: str, said: str) -> None:
    file = home / "wrong.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, environ={})
    (fault,) = caught.value.errors
    assert fault.detail.startswith(f"{file}:{said}"), fault.detail


def test_paths_for_people() -> None:
    assert dotted(("surfaces", 0, "name")) == "surfaces[0].name"
    assert dotted(("server",)) == "server"


def test_what_was_given_last_counts_with_its_origin() -> None:
    given = Given({"a": {"b": 1, "c": 2}}, {("a",): "f:1", ("a", "b"): "f:2", ("a", "c"): "f:3"})
    given.put(("a", "b"), 5, "VAR")
    assert given.values == {"a": {"b": 5, "c": 2}}
    assert given.origin(("a", "b")) == "VAR"
    assert given.origin(("a", "c")) == "f:3"
    assert given.origin(("a", "missing")) == "f:1"
    assert given.origin(("z",)) == ""
    given.put(("a",), {"b": 9}, "JSON")
    assert given.origin(("a", "b")) == "JSON"
    given.put(("x", "y", "z"), 1, "VAR2")
    assert (given.get(("x", "y", "z")), given.get(("x", "q")), given.get(("x", "y", "z", "w"))) == (1, None, None)


def test_a_wrong_value_below_gives_way_to_a_right_one_above() -> None:
    given = Given({"server": 5}, {("server",): "f:1"})
    given.put(("server", "port"), 1, "VAR")
    assert given.values == {"server": {"port": 1}}


def test_leaves_are_values_and_lists_of_plain_values() -> None:
    tree = {"a": {"b": 1, "c": {}}, "d": [{"e": 2}, {"f": [3, 4]}], "g": []}
    assert dict(leaves(tree)) == {
        ("a", "b"): 1, ("a", "c"): {}, ("d", 0, "e"): 2, ("d", 1, "f"): [3, 4], ("g",): [],
    }  # fmt: skip


def test_a_file_that_cannot_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> str:
        raise PermissionError(13, "Permission denied")

    file = home / "closed.toml"
    file.write_text("")
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(ConfigError, match=r"closed\.toml: cannot be read: Permission denied"):
        load(file, environ={})
