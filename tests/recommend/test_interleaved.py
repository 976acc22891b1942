"""Two arms' lists in one answer: whose each position is, that nothing refused gets in, that it is made again as it was."""

from collections.abc import Sequence

import msgspec
import pytest

from honeyguide import Honeyguide
from honeyguide.errors import InvalidInput
from honeyguide.experiments.assignment import Trial
from honeyguide.messages import Experiment, ItemIn, Query, Rule, Slate
from honeyguide.types import INTERLEAVED, InterleavingMethod
from tests.recommend.test_enrolment import (  # noqa: F401 - fixtures
    KITCHEN,
    SPORT,
    USERS,
    arm,
    asked,
    clock,
    ids,
    keep,
    logged,
    run,
    shop,
)
from tests.shop import BALL, TEA

METHODS: tuple[InterleavingMethod, ...] = ("team_draft", "probabilistic")


@pytest.fixture(params=METHODS)
def both(request: pytest.FixtureRequest, shop: Honeyguide) -> Experiment:  # noqa: F811
    """The kitchen and sport in one list."""
    for name in ("kitchen", "sport"):
        rule = Rule(name=name, kind="filter", where=f"'{name}' in item.categories", enabled=False)
        shop.run(shop.runtime.decisions.save(rule, by="ann"))
    return run(shop, "exp", KITCHEN, SPORT, kind="interleaving", interleave=request.param)


def sides(shown: Sequence[str]) -> list[float]:
    """Whose each item is, by what the arms show."""
    return [0.0 if item in TEA else 1.0 for item in shown]


@pytest.mark.usefixtures("both")
def test_everybody_sees_both_arms_and_the_slate_says_whose_is_what(shop: Honeyguide, both: Experiment) -> None:  # noqa: F811
    tiers = set()
    for user in [*USERS[:8], *USERS[:8], "stranger"]:
        slate = shop.recommend(user, n=4)
        entry = logged(shop, slate)
        tiers.add(entry.served_from)
        assert arm(entry) == INTERLEAVED
        assert entry.served_arm == entry.arm == "exp:1:interleaved"
        (assigned,) = entry.assigned
        assert (assigned.reason, assigned.weight, assigned.unit) == ("hash", 1.0, user)
        made = entry.interleaved
        assert made is not None
        assert (made.arms, made.method) == (("a0", "a1"), both.interleave)
        owned = [(share, side) for share, side in zip(made.shares, sides(ids(slate)), strict=True) if share is not None]
        assert [share for share, _ in owned] == [side for _, side in owned]
        assert len(owned) >= 3
        assert len(entry.propensities) == 4
        assert all(0 < each <= 1 for each in entry.propensities)
        assert [item.rank for item in slate.items] == [1, 2, 3, 4]
        if both.interleave == "team_draft":
            assert sum(sides(ids(slate))) == 2
    assert {"computed", "l1"} <= tiers


def test_a_short_list_begins_the_long_one_and_pages_show_nothing_twice(shop: Honeyguide, both: Experiment) -> None:  # noqa: F811
    whole = ids(asked(shop, Query(user_id="u1", n=6, seed=5)))
    assert ids(asked(shop, Query(user_id="u1", n=2, seed=5))) == whole[:2]
    assert len({tuple(ids(asked(shop, Query(user_id="u1", n=4, seed=seed)))) for seed in range(20)}) > 1
    page, shown = shop.recommend("u2", n=2), []
    for _ in range(3):
        shown += ids(page)
        assert page.next_cursor
        page = shop.recommend("u2", n=2, cursor=page.next_cursor)
    assert len(set(shown)) == len(shown) == 6


