"""Where lists are shown: surfaces, and surfaces as the arms of experiments change them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog
from msgspec import structs

from honeyguide.config.settings import Surface
from honeyguide.errors import InvalidInput
from honeyguide.messages import Enrolled, Experiment, Place, Query
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import ExperimentTable, Recipe
from honeyguide.recommend.stages import with_changes
from honeyguide.types import Assigned, Json

log = structlog.get_logger(__name__)

RULES = "rules"
"""The change of an arm that names rules and whether they are in force, beside fields of the surface."""
Opened = Callable[[Place, Surface, Mapping[str, bool]], None]
"""Is told of a new place: its surface, and the rules that are switched there."""


def changes_of(experiment: Experiment, arm: str) -> Json:
    """What an arm changes."""
    return next((each.changes for each in experiment.arms if each.name == arm), {})


def surface_with(
    surface: Surface, changes: Iterable[Json], recipes: Mapping[str, Recipe]
) -> tuple[Surface, dict[str, bool]]:
    """A surface as several arms change it, and the rules that they switch. Raises `InvalidInput`."""
    switches: dict[str, bool] = {}
    for each in changes:
        switches |= each.get(RULES, {})
        fields = {name: value for name, value in each.items() if name != RULES}
        surface = with_changes(surface, fields, recipes) if fields else surface
    return surface, switches


class Places:
    """The surface of every request. The place of an arm is made when the first unit comes to it, and stays.

    `opened` are told of each new one before any list of it is looked for."""

    def __init__(
        self,
        surfaces: Mapping[str, Surface],
        recipes: Mapping[str, Recipe],
        table: ExperimentTable,
        opened: Sequence[Opened],
        metrics: Metrics,
    ) -> None:
        self.surfaces, self._recipes, self._table, self._opened, self._metrics = surfaces, recipes, table, opened, metrics
        self._derived: dict[Place, Surface] = {}
        self._broken: set[Place] = set()
        self._phases: dict[tuple[str, int], Experiment] = {}

    def of(self, query: Query) -> Surface:
        """The surface as the arms of the request change it."""
        return self._derived.get(query.place) or self.surfaces[query.surface]

    def is_whole(self, query: Query) -> bool:
        """Whether the surface is as the arms of the request say."""
        return query.place not in self._broken

    def sides(self, query: Query, interleaved: Assigned) -> tuple[Query, Query]:
        """The two requests whose lists an interleaved one sees in one."""
        first, second = (
            self.enrolled(query, [structs.replace(each, arm=arm) if each == interleaved else each for each in query.in_arms])
            for arm in self.experiment(interleaved).arm_names
        )
        return first, second

    def experiment(self, assigned: Assigned) -> Experiment:
        """The experiment of an arm that is known."""
        return self._phases[assigned.experiment, assigned.phase]

    def learn(self, experiments: Iterable[Experiment]) -> None:
        """Take up what arms are."""
        self._phases |= {(each.name, each.phase): each for each in experiments}

    def enrolled(self, query: Query, assigned: Sequence[Assigned]) -> Query:
        """The request with its arms, which must be known; its place is there."""
        if not assigned:
            return query
        fields = {name: getattr(query, name) for name in Query.__struct_fields__}
        found = Enrolled(assigned=tuple(assigned), **fields)
        if found.place not in self._derived:
            self._open(found)
        return found

    def recall(self, query: Query, assigned: Sequence[Assigned]) -> Query:
        """The request with arms of any time. Reads the table: not for the event loop."""
        asked = {(each.experiment, each.phase) for each in assigned} - set(self._phases)
        self._phases |= self._table.at(asked)
        return self.enrolled(query, assigned)

    def _open(self, query: Enrolled) -> None:
        base = self.surfaces[query.surface]
        arms = [(self._phases.get((each.experiment, each.phase)), each.arm) for each in query.assigned]
        try:
            changes = [changes_of(experiment, arm) if experiment else {} for experiment, arm in arms]
            surface, switches = surface_with(base, changes, self._recipes)
        except InvalidInput as error:  # it fitted when it was made: the configuration has changed since
            self._metrics.background_errors.labels("experiments").inc()
            log.error(
                "an arm does not fit its surface any more, the surface is served", place=query.place, reason=str(error)
            )
            surface, switches = base, {}
            self._broken.add(query.place)
        self._derived[query.place] = surface
        for told in self._opened:
            told(query.place, surface, switches)
