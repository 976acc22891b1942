"""Checks a query before any work is done, and names what its list is kept under."""

import hashlib
from collections.abc import Collection, Iterator

import msgspec

from honeyguide.errors import FieldError, InvalidInput
from honeyguide.messages import Place, Query
from honeyguide.types import MAX_N, ServedSlate, id_fault

_MAX_LISTED = 5_000
_LONGEST_SEGMENT = 512


def check(query: Query, surfaces: Collection[str]) -> None:
    """Raise InvalidInput with one entry per fault."""
    faults = _faults(query, surfaces)
    if faults:
        raise InvalidInput("The request cannot be answered.", errors=faults)


def _faults(query: Query, surfaces: Collection[str]) -> list[FieldError]:
    faults = []
    if not 1 <= query.n <= MAX_N:
        faults.append(FieldError("/n", f"{query.n} is not possible; ask for 1 to {MAX_N} items."))
    if not 0 <= query.offset <= MAX_N:
        faults.append(FieldError("/cursor", "points outside of the list; start again without a cursor."))
    if query.surface not in surfaces:
        known = ", ".join(sorted(surfaces))
        cure = f"use one of {known}, or declare it under [[surfaces]]."
        faults.append(FieldError("/surface", f"there is no surface {query.surface!r}; {cure}"))
    if nameless(query):
        faults.append(FieldError("/user_id", "is missing; name the user, or send personalised=false."))
    faults += _ids(query)
    if query.segment is not None and len(query.segment) > _LONGEST_SEGMENT:
        fault = f"has {len(query.segment)} characters; the name of a segment has at most {_LONGEST_SEGMENT}."
        faults.append(FieldError("/segment", fault))
    for name, listed in (("candidates", query.candidates), ("exclude", query.exclude)):
        if listed is not None and len(listed) > _MAX_LISTED:
            faults.append(FieldError(f"/{name}", f"has {len(listed)} ids; at most {_MAX_LISTED} are taken."))
    return faults


def _ids(query: Query) -> Iterator[FieldError]:
    """What is no id. An empty user is nobody."""
    named = {"item_id": query.item_id, "session_id": query.session_id, "device_id": query.device_id}
    for name, value in {"user_id": query.user_id or None, **named}.items():
        if value is not None and (fault := id_fault(value)):
            yield FieldError(f"/{name}", f"{fault}.")


def query_of(slate: ServedSlate) -> Query:
    """The request of a slate, without its arms."""
    return msgspec.convert({**slate.context, "user_id": slate.user_id, "n": slate.n, "surface": slate.surface}, Query)


def subject_of(query: Query) -> str:
    """The user whose history is used: none when the request is not to be personal."""
    return query.user_id if query.personalised else ""


def nameless(query: Query) -> bool:
    """Whether a personal list is asked for without a word on whose."""
    return not query.user_id and query.personalised and query.item_id is None


def is_named(query: Query) -> bool:
    """Whether the query says whose list it is, or that it is nobody's, by something that can be an id. A personal list needs
    no look at the id: none is kept under what is no id."""
    return not nameless(query) if query.personalised else not query.user_id or id_fault(query.user_id) is None


def is_plain(query: Query) -> bool:
    """Whether the list may come from the cache and go there: nothing in the query is for this one answer only."""
    return (
        query.model is None
        and query.recipe is None
        and query.events is None
        and query.arms is None
        and not query.explain
        and not query.dry_run
    )


def for_nobody(query: Query) -> Query:
    """The same list for users of whom nothing is known: they share one."""
    return msgspec.structs.replace(query, user_id="", personalised=False)


ListKey = tuple[Place, int, bytes, str]
"""All that shapes a list, besides what it is made from: surface and arms, length bucket (never `n`), digest of anchor,
filters, item lists, segment, the request's context and strict rules, user."""


def list_key(query: Query, user_id: str, bucket: int, rules: bytes) -> ListKey:
    """The key of a query's list; `rules` is the digest of the rules without which it must not be served."""
    if (
        query.item_id is None
        and query.filters is None
        and query.filter is None
        and query.candidates is None
        and query.exclude is None
        and query.context is None
        and query.segment is None
    ):
        return query.place, bucket, rules, user_id
    shape = (
        query.item_id,
        query.filters,
        query.candidates,
        query.exclude,
        query.context,
        query.segment,
        query.filter,
        rules,
    )
    text = msgspec.msgpack.encode(shape, order="sorted")
    return query.place, bucket, hashlib.blake2b(text, digest_size=16).digest(), user_id
