"""Rows about persons. Merging users: which merges there can be, decided by what is known of both.

A merge is a row of the log like any other change: rows keep the id they came with, reads follow the merge.
"""

from collections.abc import Sequence

from honeyguide.errors import Conflict, FieldError, InvalidInput, NotFound
from honeyguide.ingest.validate import id_fault
from honeyguide.types import LogRow, User


def check_ids(user_id: object, into: object) -> None:
    """Raise InvalidInput for what is no id, and for one id twice."""
    faults = [fault for fault in (id_fault(user_id, "user_id"), id_fault(into, "into")) if fault]
    if faults:
        errors = [FieldError(fault.pointer, fault.detail) for fault in faults]
        raise InvalidInput("The users cannot be merged.", errors=errors)
    if user_id == into:
        detail = "into is the user itself; name the user that this one turned out to be."
        raise InvalidInput("A user cannot be merged into itself.", errors=[FieldError("/into", detail)], code="self_merge")


def are_one(user_id: str, mine: Sequence[User], into: str, theirs: Sequence[User]) -> bool:
    """Whether the two are one person already. `mine` and `theirs` are the persons, the id that each goes by last.

    Raises Conflict for a user who is a part of another person: a history that was given to one is not given to two."""
    here, there = root(user_id, mine), root(into, theirs)
    if here == there:
        return True
    if here != user_id:
        raise Conflict(
            f"{user_id!r} was merged into {here!r} already.",
            cure=f"If {here!r} and {into!r} are one person too, merge {here!r} into {into!r}; that takes all ids along.",
            code="merged_elsewhere",
        )
    return False


def root(user_id: str, person: Sequence[User]) -> str:
    """The id that a user goes by."""
    return person[-1].user_id if person else user_id


def check_known(user_id: str, into: str, unknown: Sequence[str]) -> None:
    """Raise NotFound if nothing at all is known of either."""
    if len(unknown) == 2:
        raise NotFound(
            f"Nothing is known of {user_id!r} nor of {into!r}.",
            cure="Check the ids; a user is known from its first event or PUT /v1/users/... on.",
            code="unknown_users",
        )


def merge_row(user_id: str, payload: str, *, now: int, stem: str) -> LogRow:
    """The row to append."""
    event_id = f"{stem}-0000"
    return LogRow(kind="user_merge", event_id=event_id, ts=now, received_at=now, user_id=user_id, payload=payload)


def erased_row(payload: str, event_id: str, *, now: int) -> LogRow:
    """The row that says that users were erased; it names no user."""
    return LogRow(kind="user_delete", event_id=event_id, ts=now, received_at=now, payload=payload)
