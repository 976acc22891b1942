"""What fits by itself and beside others, as pure functions."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.errors import Conflict, InvalidInput
from honeyguide.experiments.defining import MOST_FORCED, check_beside, check_definition, free_ranges, overlap
from honeyguide.experiments.hashing import in_layer
from honeyguide.messages import Arm, Bandit, Definition, Experiment
from tests.experiments.sample import METRICS

NOW = 1_700_000_000_000
changed = msgspec.structs.replace
PLAIN = Definition(
    name="one",
    surface="home",
    arms=[Arm(name="control", weight=0.5), Arm(name="other", weight=0.5, changes={"max_per_category": 1})],
)


def faults(**fields: Any) -> dict[str, str]:
    """Pointer -> what is said of it; empty for what fits."""
    try:
        check_definition(changed(PLAIN, **fields), ["home", "cart"], METRICS, NOW)
    except InvalidInput as error:
        return {each.pointer: each.detail for each in error.errors}
    return {}


def running(name: str = "two", **fields: Any) -> Experiment:
    plain = {each: getattr(PLAIN, each) for each in Definition.__struct_fields__}
    return Experiment(**{**plain, "name": name, "state": "running", "phase": 1, **fields})


parts = st.lists(st.integers(1, 50), min_size=2, max_size=20)


@given(parts)
def test_weights_that_sum_to_one_fit_however_they_are_rounded(shares: list[int]) -> None:
    arms = [Arm(name=f"a{at}", weight=share / sum(shares)) for at, share in enumerate(shares)]
    assert faults(arms=arms, hash_version=60) == {}


@given(parts, st.floats(1e-6, 0.5), st.booleans())
def test_weights_that_do_not_are_refused_and_left_as_they_are(shares: list[int], by: float, more: bool) -> None:
    weights = [share / sum(shares) for share in shares]
    weights[0] += by if more else -by * weights[0]
    if abs(sum(weights) - 1) < 1e-8:
        return
    arms = [Arm(name=f"a{at}", weight=weight) for at, weight in enumerate(weights)]
    assert "never adjusted" in faults(arms=arms, hash_version=60)["/arms"]
    assert [arm.weight for arm in arms] == weights


@pytest.mark.parametrize("name", ["", "A", "1st", "a b", "a:b", "a,b", "x" * 65, "é", "a\n"])
def test_names_are_plain(name: str) -> None:
    assert faults(name=name)["/name"].endswith("beginning with a letter.")
    assert "/arms/0/name" in faults(arms=[Arm(name=name, weight=1.0), Arm(name="b", weight=0.0)])


def test_a_holdout_may_be_everywhere() -> None:
    assert faults(surface="*", holdout=True) == {}
    assert "/surface" in faults(surface="*")


def test_an_arm_may_have_no_weight() -> None:
    """Nobody gets it but those who look at it."""
    arms = [Arm(name="a", weight=1.0), Arm(name="b", weight=0.0)]
    assert faults(arms=arms, forced={"ann": "b"}) == {}
    assert "/forced" in faults(forced={f"u{number}": "control" for number in range(MOST_FORCED + 1)})


def test_times_that_come_fit() -> None:
    assert faults(starts_at=NOW, ends_at=NOW + 1) == {}
    assert faults(starts_at=NOW + 5) == {}


@pytest.mark.parametrize("text", ["item.price > 3", "user.total_purchases > 3", "user.segment == 'x'", "now >", "1 + 1"])
def test_targeting_looks_at_what_is_in_memory(text: str) -> None:
    assert "Targeting looks at" in faults(targeting=text)["/targeting"]


@pytest.mark.parametrize("text", ["user.id != 'ann'", "user.properties.a.b == 1", "hour(now) > 8 and context.x == 'y'"])
def test_targeting_that_can_be_read_fits(text: str) -> None:
    assert faults(targeting=text) == {}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, set()),
        ({"every": 0.0, "window": -1.0}, {"/bandit/every", "/bandit/window"}),
        ({"floor": 0.5, "decay": 0.0}, {"/bandit/floor", "/bandit/decay"}),
        ({"least": 0, "uniform": 1.0}, {"/bandit/least", "/bandit/uniform"}),
        ({"every": float("nan"), "floor": float("nan")}, {"/bandit/every", "/bandit/floor"}),
    ],
)
def test_how_a_bandit_learns(fields: dict[str, Any], wrong: set[str]) -> None:
    assert set(faults(kind="bandit", goals=["ctr"], bandit=Bandit(**fields))) == wrong
    assert set(faults(kind="bandit", bandit=Bandit())) == {"/goals"}
    assert set(faults(bandit=Bandit())) == {"/bandit"}


# --- beside others ----------------------------------------------------------------------------------------------------

ranges = st.tuples(st.integers(0, 999), st.integers(1, 1000)).filter(lambda each: each[0] < each[1])


@given(ranges, ranges)
def test_parts_overlap_if_a_unit_can_be_in_both(one: tuple[int, int], other: tuple[int, int]) -> None:
    first, second = ((part[0] / 1000, part[1] / 1000) for part in (one, other))
    assert overlap(first, second) == overlap(second, first) == (max(one[0], other[0]) < min(one[1], other[1]))
    if not overlap(first, second):
        units = [f"u{number}" for number in range(300)]
        assert not any(in_layer("l", unit, first) and in_layer("l", unit, second) for unit in units)


@given(st.lists(ranges, max_size=5))
def test_what_is_free_of_a_layer_is_free(taken: list[tuple[int, int]]) -> None:
    others = [running(f"e{at}", layer="l", range=(a / 1000, b / 1000)) for at, (a, b) in enumerate(taken)]
    free = free_ranges("l", [*others, running("other", layer="another", range=(0.0, 1.0))])
    for part in free:
        assert part[0] < part[1]
        assert not any(overlap(part, each.range) for each in others)
    covered = [step for step in range(1000) if any(a <= step / 1000 < b for a, b in [*free, *(o.range for o in others)])]
    assert covered == list(range(1000))


def beside(one: Experiment, *others: Experiment) -> str:
    """The code of what stands against it; empty if nothing does."""
    try:
        check_beside(one)(others)
    except Conflict as error:
        return f"{error.code}{'' if error.cure else ' without a cure'}"
    return ""


def test_what_may_run_beside_what() -> None:
    mine = running("mine", layer="l", range=(0.0, 0.5))
    assert beside(mine) == ""
    assert beside(mine, mine) == "", "a later revision of itself"
    assert beside(mine, running(layer="l", range=(0.5, 1.0))) == ""
    assert beside(mine, running(layer="l", range=(0.4, 1.0))) == "layer_taken"
    assert beside(mine, running(layer="l", range=(0.4, 1.0), surface="cart")) == "layer_taken", "a layer is about units"
    assert beside(mine, running(layer="l", range=(0.5, 1.0), unit="session")) == "layer_units_differ"
    assert beside(mine, running(layer="other", range=(0.0, 1.0))) == "changes_collide"
    assert beside(mine, running(surface="cart")) == ""
    arms = [Arm(name="a", weight=0.5), Arm(name="b", weight=0.5, changes={"rules": {"sale": False}})]
    ruled = running("ruled", arms=arms)
    assert beside(mine, ruled) == ""
    assert beside(ruled, running("again", arms=arms)) == "changes_collide"
    other = [arms[0], changed(arms[1], changes={"rules": {"tea": False}})]
    assert beside(ruled, running("again", arms=other)) == ""
    held = running("held", surface="*", holdout=True, arms=[changed(arm, changes={}) for arm in arms])
    assert beside(mine, held) == beside(held, mine) == ""
