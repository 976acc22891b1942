"""Names that one part of the configuration uses and another declares."""

from typing import Any

import pytest

from honeyguide.config import Settings, cross_check

MODELS = ("popular", "ease", "als")
URL = "write redis://[user:password@]host:port/0, or rediss:// for TLS"
NAME = "1 to 64 printable characters, no space at either end"


def said(settings: dict[str, Any], *, models: tuple[str, ...] | None = None) -> list[str]:
    """The problems found in settings given as a tree."""
    return [fault.problem for fault in cross_check(Settings.model_validate(settings), models)]


def test_the_defaults_are_fine() -> None:
    assert said({}) == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"surfaces": [{"name": "a", "explore": {"slots": [3, 1, 3]}}]},
            "surfaces[0] (a): explore.slots names a position twice: [3, 1, 3]",
        ),
        (
            {"surfaces": [{"name": "a", "explore": {"slots": [3]}}], "feature_store": {"builtin": False}},
            (
                "surfaces[0] (a): explore.by is 'thompson', but no feature view of items counts clicks_30d or "
                "impressions_30d; leave feature_store.builtin on, or write explore.by = 'softmax'"
            ),
        ),
        (
            {"surfaces": [{"name": "a", "exclude": ["purchse"]}]},
            "surfaces[0] (a): exclude names the unknown event type 'purchse'; did you mean purchase?",
        ),
        (
            {"surfaces": [{"name": "a", "invalidate": ["zzz"]}]},
            "surfaces[0] (a): invalidate names the unknown event type 'zzz'; declare it: [events.types.zzz]",
        ),
        (
            {"surfaces": [{"name": "a", "invalidate": ["seen"]}]},
            "surfaces[0] (a): invalidate names the unknown event type 'seen'; declare it: [events.types.seen]",
        ),
        (
            {"surfaces": [{"name": "a", "model": "ease@0"}]},
            "surfaces[0] (a): model is 'ease@0'; allowed: an alias such as champion, or name@version",
        ),
        (
            {"surfaces": [{"name": "a", "ttl": 0}]},
            "surfaces[0] (a): ttl is 0: no list would ever be fresh; write at least 1s",
        ),
        (
            {"surfaces": [{"name": "a", "caps": [{"of": "catgory"}]}]},
            "surfaces[0] (a): caps[0] names the unknown attribute 'catgory'; did you mean category?",
        ),
        (
            {"surfaces": [{"name": "a", "caps": [{"of": "category"}, {"of": "properties."}]}]},
            "surfaces[0] (a): caps[1] names the unknown attribute 'properties.'; did you mean properties.NAME?",
        ),
        (
            {"surfaces": [{"name": "a", "caps": [{"of": "zz"}]}]},
            "surfaces[0] (a): caps[0] names the unknown attribute 'zz'; allowed: category, price, properties.NAME",
        ),
        (
            {"surfaces": [{"name": "a", "caps": [{"of": "category", "most": 5, "window": 5}]}]},
            "surfaces[0] (a): caps[0] allows 5 items in 5 positions: it would never hold anything back",
        ),
        (
            {"surfaces": [{"name": "a", "caps": [{"of": "price"}]}]},
            "surfaces[0] (a): caps[0] caps the price without bands; write the limits between them, such as bands = [20, 50]",
        ),
        (
            {"surfaces": [{"name": "a", "caps": [{"of": "category", "bands": [1]}]}]},
            "surfaces[0] (a): caps[0] has bands, and categories are no numbers; take them away",
        ),
        (
            {"surfaces": [{"name": "a", "caps": [{"of": "price", "bands": [2, 1]}]}]},
            "surfaces[0] (a): caps[0] has bands that do not rise: [2.0, 1.0]",
        ),
        (
            {"events": {"types": {"Product\nViewed": {}}}},
            f"events.types: 'Product\\nViewed' is not a name of an event type; allowed: {NAME}",
        ),
        (
            {"events": {"types": {"seen": {}}}},
            "events.types: 'seen' means 'any event' in a surface's exclude; choose another name",
        ),
        (
            {"segments": {"attributes": ["country", "country"]}},
            "segments.attributes must be one or two different names of user attributes",
        ),
        ({"segments": {"attributes": [""]}}, "segments.attributes must be one or two different names of user attributes"),
        (
            {"recommend": {"remembered": 10}},
            "recommend.remembered is 10, below recommend.history (500): exclusions must look at no less than models do",
        ),
        ({"cache": {"ttl": 0}}, "cache.ttl is 0: no list would ever be fresh; write at least 1s"),
        (
            {"cache": {"refreshes": 9, "computations": 8}},
            "cache.refreshes is 9, above cache.computations (8): work behind answers would take all of the room",
        ),
        (
            {"redis": {"url": "redis://h"}, "cache": {"l1_size": "1MB", "value_size": "2MB"}},
            "cache.value_size (2000000B) is above cache.l1_size (1000000B): none could be kept",
        ),
        ({"redis": {"cluster": True}}, "redis.cluster is set without redis.url; name one of its nodes there"),
        (
            {"redis": {"url": "the-password@somewhere"}},
            f"redis.url begins with neither redis:// nor rediss://; {URL}",
        ),
        (
            {"redis": {"url": "redis://h:1/2", "cluster": True}},
            "redis.url names a database number, and a cluster has none; leave it out",
        ),
        ({"redis": {"url": "redis://h", "timeout": 0}}, "redis.timeout is 0 s; allowed: 1ms to 10s, such as 50ms"),
        ({"models": {"train": []}}, "models.train is empty; name at least one model, such as 'popular'"),
        ({"models": {"train": ["ease", "ease"]}}, "models.train names 'ease' 2 times"),
    ],
)
def test_a_fault_is_named(settings: dict[str, Any], problem: str) -> None:
    assert said(settings) == [problem]


