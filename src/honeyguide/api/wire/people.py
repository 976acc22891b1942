"""Persons on the wire."""

from honeyguide.api.wire.base import In
from honeyguide.api.wire.catalogue import UserParams

__all__ = ["MergeIn", "SimilarUsersParams", "UserParams"]


class SimilarUsersParams(In):
    """How many users like the one in the path."""

    user_id: str
    n: int = 10


class MergeIn(In):
    """The user that the one in the path turned out to be."""

    into: str
