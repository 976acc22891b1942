"""One event on the wire, by parameters or as a body; the full form is `messages.EventIn`."""

from honeyguide.api.wire.base import In
from honeyguide.messages import EventIn, Timestamp
from honeyguide.types import Json


class TrackParams(In):
    """An event as parameters; `type` is in the path."""

    type: str
    user_id: str
    item_id: str | None = None
    event_id: str | None = None
    ts: str | None = None
    value: float | None = None
    quantity: float | None = None
    session_id: str | None = None
    device_id: str | None = None
    surface: str | None = None
    request_id: str | None = None


class TrackIn(In):
    """The same as a body."""

    user_id: str
    item_id: str | None = None
    event_id: str | None = None
    ts: Timestamp | None = None
    value: float | None = None
    quantity: float | None = None
    session_id: str | None = None
    device_id: str | None = None
    surface: str | None = None
    request_id: str | None = None
    properties: Json | None = None

    def event(self, kind: str) -> EventIn:
        """The event of this type."""
        return EventIn(type=kind, **{name: getattr(self, name) for name in self.__struct_fields__})
