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
    shown = [line.plain.strip() for line in lines]
    assert "ranker    blend +0.75 · price -0.25 · others +0.125 · base +0.375 = 1" in shown
    assert shown[1].startswith("sources   ")
