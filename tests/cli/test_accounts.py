"""What stands under an item of an explanation."""

from pathlib import Path

from honeyguide.cli.accounts import account_lines
from honeyguide.cli.output import Out
from tests.shop import open_shop


def test_the_signals_of_a_ranker_are_a_sum(tmp_path: Path) -> None:
    with open_shop(tmp_path, train=False) as shop:
        slate = shop.recommend("u1", n=1, explain=True)
        assert slate.trace is not None
        (account,) = slate.trace["items"]
        signals = [{"signal": "blend", "adds": 0.75}, {"signal": "price", "adds": -0.25}]
        ranker = {"signals": signals, "others": 0.125, "base": 0.375, "logit": 1.0}
        lines = account_lines(Out(), shop, slate.items, slate.trace | {"items": [account | {"ranker": ranker}]})
        put = {"placed": {"place": 10, "above": 0.5, "below": 0.4, "share": 0.5}}
        unjudged = account_lines(Out(), shop, slate.items, slate.trace | {"items": [account | put]})
    assert "placed    10th by its sources: the ranker cannot judge it yet" in [line.plain.strip() for line in unjudged]
    shown = [line.plain.strip() for line in lines]
    assert "ranker    blend +0.75 · price -0.25 · others +0.125 · base +0.375 = 1" in shown
    assert shown[1].startswith("sources   ")


def test_the_factors_of_rules_are_a_product(tmp_path: Path) -> None:
    with open_shop(tmp_path, train=False) as shop:
        slate = shop.recommend("u1", n=1, explain=True)
        assert slate.trace is not None
        (account,) = slate.trace["items"]
        for weight, told in (
            (3.0, "0.25 x 2 by winter x 1.5 by new = 0.75"),
            (2.5, "0.25 x 2 by winter x 1.5 by new (at most 2.5) = 0.75"),
        ):
            factors = [{"rule": "winter", "factor": 2.0}, {"rule": "new", "factor": 1.5}]
            rules = {"score_before": 0.25, "factors": factors, "weight": weight, "bounds": [0.01, 100.0]}
            figures = account | {"rules": rules, "score": 0.75, "pinned": 2}
            lines = account_lines(Out(), shop, slate.items, slate.trace | {"items": [figures]})
            shown = [line.plain.strip() for line in lines]
            assert f"rules     {told}" in shown
            assert "pinned    to slot 2" in shown
