"""How it stands with bandits and interleavings, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.site import Site

ARMS = [{"name": "control", "weight": 0.5}, {"name": "varied", "weight": 0.5, "changes": {"max_per_category": 1}}]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    opened.close()


def begin(site: Site, kind: str, **fields: Any) -> None:
    """An experiment of this kind, from its definition to its start."""
    given = {"name": kind, "surface": "home", "kind": kind, "arms": ARMS, "goals": ["ctr"], **fields}
    made = site.ask("POST", "/v1/experiments", json=given)
    assert made.status_code == 201, made.text
    assert site.ask("POST", f"/v1/experiments/{kind}:start", json={}).status_code == 200


def test_a_bandit_shows_its_weights_before_anybody_came(site: Site) -> None:
    begin(site, "bandit", bandit={"uniform": 0.3, "floor": 0.1})
    found = site.ask("GET", "/v1/experiments/bandit/standing").json()
    assert (found["kind"], found["interleaving"]) == ("bandit", None)
    assert [arm["weight"] for arm in found["bandit"]["arms"]] == [0.5, 0.5]
    assert all(arm["best"] is None and arm["units"] == 0 for arm in found["bandit"]["arms"])
    assert (found["bandit"]["mismatch"], found["bandit"]["alarm"]) == (None, False)


def test_an_interleaving_that_nobody_has_seen_says_nothing(site: Site) -> None:
    begin(site, "interleaving", interleave="probabilistic")
    found = site.ask("GET", "/v1/experiments/interleaving/standing").json()["interleaving"]
    assert (found["first"], found["second"], found["users"], found["preferred"]) == ("control", "varied", 0, "")
    assert (found["delta"], found["low"], found["p"]) == (None, None, None)


def test_other_kinds_and_drafts_are_sent_elsewhere(site: Site) -> None:
    given = {"name": "plain", "surface": "home", "arms": ARMS, "goals": ["ctr"]}
    assert site.ask("POST", "/v1/experiments", json=given).status_code == 201
    draft = site.ask("GET", "/v1/experiments/plain/standing")
    assert (draft.status_code, draft.json()["code"]) == (409, "other_results")
    assert site.ask("POST", "/v1/experiments/plain:start", json={}).status_code == 200
    assert "by its metrics" in site.ask("GET", "/v1/experiments/plain/standing").json()["detail"]
    assert site.ask("GET", "/v1/experiments/none/standing").status_code == 404


@pytest.mark.parametrize("bandit", [{"floor": 0.9}, {"every": 1, "window": 2}, {"uniform": -0.1}, {"nonsense": 1}])
def test_a_bandit_that_cannot_learn_is_refused(site: Site, bandit: dict[str, Any]) -> None:
    given = {"name": "bandit", "surface": "home", "kind": "bandit", "arms": ARMS, "goals": ["ctr"], "bandit": bandit}
    refused = site.ask("POST", "/v1/experiments:check", json=given)
    assert refused.status_code in (400, 422), refused.text
    assert "bandit" in refused.text
