"""Requests in arms: each arm has lists of its own, what was assigned and what was served is logged, nothing leaks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.errors import InvalidInput
from honeyguide.messages import Arm, Experiment, Query, Rule, SessionEvent, Slate
from honeyguide.recommend.given import of_session
from honeyguide.types import ServedSlate
from tests.shop import BALL, HOUR, NOW, TEA, open_shop

changed = msgspec.structs.replace
USERS = [f"u{number}" for number in range(40)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=clock, train=False) as hg:
        yield hg


def run(shop: Honeyguide, name: str = "exp", *changes: dict[str, Any], **fields: Any) -> Experiment:
    """An experiment that runs from now on: its arms change these things of the surface."""
    arms = [Arm(name=f"a{at}", weight=1 / len(changes), changes=change) for at, change in enumerate(changes)]
    given: dict[str, Any] = {"name": name, "surface": "home", "arms": arms, "seed": name, "phase": 1, "state": "running"}
    return keep(shop, Experiment(**{**given, **fields}))


def keep(shop: Honeyguide, experiment: Experiment) -> Experiment:
    kept: Experiment = shop.runtime.store.experiments.put(experiment, "started", by="ann")
    shop.run(shop.runtime.enrolment.refresh())
    return kept


def logged(shop: Honeyguide, slate: Slate) -> ServedSlate:
    shop.run(shop.runtime.slates.round())
    found: ServedSlate | None = shop.run(shop.runtime.store.slates.get(slate.request_id))
    assert found is not None
    return found


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def arm(slate: ServedSlate) -> str:
    return slate.arm.rpartition(":")[2]


def asked(shop: Honeyguide, query: Query) -> Slate:
    found: Slate = shop.run(shop.runtime.recommend.recommend(query))
    return found


KITCHEN = {"rules": {"kitchen": True}}
SPORT = {"rules": {"sport": True}}


@pytest.fixture
def halves(shop: Honeyguide) -> Experiment:
    """Arm a0 shows the kitchen, arm a1 sport: whoever sees the other half sees another arm's list."""
    for name in ("kitchen", "sport"):
        rule = Rule(name=name, kind="filter", where=f"'{name}' in item.categories", enabled=False)
        shop.run(shop.runtime.decisions.save(rule, by="ann"))
    return run(shop, "exp", KITCHEN, SPORT)


@pytest.mark.usefixtures("halves")
def test_no_list_of_an_arm_is_served_to_the_other(shop: Honeyguide) -> None:
    """Trap T10: not computed, not from the cache, not to users of whom nothing is known, who share one list."""
    half = {"a0": set(TEA), "a1": set(BALL)}
    seen = set()
    for user in [*USERS, *USERS, *(f"stranger {number}" for number in range(20))]:
        slate = shop.recommend(user, n=3)
        entry = logged(shop, slate)
        assert set(ids(slate)) <= half[arm(entry)], (user, entry.arm)
        assert entry.served_arm == entry.arm == f"exp:1:{arm(entry)}"
        seen.add((arm(entry), entry.served_from))
    assert {(name, tier) for name in half for tier in ("computed", "l1")} <= seen
    alike = [slate for slate in (shop.recommend(f"stranger {number}", n=3) for number in range(20)) if not slate.cached]
    assert alike == [], "strangers share a list, one for each arm"


@pytest.mark.usefixtures("halves")
def test_a_slate_says_how_its_unit_came_to_its_arm(shop: Honeyguide) -> None:
    entry = logged(shop, shop.recommend("u0"))
    (assigned,) = entry.assigned
    assert (assigned.experiment, assigned.phase, assigned.unit) == ("exp", 1, "u0")
    assert (assigned.weight, assigned.reason, assigned.scheme) == (0.5, "hash", 2)
    assert assigned.label == entry.arm


@pytest.mark.usefixtures("halves")
def test_a_list_of_an_arm_is_made_again_after_the_experiment(shop: Honeyguide, halves: Experiment) -> None:
    slates = [shop.recommend(user, n=4) for user in USERS[:6]]
    assert len({arm(logged(shop, slate)) for slate in slates}) == 2
    second = keep(shop, changed(halves, phase=2, seed="exp:2", arms=[Arm(name="a0", weight=1.0)]))
    keep(shop, changed(second, state="stopped"))
    assert logged(shop, shop.recommend("u0", n=4)).arm == ""
    shop.runtime.places._phases.clear()
    shop.runtime.places._derived.clear()
    for slate in slates:
        explained = shop.explain(slate.request_id)
        assert (explained.matches, explained.replayed) == (True, ids(slate))


