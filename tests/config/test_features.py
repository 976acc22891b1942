"""Declared feature views: what is built in, what a declaration changes, and every mistake with its cure."""

from pathlib import Path
from typing import Any

import pytest

from honeyguide.config import Settings, cross_check, load
from honeyguide.config.features import all_views, builtin_views, view_faults
from honeyguide.config.settings import DEFAULT_EVENT_TYPES, FeatureView
from honeyguide.config.values import parse_window
from honeyguide.errors import ConfigError


def said(*views: dict[str, Any], **more: Any) -> list[str]:
    """The problems found in views given as tables."""
    return [fault.problem for fault in cross_check(Settings.model_validate({"features": list(views), **more}))]


def one(problem: str) -> list[str]:
    return [f"features[0] (a): {problem}"]


def test_the_built_in_views_are_fine_and_named_once() -> None:
    views = builtin_views(DEFAULT_EVENT_TYPES)
    assert len({view.name for view in views}) == len(views)
    assert [fault for view in views for fault in view_faults(view, DEFAULT_EVENT_TYPES)] == []
    wanted = {"total_purchases", "avg_rating", "favorite_categories", "recent_views", "popularity", "price", "age"}
    rates = {f"{what}_{window}" for what in ("clicks", "click_rate") for window in ("1h", "1d", "7d", "30d")}
    assert wanted | rates <= {view.name for view in views}


def test_a_built_in_view_changes_only_in_the_keys_that_are_given() -> None:
    settings = Settings.model_validate({"features": [{"name": "popularity", "window": "7d"}]})
    assert cross_check(settings) == []
    changed, before = all_views(settings)["popularity"], all_views(Settings())["popularity"]
    assert changed == before.model_copy(update={"window": 7 * 86_400.0})
    assert list(all_views(settings)) == list(all_views(Settings()))


def test_the_built_in_views_can_be_left_out() -> None:
    views = [{"name": "mine", "entity": "user", "kind": "count", "events": ["view"]}]
    settings = Settings.model_validate({"features": views, "feature_store": {"builtin": False}})
    assert cross_check(settings) == []
    assert list(all_views(settings)) == ["mine"]


def test_a_type_of_ones_own_is_part_of_taste_and_last_seen() -> None:
    views = all_views(Settings.model_validate({"events": {"types": {"like": {"weight": 6}}}}))
    assert views["favorite_categories"].weights["like"] == 6
    assert "like" in views["last_seen"].events
    assert "hide" not in views["favorite_categories"].weights


OF_TOP_K = "item_id, type, surface, session_id, device_id, properties.NAME, item.NAME"
COUNT = {"name": "a", "entity": "user", "kind": "count", "events": ["view"]}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"events": ["veiw"]}, "events names the unknown event type 'veiw'; did you mean view?"),
        ({"events": ["zzz"]}, "events names the unknown event type 'zzz'; declare it: [events.types.zzz]"),
        ({"events": []}, "events is empty; a count names the event types that it is made of"),
        ({"over": ["view"]}, "over means nothing to kind 'count'; take it away, it is for rate"),
        ({"prior": 1.0}, "prior means nothing to kind 'count'; take it away, it is for mean, rate"),
        ({"of": "value"}, "of is 'value', but a count of a user is of nothing; take it away"),
        ({"weights": {"click": 2}}, "weights names 'click', which is not among its events"),
        ({"weights": {"view": -1}}, "weights.view is -1; allowed: 0 to 1000000"),
        ({"kind": "rate"}, "over is empty; a rate names the event types that it is a share of, such as 'impression'"),
        ({"kind": "sum"}, "of is missing; say what it is made of, such as 'value'"),
        ({"kind": "sum", "of": "vlaue"}, "of is 'vlaue'; did you mean value?; allowed: value, quantity, properties.NAME"),
        (
            {"kind": "sum", "of": "properties."},
            "of is 'properties.'; allowed: value, quantity, properties.NAME",
        ),
        (
            {"kind": "top_k", "of": "item.catgories"},
            f"of is 'item.catgories'; did you mean item.categories?; allowed: {OF_TOP_K}",
        ),
        (
            {"kind": "mean", "of": "value", "prior_weight": 3},
            "prior is not set, but prior_weight is; say what is expected before anything is known",
        ),
        ({"kind": "attribute", "of": "properties.x"}, "a view of 'properties.x' is made of no events; take them away"),
        (
            {"kind": "attribute", "of": "properties.x", "events": [], "window": "1d"},
            "window is 1d, but an attribute has no past; take it away",
        ),
        (
            {"kind": "attribute", "of": "price", "events": []},
            "of is 'price'; allowed: properties.NAME",
        ),
    ],
)
def test_a_fault_names_the_key_and_the_cure(changes: dict[str, Any], problem: str) -> None:
    found = said({**COUNT, **changes})
    assert one(problem)[0] in found


def test_a_new_view_says_whose_it_is_and_of_what_kind() -> None:
    assert said({"name": "a", "kind": "count", "events": ["view"]}) == [
        "features[0] (a) lacks the key 'entity'; allowed: 'user' or 'item'"
    ]
    assert said({"name": "a", "entity": "item"})[0].startswith(
        "features[0] (a) lacks the key 'kind'; allowed: 'attribute', "
    )


def test_two_views_of_one_name_are_both_named() -> None:
    assert said(COUNT, COUNT) == [f"features[{at}] (a): 2 feature views have this name" for at in (0, 1)]


@pytest.mark.parametrize("kind", ["last_n", "top_k"])
def test_items_have_no_attributes_of_items(kind: str) -> None:
    assert said({**COUNT, "entity": "item", "kind": kind, "of": "item.price"})
    assert not said({**COUNT, "entity": "item", "kind": kind, "of": "user_id"})
    assert not said({**COUNT, "kind": kind, "of": "item.properties.brand"})


@pytest.mark.parametrize("window", [0, "0s", "59s", "3650d", "1 fortnight", -5, "nan", True])
def test_a_window_that_is_none_is_refused_with_what_is_allowed(tmp_path: Path, window: object) -> None:
    text = "true" if window is True else repr(window).replace("'", '"')
    path = tmp_path / "honeyguide.toml"
    path.write_text(f'[[features]]\nname = "a"\nentity = "user"\nkind = "count"\nevents = ["view"]\nwindow = {text}\n')
    with pytest.raises(ConfigError, match=r"honeyguide.toml:6: features") as refused:
        load(path, environ={})
    assert "1m to 400d" in str(refused.value) or "write a number with ms, s, m, h or d" in str(refused.value)


def test_windows_and_lifetimes_are_read_and_written() -> None:
    view = FeatureView.model_validate({**COUNT, "window": "all", "ttl": "10m"})
    assert (view.window, view.ttl) == (0.0, 600.0)
    assert view.model_dump(mode="json")["window"] == "all"
    assert view.model_dump(mode="json")["ttl"] == "10m"
    assert parse_window("400d") == 400 * 86_400


def test_an_unknown_key_of_a_view_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "honeyguide.toml"
    path.write_text('[[features]]\nname = "a"\nentity = "user"\nkind = "count"\nevents = ["view"]\nwindo = "1d"\n')
    with pytest.raises(ConfigError, match=r"honeyguide.toml:6: unknown key 'windo' in features\[0\]; did you mean window\?"):
        load(path, environ={})
    path.write_text('[[features]]\nname = "a"\nentity = "shop"\nkind = "cuont"\nevents = ["view"]\n')
    with pytest.raises(ConfigError, match=r"features\[0\].kind is 'cuont'; allowed: 'attribute', 'count'"):
        load(path, environ={})
