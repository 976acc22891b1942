"""Items and users: the fields that a caller gave -> the payload of a log row, or what is wrong with them.

The payload is a JSON object of exactly the fields given: times in milliseconds, categories cleaned, the id left out
(the row holds it). A put means: these, and defaults for the rest; a patch: these, and the rest as it was.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, UnsetType

from honeyguide.ingest.faults import Fault, shown
from honeyguide.ingest.times import from_iso, read_time
from honeyguide.ingest.validate import encode_json, id_fault, number_fault, read_properties, text_fault
from honeyguide.messages import ItemIn, Rejected, UserIn
from honeyguide.types import Json, LogRow, RowKind

MAX_CATEGORIES: Final = 50
MAX_VECTOR: Final = 4_096
_LONGEST_TITLE: Final = 1_000
_LONGEST_CATEGORY: Final = 128
_LONGEST_URL: Final = 16_384
_LARGEST_FLOAT32: Final = 3.4e38
_OF_ITEMS: Final = frozenset({"item_put", "item_patch"})
_FIRST_DAY: Final = from_iso("0001-01-01")
_LAST_DAY: Final = from_iso("9999-12-31")


def read_item(item: object) -> Json | Fault:
    """The given fields of an item, cleaned."""
    if not isinstance(item, ItemIn):
        return Fault("wrong_type", "", f"An item must be an object, not {shown(item)}.")
    return id_fault(item.item_id, "item_id") or _read(item, _ITEM_FIELDS)


def read_user(user: object) -> Json | Fault:
    """The given fields of a user, cleaned."""
    if not isinstance(user, UserIn):
        return Fault("wrong_type", "", f"A user must be an object, not {shown(user)}.")
    return id_fault(user.user_id, "user_id") or _read(user, {"properties": _properties})


def payload(fields: Json) -> str:
    """The JSON text of cleaned fields."""
    return encode_json(fields).decode()


Reader = Callable[[Any, str], Any]
"""A field's value -> the cleaned value, or a Fault."""


def _read(message: ItemIn | UserIn, readers: dict[str, Reader]) -> Json | Fault:
    fields: Json = {}
    for name, read in readers.items():
        value = getattr(message, name)
        if value is UNSET:
            continue
        cleaned = read(value, name)
        if isinstance(cleaned, Fault):
            return cleaned
        if cleaned is not UNSET:
            fields[name] = cleaned
    return fields


def _title(value: object, field: str) -> str | Fault:
    return text_fault(value, field, _LONGEST_TITLE) or str(value)


def _categories(value: object, field: str) -> list[str] | Fault:
    """Trimmed, without empty and repeated ones, in the given order: the first is the main category."""
    if not isinstance(value, list | tuple):
        return Fault("wrong_type", field, f"{field} must be a list of texts, not {shown(value)}.")
    for index, entry in enumerate(value):
        if fault := text_fault(entry, f"{field}/{index}", _LONGEST_CATEGORY):
            return fault
    kept = list(dict.fromkeys(trimmed for entry in value if (trimmed := entry.strip())))
    if len(kept) > MAX_CATEGORIES:
        detail = f"{field} has {len(kept)} entries; keep the {MAX_CATEGORIES} that matter, the rest fits in properties."
        return Fault("too_many", field, detail)
    return kept


_HIGHEST_PRICE: Final = 1e30


def _price(value: Any, field: str) -> float | None | Fault:
    if value is None:
        return None
    if fault := number_fault(value, field, 0):
        return fault
    if value > _HIGHEST_PRICE:
        return Fault("too_high", field, f"{field} {shown(value)} is no price; send at most {_HIGHEST_PRICE:g}.")
    return float(value)


def _address(value: object, field: str) -> str | None | Fault:
    """An address that a page may link to: http, https, a path, or an inline image. Empty text means none."""
    if value is None or value == "":
        return None
    if fault := text_fault(value, field, _LONGEST_URL):
        return fault
    address = str(value)
    if address.lower().startswith(("http://", "https://", "/", "data:image/")):
        return address
    detail = f"{field} {shown(address)} is no web address; begin with https://, http:// or / (or data:image/)."
    return Fault("bad_address", field, detail)


def _flag(value: object, field: str) -> bool | Fault:
    if isinstance(value, bool):
        return value
    return Fault("wrong_type", field, f"{field} must be true or false, not {shown(value)}.")


