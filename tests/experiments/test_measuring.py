"""How a treatment stands in one metric, from sums alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from honeyguide.experiments.decision import Standing
from honeyguide.experiments.estimates import Sketches
from honeyguide.experiments.measuring import finding, level_of, measured, planned_of
from honeyguide.experiments.plan import Measured, Plan
from honeyguide.experiments.sketches import BEFORE, Sketch
from honeyguide.experiments.statistics.comparing import Estimate, fieller
from honeyguide.experiments.statistics.sequential import errors
from honeyguide.experiments.statistics.sums import Sums
from tests.experiments.sample import METRICS, plan

CHANCE = np.random.default_rng(21)
WATCHED = plan(goals=("clicks",))
GUARDED = plan(goals=("conversion",), guardrails={"clicks": 0.1})


def counts(mean: float, units: int = 4000) -> Sums:
    return Sums.of(CHANCE.poisson(mean, units))


def one(
    asked: Plan, control: Sums, treatment: Sums, name: str = "clicks", before: tuple[Sums, Sums] | None = None
) -> Measured:
    rows = [Sketch(arm, name, 0, "", sums) for arm, sums in zip(asked.arms, (control, treatment), strict=True)]
    if before is not None:
        rows += [Sketch(arm, name + BEFORE, 0, "", sums) for arm, sums in zip(asked.arms, before, strict=True)]
    return next(each for each in measured(asked, METRICS, Sketches.of(rows)) if each.metric == name)


@pytest.mark.parametrize(("control", "treatment", "standing"), [(2, 2, "kept"), (2, 1.5, "broken"), (2, 1.85, "open")])
def test_a_guardrail_is_kept_broken_or_open(control: float, treatment: float, standing: Standing) -> None:
    found = one(GUARDED, counts(control), counts(treatment))
    assert (found.role, found.standing) == ("guardrail", standing)
    assert found.p_adjusted == found.p


def test_a_guardrail_of_which_less_is_better_looks_the_other_way() -> None:
    asked = replace(GUARDED, guardrails={"dislikes": 0.1})
    assert one(asked, counts(2), counts(2.6), "dislikes").standing == "broken"
    assert one(asked, counts(2), counts(1.5), "dislikes").standing == "kept"


def test_a_guardrail_below_nought_is_a_share_of_its_size() -> None:
    losses = [Sums.of(CHANCE.normal(mean, 1.0, 4000)) for mean in (-10.0, -10.2, -13.0)]
    asked = replace(GUARDED, guardrails={"revenue": 0.1})
    assert one(asked, losses[0], losses[1], "revenue").standing == "kept"
    assert one(asked, losses[0], losses[2], "revenue").standing == "broken"


def test_chances_and_losses_follow_what_is_better() -> None:
    more = one(WATCHED, counts(2), counts(2.2))
    less = one(replace(WATCHED, goals=("dislikes",)), counts(2), counts(2.2), "dislikes")
    assert (more.chance or 0) > 0.99 > 0.01 > (less.chance or 1)
    assert (more.loss_of_shipping or 0) < 1e-3 < 0.1 < (more.loss_of_keeping or 0)
    assert (less.loss_of_shipping or 0) > 0.1 > 1e-3 > (less.loss_of_keeping or 1)


def test_proportions_are_believed_exactly() -> None:
    asked = replace(WATCHED, goals=("conversion",))
    few = one(asked, Sums.of([1.0] + [0.0] * 9), Sums.of([1.0] * 3 + [0.0] * 7), "conversion")
    control, treatment = stats.beta(2, 10), stats.beta(4, 8)
    exact = integrate.quad(lambda t: treatment.pdf(t) * control.cdf(t), 0, 1)[0]
    assert few.chance == pytest.approx(exact, abs=1e-8)


def test_an_interval_of_a_lift_reaches_as_far_as_that_of_the_difference() -> None:
    control, treatment = counts(2), counts(2.1)
    found = one(WATCHED, control, treatment)
    reach = errors(8000, planned=planned_of(WATCHED, "new"), alpha=level_of(WATCHED, "clicks"))
    expected = fieller(Estimate.mean(control), Estimate.mean(treatment), errors=reach)
    assert (found.lift_low, found.lift_high) == (expected.low, expected.high)
    assert found.low is not None
    assert (found.low > 0) == (expected.low > 0)


def test_what_was_before_is_taken_off_only_where_it_is_known_of_enough_units() -> None:
    x = CHANCE.poisson(2, 200)
    pair = (Sums.of(x[::2], x[::2]), Sums.of(x[1::2], x[1::2]))
    assert one(WATCHED, Sums.of(x[::2]), Sums.of(x[1::2]), before=pair).adjusted == "cuped"
    assert one(WATCHED, Sums.of(x[:90]), Sums.of(x[90:]), before=(Sums.of(x[:90], x[:90]), pair[1])).adjusted == ""
    nobody = (Sums.of(x[::2], 0 * x[::2]), Sums.of(x[1::2], 0 * x[1::2]))
    assert one(WATCHED, Sums.of(x[::2]), Sums.of(x[1::2]), before=nobody).adjusted == ""


def test_what_is_found_is_told_in_words() -> None:
    kept = finding(one(GUARDED, counts(2), counts(2)), GUARDED)
    assert kept.told.startswith("new: clicks moves ")
    assert kept.told.endswith("not worse by more than 10.0%.")
    assert "is not known" in finding(one(WATCHED, Sums(), Sums()), WATCHED).told


def test_alpha_and_planned_units_are_those_of_two_arms() -> None:
    three = plan(arms=("a", "b", "c"), weights=(0.5, 0.25, 0.25), goals=("clicks",), guardrails={"revenue": 0.1})
    assert planned_of(three, "b") == 7500
    assert (level_of(three, "clicks"), level_of(three, "revenue")) == (0.025, 0.05)