def test_what_is_explained_in_a_batch_or_a_page_is_made_again(shop: Honeyguide, both: Experiment) -> None:  # noqa: F811
    slates: list[Slate] = [shop.recommend(user, n=4) for user in (*USERS[:3], "u0", "stranger")]
    slates.append(shop.recommend("u3", n=4, explain=True))
    slates.append(shop.recommend("u0", n=2, cursor=shop.recommend("u0", n=2).next_cursor))
    recommend = shop.runtime.recommend
    served = shop.run(recommend.serve_many([Query(user_id=user, n=4) for user in ("u0", "u9")], [None, None]))
    slates += [each.slate() for each in served]
    assert all(arm(logged(shop, slate)) == INTERLEAVED for slate in slates)
    keep(shop, msgspec.structs.replace(both, state="stopped"))
    shop.runtime.places._phases.clear()
    shop.runtime.places._derived.clear()
    for slate in slates:
        explained = shop.explain(slate.request_id)
        assert (explained.matches, explained.replayed) == (True, ids(slate)), slate.request_id


def test_what_must_not_be_shown_is_in_neither_list(shop: Honeyguide, both: Experiment) -> None:  # noqa: F811
    before = asked(shop, Query(user_id="u1", n=4, seed=5))
    gone = ids(before)[1]
    shop.run(shop.runtime.ingest.patch_items([msgspec.convert({"item_id": gone, "hidden": True}, ItemIn)]))
    after = asked(shop, Query(user_id="u1", n=4, seed=5))
    assert gone not in ids(after)
    assert len(after.items) == 4
    assert shop.explain(after.request_id).matches
    assert logged(shop, before).interleaved is not None


def test_what_is_pinned_in_both_stays_where_it_is_and_is_nobodys(shop: Honeyguide, both: Experiment) -> None:  # noqa: F811
    keep(shop, msgspec.structs.replace(both, state="stopped"))
    shop.run(shop.runtime.decisions.save(Rule(name="top", kind="pin", item_id="glove", slot=2), by="ann"))
    users = [user for user in USERS if ids(shop.recommend(user, n=4, explore=False))[1] == "glove"]
    assert len(users) >= 10, "the others have it"
    run(shop, "pins", {"max_per_category": 0}, {"max_per_category": 1}, kind="interleaving", interleave=both.interleave)
    for user in users:
        slate = shop.recommend(user, n=4)
        made = logged(shop, slate).interleaved
        assert made is not None
        assert ids(slate)[1] == "glove"
        assert ids(slate).count("glove") == 1
        assert (made.shares[1], logged(shop, slate).propensities[1]) == (None, 1.0)
        assert shop.explain(slate.request_id).matches


def test_who_asks_for_an_arm_gets_that_list_alone(shop: Honeyguide, both: Experiment) -> None:  # noqa: F811
    slate = asked(shop, Query(user_id="u1", n=4, arms={"exp": "a1"}))
    assert set(ids(slate)) <= set(BALL)
    assert logged(shop, slate).interleaved is None
    with pytest.raises(InvalidInput):
        asked(shop, Query(user_id="u1", n=4, arms={"exp": "a2"}))


def test_coverage_says_who_takes_part(shop: Honeyguide, both: Experiment) -> None:  # noqa: F811
    keep(shop, msgspec.structs.replace(both, coverage=0.5))
    arms = [logged(shop, shop.recommend(user, n=4)).arm for user in USERS]
    assert 8 < sum(bool(each) for each in arms) < 32


def test_arms_that_are_alike_are_one_list_and_nobodys(shop: Honeyguide) -> None:  # noqa: F811
    plain = ids(shop.recommend("u1", n=6, explore=False))
    run(shop, "same", {}, {}, kind="interleaving")
    slate = shop.recommend("u1", n=6)
    made = logged(shop, slate).interleaved
    assert made is not None
    assert ids(slate) == plain
    assert made.shares == [None] * 6
    assert logged(shop, slate).propensities == [1.0] * 6


def test_an_interleaving_has_two_arms(shop: Honeyguide) -> None:  # noqa: F811
    three = Experiment(name="three", surface="home", kind="interleaving", arms=[])
    with pytest.raises(ValueError, match="has two arms, not 0"):
        Trial.of(three)
