"""The table read off the models, the reference page and the JSON Schema made from it, and the fingerprint."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.config import Settings, load, settings_fingerprint
from honeyguide.config.environment import variable
from honeyguide.config.reference import json_schema, reference
from honeyguide.config.table import ANY, find_row, rows
from honeyguide.config.values import format_duration, format_size, parse_duration, parse_size

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_reference_page_is_that_of_the_table() -> None:
    """To mend: `honeyguide config schema --markdown`, put between the two markers."""
    assert reference() in PAGE.read_text("utf-8")


def test_every_setting_is_described() -> None:
    assert [row.key for row in rows() if not row.description.endswith(".")] == []


def test_every_setting_can_be_set_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = [row for row in rows() if ANY not in row.path and row.default is not None and row.key != "project.data_dir"]
    texts = {variable(row.path): row.default if isinstance(row.default, str) else json.dumps(row.default) for row in plain}
    loaded = load(environ=texts)
    assert loaded.settings == load(environ={}).settings
    assert {key: source for key, source in loaded.sources.items() if source != "default"} == {
        row.key: variable(row.path) for row in plain
    }


def test_a_row_is_found_through_chosen_names_and_positions() -> None:
    row = find_row(("events", "types", "like", "weight"))
    assert row is not None
    assert row.key == "events.types.*.weight"
    assert find_row(("surfaces", 3, "deadline")) is not None
    assert find_row(("server",)) is None
    assert find_row(("server", "port", "x")) is None


def test_secrets_are_known_as_such() -> None:
    assert [row.key for row in rows() if row.secret] == [
        "auth.key",
        "storage.url",
        "redis.url",
        "embeddings.key",
        "external.*.url",
        "external.*.key",
    ]


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({}, True),
        ({"server": {"port": 1, "drain": "5s"}, "surfaces": [{"name": "a"}]}, True),
        ({"server": {"prot": 1}}, False),
        ({"server": {"port": 70000}}, False),
        ({"surfaces": [{"recipe": "similar"}]}, False),
        ({"events": {"types": {"like": {"wait": 1}}}}, False),
        ({"logging": {"level": "loud"}}, False),
    ],
)
def test_the_schema_takes_what_loading_takes(settings: dict[str, Any], fits: bool) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(settings) is fits


def of(settings: dict[str, Any]) -> str:
    return settings_fingerprint(Settings.model_validate(settings))


PLAIN = settings_fingerprint(Settings())


@pytest.mark.parametrize(
    "settings",
    [
        {"events": {"types": {"like": {}}}},
        {"events": {"types": {"view": {"weight": 3}}}},
        {"events": {"rating_middle": 2}},
        {"segments": {"attributes": ["country"]}},
        {"recommend": {"history": 100}},
        {"surfaces": [{"name": "home", "candidates": 100}]},
        {"models": {"params": {"ease": {"l2": 1}}}},
    ],
)
def test_the_fingerprint_follows_what_lists_depend_on(settings: dict[str, Any]) -> None:
    assert of(settings) != PLAIN


@pytest.mark.parametrize(
    "settings",
    [
        {"server": {"port": 1}, "logging": {"level": "debug"}, "project": {"data_dir": "x", "name": "y"}},
        {"auth": {"key": "k"}, "events": {"max_future": "1h"}, "cache": {"ttl": 5}, "training": {"k": 5}},
        {"events": {"types": {"view": {"weight": 1}}}, "surfaces": [{"name": "similar", "recipe": "similar"}]},
    ],
)
def test_the_fingerprint_ignores_the_rest_and_written_out_defaults(settings: dict[str, Any]) -> None:
    assert of(settings) == PLAIN


def test_the_fingerprint_ignores_the_order_of_surfaces_and_is_short() -> None:
    one, other = {"name": "a"}, {"name": "b", "popular": 5}
    assert of({"surfaces": [one, other]}) == of({"surfaces": [other, one]}) != PLAIN
    assert len(PLAIN) == 12
    int(PLAIN, 16)


@given(st.integers(0, 10**9))
def test_durations_and_sizes_are_read_back(number: int) -> None:
    assert parse_duration(format_duration(number / 1000)) == pytest.approx(number / 1000, rel=1e-5)
    assert parse_size(format_size(number)) == number
