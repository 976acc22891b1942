"""Decisions about experiments: what fits, what is refused with its cure, and what may be changed when."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict, InvalidInput, NotFound
from honeyguide.messages import Arm, Definition, Experiment, Guardrail, Rule
from honeyguide.recommend.experiments import OF_A_PHASE, SAFE, Assignment, Checked, read_definition
from tests.shop import HOUR, NOW, open_shop

changed = msgspec.structs.replace
ARMS = [Arm(name="control", weight=0.5), Arm(name="varied", weight=0.5, changes={"diversity": {"strength": 0.4}})]
PLAIN = Definition(name="variety", surface="home", arms=ARMS, goals=["ctr"])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honeyguide]:
    """A shop in which nothing is kept."""
    with open_shop(tmp_path_factory.mktemp("still"), train=False) as hg:
        yield hg


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=clock, train=False) as hg:
        yield hg


def decide(shop: Honeyguide, what: str, *told: Any, **more: Any) -> Experiment:
    checked: Checked = shop.run(getattr(shop.runtime.experiments, what)(*told, by="ann", **more))
    return checked.experiment


def begun(shop: Honeyguide, definition: Definition = PLAIN) -> Experiment:
    decide(shop, "create", definition)
    return decide(shop, "start", definition.name)


def assignment(shop: Honeyguide, unit: str, name: str = "variety") -> Assignment:
    found: Assignment = shop.run(shop.runtime.experiments.assignment(name, unit))
    return found


def weights(*shares: float) -> dict[str, Any]:
    return {"arms": [Arm(name=f"a{at}", weight=share) for at, share in enumerate(shares)]}


def changes(**fields: Any) -> dict[str, Any]:
    return {"arms": [ARMS[0], Arm(name="varied", weight=0.5, changes=fields)]}


@pytest.mark.parametrize(
    ("fields", "pointer", "told"),
    [
        (weights(0.5, 0.4), "/arms", "0.5 + 0.4 sum to 0.9; write weights that sum to 1"),
        (weights(0.7, 0.6), "/arms", "never adjusted"),
        (weights(1.2, -0.2), "/arms/1/weight", "is no share"),
        (weights(float("nan"), 1.0), "/arms/0/weight", "is no share"),
        (weights(1.0), "/arms", "2 to 20"),
        ({"arms": [ARMS[0], changed(ARMS[1], name="control")]}, "/arms/1/name", "the name of another arm"),
        ({"arms": [ARMS[0], changed(ARMS[1], name="A:B,C")]}, "/arms/1/name", "is no name"),
        ({"name": "No Name"}, "/name", "is no name"),
        ({"surface": "hme"}, "/surface", "did you mean 'home'?"),
        ({"surface": "*"}, "/surface", "for holdouts alone"),
        ({"coverage": 1.5}, "/coverage", "is no share"),
        ({"coverage": 0.0001}, "/hash_version", "write 60"),
        ({"layer": "page", "range": (0.5, 0.5)}, "/range", "two numbers that rise"),
        ({"range": (0.0, 0.5)}, "/range", "no layer is named"),
        ({"layer": "a layer"}, "/layer", "is no name"),
        ({"targeting": "user.properties.tier = 'gold'"}, "/targeting", "Targeting looks at"),
        ({"targeting": "item.price > 3"}, "/targeting", "Targeting looks at"),
        ({"targeting": "now"}, "/targeting", "true or false"),
        ({"forced": {"ann": "vari"}}, "/forced/ann", "did you mean 'varied'?"),
        ({"forced": {"x" * 300: "varied"}}, "/forced", "at most 256"),
        ({"goals": ["crt"]}, "/goals/0", "did you mean 'ctr'?"),
        ({"guardrails": [Guardrail(metric="ctr")]}, "/guardrails/0/metric", "named twice"),
        ({"guardrails": [Guardrail(metric="conversion", margin=1.0)]}, "/guardrails/0/margin", "is no share"),
        ({"alpha": 0.0}, "/alpha", "is no level"),
        ({"planned_units": 1}, "/planned_units", "too few for 2 arms"),
        ({"watched": ["clics"]}, "/watched/0", "did you mean 'clicks'?"),
        ({"looks": 0}, "/looks", "1 to 1,000"),
        ({"kind": "interleaving", **weights(0.2, 0.4, 0.4)}, "/arms", "exactly two"),
        ({"min_days": -1}, "/min_days", "0 to 365"),
        ({"starts_at": NOW - 1}, "/starts_at", "in the past"),
        ({"ends_at": NOW}, "/ends_at", "not after the beginning"),
        ({"starts_at": NOW + 10, "ends_at": NOW + 5}, "/ends_at", "not after the beginning"),
        ({"owner": "x" * 200}, "/owner", "128"),
        (changes(diversty={}), "/arms/1/changes/diversty", "has no field 'diversty'"),
        (changes(diversity={"strength": 7}), "/arms/1/changes/diversity/strength", "less than or equal to 1"),
        (changes(model="eas"), "/arms/1/changes/model", "there is no model 'eas'"),
        (changes(recipe="persnal"), "/arms/1/changes/recipe", "personal"),
        (changes(sources=[{"name": "populr"}]), "/arms/1/changes/sources/0/name", "did you mean popular?"),
        (changes(exclude=["purchse"]), "/arms/1/changes/exclude", "purchase"),
        (changes(invalidate=[]), "/arms/1/changes/invalidate", "holds for the whole surface"),
        (changes(name="cart"), "/arms/1/changes/name", "holds for the whole surface"),
        (changes(rules={"none": False}), "/arms/1/changes/rules/none", "no rule 'none' on 'home'"),
        (changes(rules=["none"]), "/arms/1/changes/rules", "by name"),
        (changes(explore={"slots": [3, 3]}), "/arms/1/changes/explore/slots", "twice"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_cure(
    still: Honeyguide, fields: dict[str, Any], pointer: str, told: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        decide(still, "create", changed(PLAIN, **fields))
    found = {each.pointer: each.detail for each in raised.value.errors}
    assert told in found[pointer], found
    assert still.runtime.store.experiments.all() == []


def test_all_faults_are_told_at_once(still: Honeyguide) -> None:
    with pytest.raises(InvalidInput) as raised:
        decide(still, "create", changed(PLAIN, surface="hme", alpha=7.0, coverage=2.0))
    assert {each.pointer for each in raised.value.errors} == {"/surface", "/alpha", "/coverage"}
    with pytest.raises(InvalidInput, match="does not fit"):
        read_definition({"name": "x", "surface": "home", "arms": [], "unit": "household"})


def test_an_experiment_goes_from_draft_to_its_verdict(shop: Honeyguide, clock: ManualClock) -> None:
    draft = decide(shop, "create", PLAIN, why="lists look alike")
    assert (draft.state, draft.phase, draft.seed, draft.revision) == ("draft", 0, "variety", 1)
    assert shop.run(shop.runtime.enrolment.refresh()) is None
    assert shop.runtime.enrolment.running == {}
    decide(shop, "edit", "variety", {"coverage": 0.1, "owner": "ann"})
    clock.advance(60)
    running = decide(shop, "start", "variety")
    assert (running.state, running.phase, running.started_at) == ("running", 1, clock.now_ms())
    assert list(shop.runtime.enrolment.running) == ["home"]
    assert decide(shop, "ramp", "variety", 0.5, why="all is well").coverage == 0.5
    second = decide(
        shop, "new_phase", "variety", {"arms": [{"name": "control", "weight": 1.0}, {"name": "x", "weight": 0.0}]}
    )
    assert (second.phase, second.seed, second.coverage) == (2, "variety:2", 0.5)
    ended = decide(shop, "stop", "variety", "nobody wins", why="seven days")
    assert (ended.state, ended.verdict, ended.stopped_at) == ("stopped", "nobody wins", clock.now_ms())
    assert shop.runtime.enrolment.running == {}
    told = [(each.change, each.changed_by, each.why) for each in shop.runtime.store.experiments.history("variety")]
    assert told == [
        ("stopped", "ann", "seven days"),
        ("phase", "ann", ""),
        ("ramped", "ann", "all is well"),
        ("started", "ann", ""),
        ("edited", "ann", ""),
        ("created", "ann", "lists look alike"),
    ]


def test_while_it_runs_only_what_is_safe_can_be_edited(shop: Honeyguide) -> None:
    begun(shop)
    for field, value in {"coverage": 1.0, "arms": [], "seed": "x", "alpha": 0.1, "unit": "device", "targeting": ""}.items():
        with pytest.raises(Conflict, match="begin a new phase") as raised:
            decide(shop, "edit", "variety", {field: value})
        assert raised.value.code == "needs_new_phase"
    safe: dict[str, Any] = {
        "hypothesis": "why",
        "owner": "bob",
        "forced": {"ann": "varied"},
        "ends_at": NOW + HOUR,
        "watched": ["clicks"],
    }
    assert set(safe) == set(SAFE)
    edited = decide(shop, "edit", "variety", safe)
    assert (edited.owner, edited.forced, edited.ends_at, edited.phase) == ("bob", {"ann": "varied"}, NOW + HOUR, 1)
    with pytest.raises(InvalidInput, match="no arm"):
        decide(shop, "edit", "variety", {"forced": {"ann": "nothing"}})


def test_a_phase_only_grows_and_a_new_one_has_a_seed_of_its_own(shop: Honeyguide) -> None:
    begun(shop, changed(PLAIN, coverage=0.5))
    for coverage, why in [
        (0.5, "above the present 0.5"),
        (0.2, "only grows"),
        (5, "5 is no share"),
        (float("nan"), "no share"),
    ]:
        with pytest.raises(InvalidInput, match=f"ramp does not fit: coverage .*{why}"):
            decide(shop, "ramp", "variety", coverage)
    with pytest.raises(InvalidInput) as raised:
        decide(shop, "new_phase", "variety", {"seed": "variety"})
    assert "carry its effect over" in raised.value.errors[0].detail
    with pytest.raises(InvalidInput) as raised:
        decide(shop, "new_phase", "variety", {"unit": "device"})
    assert "cannot change unit" in raised.value.errors[0].detail
    assert decide(shop, "new_phase", "variety", {"seed": "variety", "sticky": True}).seed == "variety"
    assert decide(shop, "new_phase", "variety", {"coverage": 0.1}).coverage == 0.1
    assert decide(shop, "ramp", "variety", 1.0).coverage == 1.0
    for coverage, why in [(1.0, "all units take part"), (5, "5 is no share")]:
        with pytest.raises(InvalidInput, match=why):
            decide(shop, "ramp", "variety", coverage)


def test_a_state_allows_what_it_allows(shop: Honeyguide) -> None:
    decide(shop, "create", PLAIN)
    for what, told in [("ramp", 0.5), ("new_phase", {})]:
        with pytest.raises(Conflict, match="is draft"):
            decide(shop, what, "variety", told)
    decide(shop, "start", "variety")
    with pytest.raises(Conflict, match="Only a draft"):
        decide(shop, "start", "variety")
    decide(shop, "stop", "variety")
    more: list[tuple[str, list[Any]]] = [("stop", []), ("edit", [{"owner": "x"}]), ("ramp", [1.0]), ("start", [])]
    for what, given in more:
        with pytest.raises(Conflict, match="stopped"):
            decide(shop, what, "variety", *given)
    with pytest.raises(Conflict, match="names are never used again"):
        decide(shop, "create", PLAIN)
    with pytest.raises(NotFound, match="There are: variety"):
        decide(shop, "start", "varieti")


def test_a_start_that_has_passed_is_refused_at_the_start(shop: Honeyguide, clock: ManualClock) -> None:
    decide(shop, "create", changed(PLAIN, starts_at=NOW + HOUR))
    clock.advance(2 * 3600)
    with pytest.raises(InvalidInput, match="in the past"):
        decide(shop, "start", "variety")
    decide(shop, "edit", "variety", {"starts_at": clock.now_ms() + HOUR})
    running = decide(shop, "start", "variety")
    assert running.started_at == clock.now_ms() + HOUR
    clock.advance(2 * 3600)
    decide(shop, "edit", "variety", {"owner": "bob"})
    assert decide(shop, "new_phase", "variety", {}).phase == 2


def test_parts_of_a_layer_that_are_taken_are_refused(shop: Honeyguide) -> None:
    begun(shop, changed(PLAIN, layer="page", range=(0.2, 0.6)))
    second = changed(PLAIN, name="second", layer="page", range=(0.5, 1.0))
    with pytest.raises(Conflict, match=r"overlaps with that of 'variety'.*Free in it: \[0, 0.2\], \[0.6, 1\]"):
        decide(shop, "create", second)
    with pytest.raises(Conflict, match="is one of users"):
        decide(shop, "create", changed(second, unit="device", range=(0.6, 1.0)))
    begun(shop, changed(second, range=(0.6, 1.0)))
    with pytest.raises(Conflict, match="layer"):
        decide(shop, "new_phase", "second", {"range": [0.0, 1.0]})


def test_two_that_change_the_same_are_refused_unless_a_layer_parts_them(shop: Honeyguide) -> None:
    shop.run(shop.runtime.decisions.save(Rule(name="tea", kind="filter", where="item.id != 'tea'"), by="ann"))
    begun(shop)
    with pytest.raises(Conflict, match="both change diversity of 'home'"):
        decide(shop, "create", changed(PLAIN, name="second"))
    begun(shop, changed(PLAIN, name="elsewhere", surface="cart"))
    begun(shop, changed(PLAIN, name="rules", **changes(rules={"tea": False})))
    with pytest.raises(Conflict, match="both change the rule 'tea'"):
        decide(shop, "create", changed(PLAIN, name="third", **changes(rules={"tea": False})))
    draft = decide(shop, "create", changed(PLAIN, name="caps", **changes(max_per_category=1)))
    begun(shop, changed(PLAIN, name="caps-too", **changes(max_per_category=2)))
    with pytest.raises(Conflict, match="both change max_per_category"):
        decide(shop, "start", draft.name)


def test_what_may_not_be_meant_so_is_told(still: Honeyguide) -> None:
    alike: Checked = still.run(still.runtime.experiments.check(changed(PLAIN, goals=[], coverage=0.0, **weights(0.5, 0.5))))
    assert [each.partition(" ")[0] for each in alike.warnings] == ["a1", "there", "the"]
    fine: Checked = still.run(still.runtime.experiments.check(PLAIN))
    assert fine.warnings == []


def test_models_that_there_are_can_be_arms(tmp_path: Path) -> None:
    with open_shop(tmp_path) as shop:
        label = next(version.label for version in shop.runtime.store.registry.versions() if version.model == "ease")
        for model in ("champion", "popular", label):
            shop.run(shop.runtime.experiments.check(changed(PLAIN, **changes(model=model))))


def test_an_assignment_says_why(shop: Honeyguide) -> None:
    shop.ingest([{"user_id": "gold", "properties": {"tier": "gold"}}], "users")
    decide(shop, "create", changed(PLAIN, targeting="user.properties.tier == 'gold'", coverage=0.999))
    draft = assignment(shop, "gold")
    assert (draft.enrolled, draft.arm in ("control", "varied"), draft.because[:15]) == (False, True, "it is a draft: ")
    decide(shop, "start", "variety")
    found = assignment(shop, "gold")
    assert (found.enrolled, found.arm, found.reason, found.because) == (True, draft.arm, "hash", "by hash")
    assert assignment(shop, "u1").because == "does not meet its targeting"
    decide(shop, "edit", "variety", {"forced": {"u1": "varied"}})
    assert (assignment(shop, "u1").arm, assignment(shop, "u1").reason) == ("varied", "forced")
    decide(
        shop, "new_phase", "variety", {"targeting": "", "coverage": 0.001, "forced": {}, "layer": "l", "range": [0.0, 0.5]}
    )
    because = {assignment(shop, f"u{number}").because for number in range(30)}
    assert because >= {"outside of its part of the layer l", "not covered: 0.001 of the units take part"}
    decide(shop, "stop", "variety")
    assert (assignment(shop, "u1").enrolled, assignment(shop, "u1").because) == (False, "it is stopped")
    with pytest.raises(NotFound):
        assignment(shop, "u1", "none")


def test_a_unit_that_is_held_out_is_told_so(shop: Honeyguide) -> None:
    begun(shop, Definition(name="always", surface="*", holdout=True, **weights(0.5, 0.5)))
    begun(shop)
    found = {number: (assignment(shop, f"u{number}", "always").arm, assignment(shop, f"u{number}")) for number in range(12)}
    assert {held for held, _ in found.values()} == {"a0", "a1"}
    for held, mine in found.values():
        assert mine.enrolled == (held == "a1")
        assert (mine.because == "held out by always") == (held == "a0")


@pytest.mark.parametrize(("row", "fields"), [("edit", SAFE), ("phase", OF_A_PHASE)])
def test_the_page_says_what_may_change_while_it_runs(row: str, fields: tuple[str, ...]) -> None:
    page = Path(__file__).parents[2].joinpath("docs", "experiments.md").read_text(encoding="utf-8")
    told = next(line for line in page.splitlines() if line.startswith(f"| `{row}` |"))
    assert sorted(told.split("`")[3::2]) == sorted(fields)
