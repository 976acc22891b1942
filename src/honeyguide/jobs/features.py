"""Folds the log into the states of feature views, in small steps behind the requests.

The log is the truth and the states can be thrown away: `refold` does so, and the same bytes come out. Of several
processes that fold the same group one wins each step and the others go on from there, so nothing counts twice.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Conflict
from honeyguide.features.fold import by_subject, fold_rows, take
from honeyguide.features.plan import Plan
from honeyguide.features.state import State, encode, fold
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import EventLog, FeatureStates
from honeyguide.types import LogRow

_STEP: Final = 1_000
"""Most rows, and most states, of one step: others wait for its transaction."""
_STEPS_PER_ROUND: Final = 10
_OLD_GROUP_MS: Final = 86_400_000

Told = Callable[[str, int], None]
"""Hears how far the fold of an entity has come."""

log = structlog.get_logger(__name__)


def _nobody(entity: str, at: int) -> None:
    """Nobody wants to know."""


class FeatureFolding:
    """Keeps the states of these plans near the end of the log."""

    def __init__(
        self, event_log: EventLog, states: FeatureStates, plans: Sequence[Plan], clock: Clock, metrics: Metrics
    ) -> None:
        self._log, self._states, self._plans = event_log, states, tuple(plans)
        self._clock, self._metrics = clock, metrics
        self._swept_at = 0

    async def round(self) -> None:
        """Fold a part of what has come in since; a long log takes many rounds."""
        for plan in self._plans:
            await asyncio.to_thread(self._fold_on, plan, _STEPS_PER_ROUND)
        await asyncio.to_thread(self._sweep)

    def refresh(self, told: Told = _nobody) -> None:
        """Fold up to the log's end, however long it takes; `told` hears of each step."""
        for plan in self._plans:
            while self._fold_on(plan, 1, told):
                pass

    def refold(self, told: Told = _nobody) -> None:
        """Throw the states away and fold the whole log again."""
        for plan in self._plans:
            self._states.drop(plan.group)
        self.refresh(told)

    def erased(self, users: Mapping[str, int], item_ids: Collection[str]) -> None:
        """Take users out whose rows up to a log position have been removed: their states go, and so do those of the items
        that the rows were about; what is left in the log is folded again."""
        if not self._states.groups():
            return
        self.refresh()  # a step that had read the rows before they were removed is over, or will be refused
        self._states.forget("user", users)
        for group in set(self._states.groups()) - {plan.group for plan in self._plans}:
            self._states.drop(group)
        for plan in self._plans:
            wanted, after = (
                (sorted(item_ids), 0) if plan.entity == "item" else (sorted(users), min(users.values(), default=0))
            )
            for start in range(0, len(wanted), _STEP):
                self._refold(plan, wanted[start : start + _STEP], after)

    def _fold_on(self, plan: Plan, steps: int, told: Told = _nobody) -> bool:
        """Take some steps; True if there is more to do."""
        mark = self._states.mark(plan.group)
        at = mark.sequence if mark else 0
        for _ in range(steps):
            rows = next(iter(self._log.scan(after=at, limit=_STEP)), None)
            if not rows:
                self._caught_up(plan)
                return False
            part = take(plan, rows, _STEP)
            try:
                self._step(plan, part, at)
            except Conflict:  # somebody else folds: go on from there in the next round
                return True
            except msgspec.DecodeError:  # a damaged state, or one of another release
                self._metrics.background_errors.labels("features").inc()
                log.exception("feature states cannot be read, they are folded again from the log", group=plan.group)
                self._states.drop(plan.group)
                return True
            at = part[-1].sequence
            told(plan.entity, at)
            oldest = rows[len(part)].received_at if len(part) < len(rows) else 0
            self._metrics.event_oldest_unprocessed.labels(plan.entity).set(oldest / 1000)
        return True

    def _step(self, plan: Plan, rows: Sequence[LogRow], after: int) -> None:
        changed = fold_rows(plan, rows, lambda ids: self._states.states(plan.group, ids))
        self._states.advance(plan.group, changed, after=after, sequence=rows[-1].sequence)
        self._metrics.feature_writes.labels(plan.entity).inc(len(changed))
        now = self._clock.now_ms()
        for row in rows:
            if plan is self._plans[-1] and row.kind == "event" and not row.imported:
                self._metrics.event_lag.labels(row.type).observe(max(0, now - row.received_at) / 1000)

    def _caught_up(self, plan: Plan) -> None:
        self._metrics.event_oldest_unprocessed.labels(plan.entity).set(0)
        if plan.entity == "user":
            for name in plan.bound:
                self._metrics.feature_last_refresh.labels(name).set(self._clock.now_ms() / 1000)

    def _refold(self, plan: Plan, ids: Collection[str], at: int) -> None:
        """Fold some users or items again, of whom nothing is left up to `at`. While that goes on the mark moves; what was
        folded meanwhile is added until it stands."""
        states = {name: State() for name in ids}
        while (mark := self._states.mark(plan.group)) is not None:
            for batch in self._log.scan(after=at, until=mark.sequence):
                for name, rows in by_subject(plan, batch, states).items():
                    for row in rows:
                        fold(plan, states[name], row)
            at = mark.sequence
            empty = encode(plan, State())
            found = {name: encode(plan, state) for name, state in states.items()}
            with contextlib.suppress(Conflict):
                amended = {name: state if state != empty else None for name, state in found.items()}
                self._states.amend(plan.group, amended, at=at)
                return

    def _sweep(self) -> None:
        """Remove groups of views that are no longer declared, a day after they were last folded."""
        now = self._clock.now_ms()
        if now - self._swept_at < _OLD_GROUP_MS // 24:
            return
        self._swept_at = now
        ours = {plan.group for plan in self._plans}
        for group, mark in self._states.groups().items():
            if group not in ours and now - mark.updated_at > _OLD_GROUP_MS:
                self._states.drop(group)
                log.info("feature states of views that are no longer declared are removed", group=group)
