"""Which arm a unit is in: the published vectors through the whole function, and what must never happen to a unit."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.experiments import assignment
from honeyguide.experiments.assignment import Trial, assign
from honeyguide.experiments.hashing import bucket, fnv1a, in_layer
from honeyguide.expressions import Value
from honeyguide.expressions.values import NOTHING, constant
from honeyguide.messages import Arm, Bandit, Experiment
from honeyguide.types import Assigned
from tests.experiments.test_hashing import cases

NOW = 1_700_000_000_000
changed = msgspec.structs.replace


@dataclass
class World:
    """What targeting sees in these tests."""

    values: dict[str, Any] = field(default_factory=dict)

    def value(self, path: str) -> Value:
        return constant(self.values[path]) if path in self.values else NOTHING


def experiment(weights: Any = (0.5, 0.5), **fields: Any) -> Experiment:
    arms = [Arm(name=str(number), weight=weight) for number, weight in enumerate(weights)]
    return Experiment(**{"name": "exp", "seed": "exp", "surface": "home", "arms": arms, "phase": 1, **fields})


def arm_of(given: Experiment, unit: str, world: World | None = None, now: int = NOW, **more: Any) -> str | None:
    found = assign(Trial.of(given), unit, world or World(), now, **more)
    return None if found is None else found.arm


PLAIN = {"key", "seed", "variations", "weights", "coverage", "namespace", "active", "hashVersion", "condition"}
"""What of their experiments is in ours; prerequisites, filters by ranges and URLs are not."""


def told(given: dict[str, Any]) -> Experiment | None:
    """One of their experiments as one of ours; None if it has something that ours has not."""
    count = len(given["variations"])
    if set(given) - PLAIN or count < 2:
        return None
    layer, *held = given.get("namespace") or ("", 0.0, 1.0)
    condition = given.get("condition", {})
    if any(isinstance(value, dict) for value in condition.values()):
        return None
    return experiment(
        given.get("weights") or [1 / count] * count,
        seed=given.get("seed", given["key"]),
        coverage=given.get("coverage", 1.0),
        layer=layer,
        range=tuple(held),
        targeting=" and ".join(f"context.{name} == {value!r}" for name, value in condition.items()),
    )


def test_their_experiments_put_units_into_the_same_arms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, coverage, namespaces, conditions, forced arms, empty ids. Most vectors are of their older hash, which is put
    in the place of ours for these."""
    looked_at = 0
    for name, context, theirs, expected, taking_part, by_hash in cases("run"):
        ours = told(theirs)
        if ours is None or context.get("qaMode") or context.get("enabled") is False or "url" in context:
            continue
        if theirs.get("active") is False:
            continue
        older = theirs.get("hashVersion", 1) == 1
        monkeypatch.setattr(assignment, "bucket", _older if older else bucket)
        attributes = context.get("attributes", {})
        world = World({f"context.{key}": value for key, value in attributes.items()})
        asked = context.get("forcedVariations", {}).get(theirs["key"])
        found = assign(Trial.of(ours), attributes.get("id") or "", world, NOW, asked=None if asked is None else str(asked))
        assert (found is not None) == taking_part, name
        if found is not None:
            assert theirs["variations"][int(found.arm)] == expected, name
            assert (found.reason == "hash") == by_hash, name
        looked_at += 1
    assert looked_at >= 45


def _older(seed: str, unit: str, version: int) -> float:
    return fnv1a(unit + seed) % 1_000 / 1_000


def test_their_vectors_of_the_present_hash_meet_their_arms() -> None:
    """A place in [0, 1) by the published hash, split by the published ranges, is the arm that the whole function gives."""
    present = [(seed, unit, place) for seed, unit, version, place in cases("hash") if version == 2]
    assert len(present) >= 5
    for seed, unit, place in present:
        for weights in ([0.5, 0.5], [0.1, 0.2, 0.7]):
            expected = str(next(number for number in range(len(weights)) if place < sum(weights[: number + 1])))
            assert arm_of(experiment(weights, seed=seed), unit) == (expected if unit else None)


