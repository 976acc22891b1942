"""A list as it was made, and what it takes to make one of a request with events of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from honeyguide.features.served import Noted
from honeyguide.messages import EventIn, Rejected
from honeyguide.protocols import Request
from honeyguide.recommend.pipeline import Outcome
from honeyguide.recommend.ranked import Ranked
from honeyguide.types import LogRow


class CheckEvents(Protocol):
    """The rules of INGEST for events, without the log."""

    def __call__(self, events: Sequence[EventIn], *, now: int, stem: str) -> tuple[list[LogRow], list[Rejected]]:
        """Rows for the events that fit, and what is wrong with the others."""


@dataclass(frozen=True, slots=True)
class Made:
    """A list with the request it was made for and what happened on the way; `noted` are the features to log with it."""

    ranked: Ranked
    request: Request
    outcome: Outcome
    noted: Noted | None = None
