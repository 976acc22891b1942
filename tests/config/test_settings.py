"""The table itself: its types, its limits, and how declared parts lie over built-in ones."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from honeyguide.config import Settings, Surface
from honeyguide.config.settings import DEFAULT_EVENT_TYPES, DEFAULT_SURFACES, EventType
from honeyguide.config.values import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86_400),
        (" 3 s ", 3),
        (7, 7.0),
        (0.5, 0.5),
        ("0s", 0),
    ],
)
def test_durations(text: Any, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "-5s", "5S", "1h30m", "s", "1e3s", True, None, [], "٥s", "5s5"])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number with ms, s, m, h or d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "250ms"),
        (300, "5m"),
        (90, "90s"),
        (86_400, "1d"),
        (0, "0ms"),
        (0.0005, "0.5ms"),
        (1.5, "1500ms"),
        (3600, "1h"),
    ],
)
def test_durations_as_text(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"), [("256MB", 256_000_000), ("1.5KB", 1500), ("3GB", 3_000_000_000), ("7 B", 7), (9, 9)]
)
def test_sizes(text: Any, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "5", "5MiB", "-1B", "5mb", True, 1.5, None])
def test_what_is_no_size(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a size; write a number with B, KB, MB or GB"):
        parse_size(text)


def test_sizes_as_text() -> None:
    assert [format_size(size) for size in (0, 7, 1000, 1500, 2_000_000, 3_000_000_000)] == [
        "0B", "7B", "1KB", "1500B", "2MB", "3GB",
    ]  # fmt: skip


def test_settings_do_not_change_after_the_start() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.server.port = 1
    with pytest.raises(ValidationError, match="frozen"):
        settings.server = settings.server


@pytest.mark.parametrize(
    "tree",
    [
        {"srver": {}},
        {"server": {"prot": 1}},
        {"server": {"port": -1}},
        {"server": {"drain": float("inf")}},
        {"training": {"gate": float("nan")}},
        {"events": {"types": {"like": {"weight": -1}}}},
        {"events": {"types": {"like": {"weight": 1001}}}},
        {"events": {"rating_middle": 0}},
        {"surfaces": [{"name": "Home"}]},
        {"surfaces": [{"name": "9lives"}]},
        {"surfaces": [{"name": "a" * 65}]},
        {"surfaces": [{"name": "a", "candidates": 49}]},
        {"cache": {"jitter": 1.5}},
        {"training": {"keep": 1}},
        {"training": {"k": 501}},
        {"auth": {"key": ""}},
    ],
)
def test_values_out_of_bounds_are_refused(tree: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(tree)


def test_secrets_hide_themselves() -> None:
    settings = Settings.model_validate({"auth": {"key": "hunter2"}})
    assert settings.auth.key is not None
    assert settings.auth.key.get_secret_value() == "hunter2"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert "hunter2" not in shown


def test_declared_types_are_added_and_change_only_what_they_say() -> None:
    types = {"like": EventType(weight=6), "rating": EventType(weight=1), "hide": EventType(negative=False)}
    settings = Settings.model_validate(
        {"events": {"types": {name: kind.model_dump(exclude_unset=True) for name, kind in types.items()}}}
    )
    every = settings.events.all_types()
    assert list(every)[: len(DEFAULT_EVENT_TYPES)] == list(DEFAULT_EVENT_TYPES)
    assert every["like"] == EventType(weight=6)
    assert every["rating"] == EventType(weight=1, by_value=True)
    assert (every["hide"].negative, every["hide"].weight) == (False, 2)
    assert {name: every[name] for name in ("view", "purchase")} == {
        name: DEFAULT_EVENT_TYPES[name] for name in ("view", "purchase")
    }


def test_declared_surfaces_are_added_and_change_only_what_they_say() -> None:
    tree = [{"name": "popular", "candidates": 50}, {"name": "cart"}]
    surfaces = Settings.model_validate({"surfaces": tree}).all_surfaces()
    assert list(surfaces) == [surface.name for surface in DEFAULT_SURFACES]
    assert (surfaces["popular"].recipe, surfaces["popular"].exclude, surfaces["popular"].candidates) == ("popular", [], 50)
    assert surfaces["cart"] == Surface(name="cart", recipe="basket")
    assert surfaces["home"] == DEFAULT_SURFACES[0]


def test_the_same_settings_come_back_from_their_json() -> None:
    tree = {
        "project": {"name": "x", "data_dir": "here"},
        "cache": {"ttl": "90s", "l1_size": "3MB"},
        "events": {"types": {"like": {"weight": 2}}},
        "surfaces": [{"name": "cart", "deadline": "50ms"}],
    }
    settings = Settings.model_validate(tree)
    assert settings.project.data_dir == Path("here")
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings
