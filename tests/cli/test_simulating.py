"""`experiments simulate`: what each engine would say of a planted effect, and of none."""

from tests.cli.conftest import Run

SMALL = ("--users", "1000", "--runs", "200", "--days", "7")


def test_an_a_a_test_shows_whose_alarms_are_false(run: Run) -> None:
    found = run("experiments", "simulate", *SMALL, "--looks", "4", "--json").json
    engines = found["engines"]
    assert found["looks"] == 28
    assert engines["click rate, delta method"]["ever"] > 0.15
    assert engines["always-valid"]["ever"] < 0.05
    assert engines["always-valid"]["held_always"] > 0.95
    assert engines["users who buy, z"]["held_last"] is None
    shown = run("experiments", "simulate", *SMALL)
    assert "no difference (A/A), 1,000 users in 7 days, played 200 times" in shown.out
    assert "beyond chance" in shown.err


def test_a_planted_effect_is_found_and_a_broken_split_noticed(run: Run) -> None:
    found = run("experiments", "simulate", *SMALL, "--lift", "0.5", "--rate", "0.1", "--lost", "0.3", "--json").json
    assert found["engines"]["always-valid"]["ever"] > 0.8
    assert found["mismatch_alarms"] > 0.5
    assert run("experiments", "simulate", *SMALL, "--lift", "0.5", "--json").json == (
        run("experiments", "simulate", *SMALL, "--lift", "0.5", "--json").json
    ), "the seed settles all"


def test_a_bandit_misses_less_than_equal_weights(run: Run) -> None:
    asked = ("--kind", "bandit", "--users", "3000", "--runs", "50", "--rate", "0.1", "--lift", "0.4", "--lift", "-0.2")
    found = run("experiments", "simulate", *asked, "--json").json
    assert found["missed"] < 0.6 * found["missed_evenly"]
    assert found["weights"][1] > 0.8
    assert "with equal weights" in run("experiments", "simulate", *asked).out


def test_what_cannot_be_played_is_refused(run: Run) -> None:
    assert "rate = 0.9" in run("experiments", "simulate", "--rate", "0.9", code=2).err
    assert "one treatment" in run("experiments", "simulate", "--lift", "0.1", "--lift", "0.2", code=2).err
    assert "between 1 and 100" in run("experiments", "simulate", "--looks", "0", code=2).err
    assert "users = 1" in run("experiments", "simulate", "--kind", "bandit", "--users", "1", code=2).err