@pytest.mark.usefixtures("halves")
def test_an_explained_list_and_a_batch_are_in_the_same_arm(shop: Honeyguide) -> None:
    for user in USERS[:6]:
        plain, explained = shop.recommend(user, n=3), shop.recommend(user, n=3, explain=True)
        assert ids(plain) == ids(explained)
        assert logged(shop, plain).assigned == logged(shop, explained).assigned
    queries = [Query(user_id=user, n=3) for user in USERS[6:12]]
    recommend = shop.runtime.recommend
    served = shop.run(recommend.serve_many(queries, [None] * len(queries)))
    for query, each in zip(queries, served, strict=True):
        assert ids(each.slate()) == ids(shop.recommend(query.user_id, n=3))
        assert logged(shop, each.slate()).arm


@pytest.mark.usefixtures("halves")
@pytest.mark.parametrize(
    "fields", [{"dry_run": True}, {"model": "champion"}, {"recipe": {"max_per_category": 1}}, {"personalised": False}]
)
def test_who_takes_no_part_is_in_no_arm(shop: Honeyguide, fields: dict[str, Any]) -> None:
    slate = shop.recommend("u0", n=16, **fields)
    assert {*ids(slate)} & {*TEA}
    assert {*ids(slate)} & {*BALL}
    if not fields.get("dry_run"):
        entry = logged(shop, slate)
        assert (entry.arm, entry.assigned, entry.served_arm) == ("", [], "")