def test_kept_arms_are_those_of_their_sticky_buckets() -> None:
    looked_at = 0
    for name, context, documents, feature, expected, _ in cases("stickyBucket"):
        (rule,) = context["features"][feature]["rules"]
        if "meta" not in rule or expected is None or rule.get("minBucketVersion"):
            continue
        unit = expected["hashValue"]
        ours = experiment(rule["weights"], seed=rule["seed"], coverage=rule["coverage"], sticky=True)
        kept = [each["assignments"] for each in documents if each["attributeValue"] == unit]
        if expected["stickyBucketUsed"] and not kept:
            continue  # by another attribute than the unit: ours has one unit
        arms = [arm for each in kept for key, arm in each.items() if key == f"{rule['key']}__{rule['bucketVersion']}"]
        found = assign(Trial.of(ours), unit, World(), NOW, kept=arms[0] if arms else None)
        assert found is not None
        assert (found.arm, found.reason == "sticky") == (expected["key"], expected["stickyBucketUsed"]), name
        looked_at += 1
    assert looked_at >= 3


# --- a ramp, weights, phases ------------------------------------------------------------------------------------------

shares = st.lists(st.integers(1, 20), min_size=2, max_size=5).map(lambda parts: [part / sum(parts) for part in parts])


@given(
    shares, st.floats(0, 1), st.floats(0, 1), st.sampled_from([2, 60]), st.lists(st.text(max_size=12), max_size=30),
    st.sampled_from([{}, {"kind": "bandit"}, {"kind": "bandit", "bandit": Bandit(uniform=0.7)}]),
)  # fmt: skip
def test_a_ramp_moves_nobody(
    weights: list[float], one: float, two: float, version: Any, units: list[str], kind: dict[str, Any]
) -> None:
    units = [unit for unit in units if unit.isascii() or version == 2]
    low, high = (Trial.of(experiment(weights, coverage=share, hash_version=version, **kind)) for share in sorted((one, two)))
    before, after = ([assign(trial, unit, World(), NOW) for unit in units] for trial in (low, high))
    assert all(later == earlier for earlier, later in zip(before, after, strict=True) if earlier is not None)


def test_a_ramp_from_10_to_50_percent_moves_none_of_100_000() -> None:
    """Cumulative shares move 40 % of all units for the same ramp (trap T4)."""
    trials = [Trial.of(experiment(coverage=coverage)) for coverage in (0.1, 0.5)]
    units = [f"user {number}" for number in range(100_000)]
    before, after = ([assign(trial, unit, World(), NOW) for unit in units] for trial in trials)
    assert [(one, two) for one, two in zip(before, after, strict=True) if one is not None and one != two] == []
    taking_part = [sum(each is not None for each in found) / len(units) for found in (before, after)]
    assert taking_part == [pytest.approx(0.1, abs=0.005), pytest.approx(0.5, abs=0.01)]


def test_other_weights_in_a_phase_with_a_seed_of_its_own_mix_all_units_anew() -> None:
    """Those of an arm are spread over the new arms as if they had never been in it (T4: carry-over has no direction)."""
    first, second = experiment(), experiment([0.2, 0.8], phase=2, seed="exp:2")
    moved = Counter((arm_of(first, str(number)), arm_of(second, str(number))) for number in range(20_000))
    for arm in "01":
        share = moved[arm, "0"] / (moved[arm, "0"] + moved[arm, "1"])
        assert share == pytest.approx(0.2, abs=0.015)


def test_a_unit_stays_in_its_arm_where_that_is_wanted() -> None:
    sticky = experiment([0.01, 0.99], sticky=True, phase=2, coverage=0.5, targeting="context.shop == 'north'")
    kept = assign(Trial.of(sticky), "ann", World(), NOW, kept="0")
    assert kept == Assigned("exp", 2, "0", "ann", "sticky", 0.01), "neither covered nor targeted any more, and it stays"
    assert arm_of(sticky, "ann", kept="gone") == arm_of(sticky, "ann")
    assert arm_of(changed(sticky, sticky=False, targeting="", coverage=1.0), "ann", kept="0") == "1"
    outside = next(str(number) for number in range(100) if not in_layer("l", str(number), (0.0, 0.5)))
    assert arm_of(changed(sticky, layer="l", range=(0.0, 0.5)), outside, kept="0") is None, "layers share no unit, ever"


def test_two_experiments_at_once_split_independently() -> None:
    """Chi-squared over 20,000 units (trap T5: 9e-15 under their older hash)."""
    pairs = Counter(
        (arm_of(experiment(seed="exp-1"), str(number)), arm_of(experiment(seed="exp-2"), str(number)))
        for number in range(20_000)
    )
    expected = {
        (one, two): sum(pairs[one, each] for each in "01") * sum(pairs[each, two] for each in "01") / 20_000
        for one in "01"
        for two in "01"
    }
    assert sum((pairs[pair] - expected[pair]) ** 2 / expected[pair] for pair in expected) < 6.63