def _created(value: object, field: str) -> int | UnsetType | Fault:
    """Any year that a calendar has: books are older than 1970, and releases are announced ahead. None is not given."""
    if value is None:
        return UNSET
    moment = read_time(value, field)
    if isinstance(moment, int) and not _FIRST_DAY <= moment <= _LAST_DAY:
        return Fault("bad_time", field, f"{field} {shown(value)} is in no calendar year from 1 to 9999.")
    return moment


def _properties(value: object, field: str) -> object:
    text = read_properties(value, field)
    return text if isinstance(text, Fault) else value


def _vector(value: object, field: str) -> list[float] | None | Fault:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MAX_VECTOR:
        return Fault("wrong_type", field, f"{field} must be a list of 1 to {MAX_VECTOR} numbers, not {shown(value)}.")
    for index, entry in enumerate(value):
        if fault := number_fault(entry, f"{field}/{index}"):
            return fault
        if abs(entry) > _LARGEST_FLOAT32:
            return Fault("too_large", f"{field}/{index}", f"{field} holds {entry!r}; vectors are kept in 32 bits, scale it.")
    return [float(entry) for entry in value]


_ITEM_FIELDS: Final[dict[str, Reader]] = {
    "title": _title,
    "categories": _categories,
    "price": _price,
    "image_url": _address,
    "url": _address,
    "available": _flag,
    "hidden": _flag,
    "created_at": _created,
    "properties": _properties,
    "vector": _vector,
}


def change_rows(
    kind: RowKind,
    messages: Sequence[ItemIn | UserIn | Rejected],
    *,
    now: int,
    stem: str,
    imported: bool = False,
    known: Container[str] | None = None,
    vector_size: int = 0,
) -> tuple[list[LogRow], list[Rejected]]:
    """The rows to append for puts and patches, and what is refused. With `known`, other ids are `not_found`;
    with `vector_size`, vectors of another length are `bad_vector`.

    An imported item has been there since its `created_at`; all else happens now."""
    rows: list[LogRow] = []
    rejected: list[Rejected] = []
    for index, message in enumerate(messages):
        if isinstance(message, Rejected):
            rejected.append(message)
            continue
        fields = read_item(message) if kind in _OF_ITEMS else read_user(message)
        item_id, user_id = getattr(message, "item_id", None), getattr(message, "user_id", None)
        if not isinstance(fields, Fault) and known is not None and item_id not in known:
            fields = _not_found(item_id)
        if not isinstance(fields, Fault):
            fields = _sized(fields, vector_size)
        if isinstance(fields, Fault):
            rejected.append(fields.at(index))
            continue
        since = fields.get("created_at", now) if imported else now
        row = LogRow(
            kind=kind,
            event_id=f"{stem}-{index:04d}",
            ts=min(max(since, 0), now),
            received_at=now,
            item_id=item_id,
            user_id=user_id,
            payload=payload(fields),
            imported=imported,
        )
        rows.append(row)
    return rows, rejected


def _sized(fields: dict[str, Any], vector_size: int) -> dict[str, Any] | Fault:
    """The fields, unless they have a vector of another length than the configured one (0: any)."""
    vector = fields.get("vector")
    if not vector or vector_size in (0, len(vector)):
        return fields
    detail = f"vector has {len(vector)} numbers, and content.vector_size says {vector_size}."
    return Fault("bad_vector", "vector", detail)


def delete_rows(
    item_ids: Sequence[str], deleted: Mapping[str, bool], *, now: int, stem: str
) -> tuple[list[LogRow], list[Rejected]]:
    """The rows to append for deletes, and what is refused. `deleted` says of each known item whether it is gone already;
    such an item needs no row."""
    rows: list[LogRow] = []
    rejected: list[Rejected] = []
    for index, item_id in enumerate(item_ids):
        fault = id_fault(item_id, "item_id") or (None if item_id in deleted else _not_found(item_id))
        if fault:
            rejected.append(fault.at(index))
        elif not deleted[item_id]:
            event_id = f"{stem}-{index:04d}"
            rows.append(LogRow(kind="item_delete", event_id=event_id, ts=now, received_at=now, item_id=item_id))
    return rows, rejected


def valid_ids(values: Iterable[object]) -> set[str]:
    """Those of the values that may be ids: only they can be looked up."""
    return {value for value in values if isinstance(value, str) and id_fault(value, "") is None}


def _not_found(item_id: object) -> Fault:
    detail = f"There is no item {shown(item_id)}; put it first (PUT /v1/items/...), a deleted one as well."
    return Fault("not_found", "item_id", detail)
