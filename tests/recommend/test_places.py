"""Places of arms, and what is known of persons: made once, kept, made again."""

import asyncio
from typing import Any

import pytest
from msgspec import structs

from honeyguide.config.settings import Settings, Surface
from honeyguide.errors import InvalidInput
from honeyguide.messages import Arm, Experiment, Place, Query
from honeyguide.monitoring.metrics import Metrics
from honeyguide.recipes import recipes
from honeyguide.recommend.enrolment import takes_part, unit_of
from honeyguide.recommend.places import Places, changes_of, surface_with
from honeyguide.types import Assigned

RECIPES = recipes()
SURFACES = Settings().all_surfaces()


def experiment(name: str = "exp", phase: int = 1, **changes: Any) -> Experiment:
    arms = [Arm(name="a", weight=0.5), Arm(name="b", weight=0.5, changes=changes)]
    return Experiment(name=name, surface="home", arms=arms, phase=phase, state="running")


def assigned(arm: str, name: str = "exp", phase: int = 1) -> Assigned:
    return Assigned(name, phase, arm, "ann", "hash", 0.5)


class Told:
    """Places with a table of one, and what was opened."""

    def __init__(self, *there: Experiment) -> None:
        self.there, self.asked = there, list[Any]()
        self.opened: list[tuple[Place, Surface, Any]] = []
        self.metrics = Metrics()
        table: Any = self
        opened = [lambda *told: self.opened.append(told)]
        self.places = Places(SURFACES, RECIPES, table, opened, self.metrics)

    def at(self, phases: Any) -> dict[tuple[str, int], Experiment]:
        self.asked.append(set(phases))
        return {(each.name, each.phase): each for each in self.there if (each.name, each.phase) in phases}


def test_a_place_is_opened_once() -> None:
    told = Told()
    told.places.learn([experiment(max_per_category=1, rules={"sale": False})])
    first = told.places.enrolled(Query(user_id="ann"), [assigned("b")])
    again = told.places.enrolled(Query(user_id="bob", n=3), [assigned("b")])
    assert first.place == again.place == ("home", "exp:1:b")
    assert told.places.of(first).max_per_category == 1
    assert told.places.of(Query(user_id="ann")) is SURFACES["home"]
    ((place, surface, switches),) = told.opened
    assert (place, surface.max_per_category, switches) == (first.place, 1, {"sale": False})
    control = told.places.enrolled(Query(user_id="ann"), [assigned("a")])
    assert (control.place, told.places.of(control)) == (("home", "exp:1:a"), SURFACES["home"])
    assert told.places.is_whole(control)


def test_a_request_in_no_arm_stays_as_it_is() -> None:
    query = Query(user_id="ann")
    assert Told().places.enrolled(query, []) is query


def test_arms_of_the_past_are_asked_of_the_table_once() -> None:
    told = Told(experiment(phase=3, max_per_category=2))
    for _ in range(2):
        query = told.places.recall(Query(user_id="ann"), [assigned("b", phase=3)])
        assert told.places.of(query).max_per_category == 2
    assert told.asked == [{("exp", 3)}, set()]
    unknown = told.places.recall(Query(user_id="ann"), [assigned("b", "gone")])
    assert told.places.of(unknown) is SURFACES["home"]


def test_what_no_longer_fits_is_the_surface_and_counted() -> None:
    told = Told()
    told.places.learn([experiment(no_such_field=1)])
    query = told.places.enrolled(Query(user_id="ann"), [assigned("b")])
    assert told.places.of(query) is SURFACES["home"]
    assert not told.places.is_whole(query)
    assert b'background_errors_total{job="experiments"} 1.0' in told.metrics.render()


def test_two_arms_change_a_surface_together() -> None:
    changes: list[Any] = [{"max_per_category": 1, "rules": {"x": True}}, {"minimum": 5, "rules": {"y": False}}]
    surface, switches = surface_with(SURFACES["home"], changes, RECIPES)
    assert (surface.max_per_category, surface.minimum, switches) == (1, 5, {"x": True, "y": False})
    assert changes_of(experiment(minimum=5), "b") == {"minimum": 5}
    assert changes_of(experiment(minimum=5), "c") == {}
    with pytest.raises(InvalidInput):
        surface_with(SURFACES["home"], [{"minimum": -1}], RECIPES)


def test_recalling_is_no_work_for_the_loop() -> None:
    """`Enrolment.then` does it on a thread; places may be asked from there."""
    told = Told(experiment(max_per_category=1))

    async def recall() -> Query:
        return await asyncio.to_thread(told.places.recall, Query(user_id="ann"), [assigned("b")])

    assert told.places.of(asyncio.run(recall())).max_per_category == 1


@pytest.mark.parametrize(
    ("fields", "takes"),
    [
        ({}, True),
        ({"session_id": "s"}, True),
        ({"explain": True}, True),
        ({"personalised": False}, False),
        ({"personalised": False, "events": []}, True),
        ({"dry_run": True}, False),
        ({"model": "ease"}, False),
        ({"recipe": {}}, False),
    ],
)
def test_which_requests_take_part(fields: dict[str, Any], takes: bool) -> None:
    assert takes_part(Query(user_id="ann", **fields)) == takes


def test_the_unit_is_what_the_experiment_is_on() -> None:
    query = Query(user_id="ann", session_id="s", device_id="d")
    units = {unit: unit_of(query, structs.replace(experiment(), unit=unit)) for unit in ("user", "session", "device")}
    assert units == {"user": "ann", "session": "s", "device": "d"}
    nobody = Query(user_id="ann", personalised=False)
    assert [unit_of(nobody, structs.replace(experiment(), unit=unit)) for unit in ("user", "session")] == ["", ""]