def test_two_surfaces_of_one_name_are_both_named() -> None:
    twice = [{"name": "a"}, {"name": "b"}, {"name": "a"}]
    assert said({"surfaces": twice}) == [f"surfaces[{at}] (a): 2 surfaces have this name" for at in (0, 2)]


def test_other_systems_names_of_events_are_fine() -> None:
    assert said({"events": {"types": {"Product Viewed": {}, "AddToCart": {}, "ga4.view-item": {}, "買う": {}}}}) == []


@pytest.mark.parametrize("name", ["", " view", "view ", "a\x00b", "x" * 65])
def test_names_that_no_event_may_have(name: str) -> None:
    assert len(said({"events": {"types": {name: {}}}})) == 1


def test_declared_types_and_seen_are_known() -> None:
    surface = {"name": "a", "exclude": ["seen", "like"], "invalidate": ["like"]}
    assert said({"surfaces": [surface], "events": {"types": {"like": {}}}}) == []


def test_windows_of_attribution_are_of_known_types() -> None:
    assert said({"training": {"attribution": {"click": "2h", "like": "1d"}}, "events": {"types": {"like": {}}}}) == []
    assert said({"training": {"attribution": {"clik": "2h"}}}) == [
        "training.attribution names the unknown event type 'clik'; did you mean click?"
    ]


def test_models_are_looked_up_only_where_they_are_known() -> None:
    settings = {
        "models": {"train": ["esae"], "voices": ["eas"], "params": {"zzz": {}}},
        "surfaces": [{"name": "a", "model": "alss@3"}, {"name": "b", "model": "challenger"}],
    }
    assert said(settings) == []
    assert said(settings, models=MODELS) == [
        "models.train names the unknown model 'esae'; did you mean ease?",
        "models.voices names the unknown model 'eas'; did you mean ease?",
        "models.params names the unknown model 'zzz'; there are als, ease, popular",
        "surfaces[0] (a): model names the unknown model 'alss'; did you mean als?",
    ]


def test_sources_are_looked_up_only_where_they_are_known() -> None:
    named = [{"name": name} for name in ("popluar", "zzz", "new", "new")]
    settings = {"surfaces": [{"name": "a", "sources": named}]}
    assert said(settings) == [f"surfaces[0] (a): sources[{at}] names 'new' again" for at in (2, 3)]
    faults = cross_check(Settings.model_validate(settings), None, ("new", "popular"))
    assert [fault.problem for fault in faults][:2] == [
        "surfaces[0] (a): sources[0] names the unknown source 'popluar'; did you mean popular?",
        "surfaces[0] (a): sources[1] names the unknown source 'zzz'; there are new, popular",
    ]
    assert faults[0].path == ("surfaces", 0, "sources", 0, "name")


@pytest.mark.parametrize(
    ("external", "problem"),
    [
        ([{"url": "https://x.test", "query": "SELECT 1"}], "external[0] (a): query is for databases"),
        (
            [{"url": "sqlite:///x.db"}],
            "external[0] (a): url is that of no service (https://...), and a database needs a query",
        ),
        ([{"url": "https://x.test"}] * 2, "external[0] (a): another source has this name"),
        ([{"name": "model", "url": "https://x.test"}], "external[0] (model): another source has this name"),
    ],
)
def test_sources_outside_are_looked_at(external: list[dict[str, str]], problem: str) -> None:
    settings = Settings.model_validate({"external": [{"name": "a", **source} for source in external]})
    found = [fault.problem for fault in cross_check(settings, None, ["model", "popular"])]
    assert any(text.startswith(problem) for text in found), found


def test_a_surface_may_name_a_source_outside() -> None:
    surface = {"name": "b", "sources": [{"name": "a"}, {"name": "popular"}]}
    settings = Settings.model_validate({"external": [{"name": "a", "url": "https://x.test"}], "surfaces": [surface]})
    assert cross_check(settings, None, ["model", "popular"]) == []


def test_goals_name_event_types_and_are_worth_something() -> None:
    surfaces = [
        {"name": "a", "goals": {"clik": 1}},
        {"name": "b", "goals": {"hide": -1}},
        {"name": "c", "goals": {"dwell": 1}},
    ]
    assert said({"surfaces": surfaces}) == [
        "surfaces[0] (a): goals names the unknown event type 'clik'; did you mean click?",
        "surfaces[1] (b): no goal is worth more than 0, so there is nothing to rank for; write goals = { purchase = 8 }",
    ]