# --- who takes part ---------------------------------------------------------------------------------------------------


def test_experiments_of_a_layer_share_no_unit() -> None:
    held = [(0.0, 0.3), (0.3, 0.6), (0.6, 1.0)]
    three = [experiment(seed=f"e{number}", layer="page", range=part) for number, part in enumerate(held)]
    counts = Counter(
        tuple(number for number, each in enumerate(three) if arm_of(each, str(unit)) is not None) for unit in range(20_000)
    )
    assert set(counts) == {(0,), (1,), (2,)}
    assert counts[2,] / 20_000 == pytest.approx(0.4, abs=0.02)


def test_nobody_without_an_id_takes_part() -> None:
    """Not even where the experiment or the request names an arm (trap T15)."""
    assert arm_of(experiment(forced={"": "1"}), "") is None
    assert arm_of(experiment(), "", asked="1") is None


def test_ids_are_text_of_any_kind() -> None:
    """Code units of UTF-16, as their JavaScript has it: an id beyond the basic plane has the arm of its two surrogates."""
    assert arm_of(experiment([1 / 3] * 3), "\U0001f41d zoë") == arm_of(experiment([1 / 3] * 3), "\ud83d\udc1d zoë")
    for version in (2, 60):
        arms = Counter(arm_of(experiment(hash_version=version), f"zoë {number} 例") for number in range(4_000))
        assert arms["0"] / 4_000 == pytest.approx(0.5, abs=0.03)


def test_targeting_looks_at_user_context_and_time() -> None:
    wanted = "user.properties.country == 'de' and context.device == 'phone' and now > date('2023-01-01')"
    here = World({"user.properties.country": "de", "context.device": "phone", "now": NOW})
    assert arm_of(experiment(targeting=wanted), "ann", here) is not None
    for path in here.values:
        there = World({**here.values, path: 0 if path == "now" else "other"})
        assert arm_of(experiment(targeting=wanted), "ann", there) is None
    assert arm_of(experiment(targeting=wanted), "ann") is None, "what is not known is not met"
    assert arm_of(experiment(targeting="user.id in ['ann', 'bob']"), "cid", World({"user.id": "cid"})) is None


def test_an_arm_that_is_named_says_so() -> None:
    """By the request before the experiment, and both before all that would leave the unit out."""
    left_out = experiment(coverage=0.0, forced={"ann": "1"}, targeting="context.x == 1", layer="l", range=(0.0, 0.0))
    trial = Trial.of(left_out)
    assert assign(trial, "ann", World(), NOW) == Assigned("exp", 1, "1", "ann", "forced", 1.0)
    assert assign(trial, "ann", World(), NOW, asked="0") == Assigned("exp", 1, "0", "ann", "asked", 1.0)
    assert assign(trial, "bob", World(), NOW) is None
    assert assign(trial, "bob", World(), NOW, asked="none of them") is None


def test_units_are_enrolled_from_the_beginning_until_the_end() -> None:
    timed = experiment(starts_at=NOW, ends_at=NOW + 10)
    assert [arm_of(timed, "ann", now=NOW + step) is None for step in (-1, 0, 9, 10)] == [True, False, False, True]


@pytest.mark.parametrize(("weights", "coverage"), [([0.5, 0.4], 1.0), ([0.4, 0.5999], 1.0), ([0.5, 0.5], 1.01)])
def test_weights_and_coverage_are_never_mended(weights: list[float], coverage: float) -> None:
    """Trap T16: what does not sum to 1 is refused, not split equally and not given to the control."""
    with pytest.raises(ValueError, match=r"do not sum to 1|no share"):
        Trial.of(experiment(weights, coverage=coverage))


def test_an_assignment_says_how_it_came_about() -> None:
    found = assign(Trial.of(experiment([0.3, 0.7], phase=3, hash_version=60, period=2)), "ann", World(), NOW)
    assert found is not None
    assert (found.weight, found.scheme, found.reason, found.period) == ([0.3, 0.7][int(found.arm)], 60, "hash", 2)
    assert found.label == f"exp:3:{found.arm}"