def test_nothing_is_looked_at_where_nothing_runs(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    """A surface without an experiment pays one look-up: nobody is asked for the arm of a request."""
    run(shop, "elsewhere", {}, {"max_per_category": 1}, surface="cart", targeting="user.properties.tier == 'gold'")
    shop.recommend("u0")
    calls: list[Any] = []
    monkeypatch.setattr(shop.runtime.enrolment, "at_once", calls.append)
    monkeypatch.setattr(shop.runtime.places, "enrolled", lambda *told: calls.append(told))
    assert shop.recommend("u0").cached
    assert shop.recommend("u1").items
    assert calls == []


def test_an_arm_is_decided_without_reading_anything(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the database nor a cache of users is needed where nothing is targeted."""
    run(shop, "exp", {}, {"max_per_category": 1})
    monkeypatch.delattr(shop.runtime.enrolment, "_persons")
    assert logged(shop, shop.recommend("u0")).arm
    assert shop.recommend("u0").cached


# --- fallback ---------------------------------------------------------------------------------------------------------


def test_a_fallback_keeps_the_arm(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap T11: whose state cannot be read is served what is popular, and counted in the arm."""
    run(shop, "exp", {}, {"max_per_category": 1})

    async def away(*told: Any, **more: Any) -> None:
        raise TimeoutError

    before = {user: logged(shop, shop.recommend(user, n=16)).arm for user in USERS[:5]}
    monkeypatch.setattr(shop.runtime.store.log, "user_state", away)
    for user in USERS[:5]:
        slate = shop.recommend(user, n=16, explain=True)
        assert "state" in slate.degraded
        entry = logged(shop, slate)
        assert entry.arm == entry.served_arm == before[user]


def test_an_arm_whose_model_is_gone_is_served_the_surface_and_stays_assigned(shop: Honeyguide) -> None:
    run(shop, "exp", {"model": "ease@77"}, {"model": "gone"})
    slate = shop.recommend("u0")
    assert slate.items
    assert "arm" in slate.degraded
    entry = logged(shop, slate)
    assert (entry.arm != "", entry.served_arm) == (True, "")
    assert shop.explain(slate.request_id).matches


def test_an_arm_that_no_longer_fits_is_served_the_surface(shop: Honeyguide) -> None:
    run(shop, "exp", {"max_per_category": -4}, {"no_such_field": 1})
    entry = logged(shop, shop.recommend("u0"))
    assert (entry.arm != "", entry.served_arm, "arm" in entry.degraded) == (True, "", True)


# --- who is in --------------------------------------------------------------------------------------------------------


def test_sessions_and_devices_are_units(shop: Honeyguide) -> None:
    run(shop, "by-session", {}, {"max_per_category": 1}, unit="session")
    run(shop, "by-device", {}, {"diversity": {"strength": 0.4}}, unit="device")
    assert logged(shop, shop.recommend("u0")).assigned == []
    both = logged(shop, shop.recommend("u0", session_id="s1", device_id="d1"))
    assert [(each.experiment, each.unit) for each in both.assigned] == [("by-device", "d1"), ("by-session", "s1")]
    assert both.arm.count(",") == 1
    again = logged(shop, shop.recommend("u9", session_id="s1"))
    assert [each.arm for each in again.assigned] == [both.assigned[1].arm]
    anonymous = asked(shop, of_session([SessionEvent(item_id="tea")], session_id="s1"))
    assert [each.arm for each in logged(shop, anonymous).assigned] == [both.assigned[1].arm]
    with pytest.raises(InvalidInput) as raised:
        shop.recommend("u0", session_id="x" * 300, device_id="")
    assert [each.pointer for each in raised.value.errors] == ["/session_id", "/device_id"]


def test_users_are_targeted_by_what_is_known_of_them(shop: Honeyguide) -> None:
    shop.ingest([{"user_id": "u0", "properties": {"tier": "gold"}}], "users")
    run(shop, "exp", {}, {"max_per_category": 1}, targeting="user.properties.tier == 'gold'")
    assert logged(shop, shop.recommend("u0")).arm
    again = shop.recommend("u0")
    assert again.cached
    assert logged(shop, again).arm
    assert logged(shop, shop.recommend("u1")).arm == ""
    shop.ingest([{"user_id": "u0", "properties": {"tier": "tin"}}], "users")
    assert logged(shop, shop.recommend("u0")).arm == "", "at once, though what was known of it was in memory"


def test_targeting_whose_user_cannot_be_read_enrols_nobody(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.ingest([{"user_id": "u0", "properties": {"tier": "gold"}}], "users")
    run(shop, "exp", {}, {"max_per_category": 1}, targeting="user.properties.tier == 'gold'")

    async def away(*told: Any, **more: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(shop.runtime.store.log, "user_state", away)
    slate = shop.recommend("u0")
    assert slate.items
    assert logged(shop, slate).arm == ""


def test_context_and_time_are_targeted(shop: Honeyguide, clock: ManualClock) -> None:
    run(shop, "exp", {}, {"max_per_category": 1}, targeting="context.page == 'sale'", starts_at=NOW, ends_at=NOW + HOUR)
    assert logged(shop, shop.recommend("u0", context={"page": "sale"})).arm
    assert logged(shop, shop.recommend("u0", context={"page": "other"})).arm == ""
    clock.advance(HOUR / 1000)
    assert logged(shop, shop.recommend("u0", context={"page": "sale"})).arm == ""


def test_units_that_are_held_out_are_in_no_other_experiment(shop: Honeyguide) -> None:
    run(shop, "always", {}, {}, surface="*", holdout=True)
    run(shop, "exp", {}, {"max_per_category": 1})
    found = [[each.label for each in logged(shop, shop.recommend(user)).assigned] for user in USERS]
    assert {len(each) for each in found if each[0] == "always:1:a0"} == {1}
    assert {len(each) for each in found if each[0] == "always:1:a1"} == {2}
    assert [each.experiment for each in logged(shop, shop.recommend("u0", surface="popular")).assigned] == ["always"]


def test_an_arm_can_be_looked_at(shop: Honeyguide) -> None:
    """Forced by the experiment or asked for by the request; both are told apart from those that chance put there."""
    run(shop, "exp", {}, {"max_per_category": 1}, coverage=0.0, forced={"u0": "a1"})
    assert [each.reason for each in logged(shop, shop.recommend("u0")).assigned] == ["forced"]
    assert logged(shop, shop.recommend("u1")).assigned == []
    told = logged(shop, shop.recommend("u1", arms={"exp": "a1"}))
    assert [(each.arm, each.reason) for each in told.assigned] == [("a1", "asked")]
    for wrong in ({"exp": "a7"}, {"none": "a0"}):
        with pytest.raises(InvalidInput, match="cannot be answered") as raised:
            shop.recommend("u1", arms=wrong)
        assert raised.value.errors[0].pointer == f"/arms/{next(iter(wrong))}"


def test_an_experiment_that_cannot_be_read_harms_nobody(shop: Honeyguide) -> None:
    """Another release may have written it."""
    run(shop, "exp", {}, {"max_per_category": 1}, targeting="moon.phase == 'full'")
    run(shop, "other", {}, {"max_per_category": 2})
    assert [each.experiment for each in logged(shop, shop.recommend("u0")).assigned] == ["other"]


# --- what arms change -------------------------------------------------------------------------------------------------


def test_models_recipes_and_rules_are_changed_by_arms(tmp_path: Path, clock: ManualClock) -> None:
    with open_shop(tmp_path, clock=clock) as shop:
        rule = Rule(name="no-tea", kind="filter", where="item.id != 'tea'")
        shop.run(shop.runtime.decisions.save(rule, by="ann"))
        first = next(version for version in shop.runtime.store.registry.versions() if version.model == "popular").label
        run(shop, "exp", {"rules": {"no-tea": False}}, {"recipe": "popular"}, {"model": first, "minimum": 0})
        found = {arm(entry): entry for entry in (logged(shop, shop.recommend(user, n=16)) for user in USERS)}
        assert found["a0"].rules == []
        assert found["a1"].rules == ["no-tea:1"]
        assert found["a1"].rung == "popular"
        assert all(shop.explain(entry.request_id).matches for entry in found.values())


def test_two_experiments_change_one_surface_together(shop: Honeyguide) -> None:
    run(shop, "caps", {}, {"max_per_category": 1})
    run(shop, "draws", {"explore": {"share": 0.0}}, {"explore": {"share": 1.0}})
    entries = [logged(shop, shop.recommend(user, n=6)) for user in USERS]
    assert len({entry.arm for entry in entries}) == 4
    for entry in entries:
        drawn = entry.arm.endswith("draws:1:a1")
        assert (entry.explored is not None) == drawn
    assert all(shop.explain(entry.request_id).matches for entry in entries[:8])


def test_a_version_that_is_promoted_remakes_the_lists_of_its_arm_only(tmp_path: Path, clock: ManualClock) -> None:
    with open_shop(tmp_path, clock=clock) as shop:
        registry = shop.runtime.store.registry
        champion = registry.aliases()["champion"]
        registry.set_alias("challenger", champion.model, champion.version)
        shop.run(shop.runtime.serving.refresh())
        run(shop, "exp", {}, {"model": "challenger"})
        arms = {user: arm(logged(shop, shop.recommend(user))) for user in USERS}
        other = next(version for version in registry.versions() if version.model == "popular")
        registry.set_alias("challenger", other.model, other.version)
        shop.run(shop.runtime.serving.refresh())
        for user, name in arms.items():
            assert shop.recommend(user).served_from == ("stale" if name == "a1" else "l1")


def test_lists_of_arms_are_made_before_they_are_asked_for(shop: Honeyguide) -> None:
    run(shop, "exp", {}, {"max_per_category": 1})
    shop.run(shop.runtime.cache.drain())
    for user in USERS[:4]:
        assert shop.run(shop.runtime.recommend.keep(Query(user_id=user)))
        slate = shop.recommend(user)
        assert (slate.cached, logged(shop, slate).arm != "") == (True, True)
        standing = shop.run(shop.runtime.whys.of_request(slate.request_id))
        assert standing.verdict == "l1"


# --- arms that are kept -----------------------------------------------------------------------------------------------


def expose(shop: Honeyguide, phase: int, unit: str, name: str) -> None:
    """A first exposure, as the fold of the slates writes it."""
    columns = "experiment, phase, unit, arm, served_arm, weight, reason, scheme, first_at, last_at, served, crossed"
    values = ("exp", phase, unit, name, name, 0.5, "hash", 2, NOW, NOW, 1, 0)
    store: Any = shop.runtime.store

    def write(db: Any, payloads: Any) -> list[None]:
        db.execute(f"INSERT INTO exposures ({columns}) VALUES ({', '.join('?' * len(values))})", values)
        return [None] * len(payloads)

    store._writer.call(write, None)


def test_a_unit_that_was_exposed_keeps_its_arm_when_weights_change(shop: Honeyguide) -> None:
    first = run(shop, "exp", {}, {"max_per_category": 1}, sticky=True)
    before = {user: arm(logged(shop, shop.recommend(user))) for user in USERS}
    for user in USERS[:30]:
        expose(shop, 1, user, before[user])
    arms = [Arm(name="a0", weight=0.01), Arm(name="a1", weight=0.99)]
    keep(shop, changed(first, phase=2, seed="exp:2", arms=arms))
    entries = {user: logged(shop, shop.recommend(user)) for user in USERS}
    assert {user: arm(entries[user]) for user in USERS[:30]} == {user: before[user] for user in USERS[:30]}
    assert {entries[user].assigned[0].reason for user in USERS[:30]} == {"sticky"}
    assert {entries[user].assigned[0].reason for user in USERS[30:]} == {"hash"}
    assert all(shop.recommend(user).cached for user in USERS)
