"""Persons on the wire."""

from honeyguide.api.wire.base import In
from honeyguide.api.wire.catalogue import UserParams

__all__ = ["MergeIn", "UserParams"]


class MergeIn(In):
    """The user that the one in the path turned out to be."""

    into: str
