"""Which column is which field: guessed from the names, or told with --map."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from honeyguide.errors import InvalidInput
from honeyguide.ingest.faults import nearest, spelled

Kind = Literal["events", "items", "users"]

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "events": (
        "user_id",
        "item_id",
        "ts",
        "type",
        "value",
        "quantity",
        "session_id",
        "device_id",
        "event_id",
        "request_id",
        "surface",
        "properties",
    ),
    "items": (
        "item_id",
        "title",
        "categories",
        "price",
        "image_url",
        "url",
        "available",
        "hidden",
        "created_at",
        "vector",
        "properties",
    ),
    "users": ("user_id", "properties"),
}
"""The fields of each kind, in the order in which columns are given to them."""

_REQUIRED: Final = {"events": ("user_id", "item_id", "ts", "type"), "items": ("item_id",), "users": ("user_id",)}

_NAMES: Final[Mapping[str, str]] = {
    "user_id": "userid uid user personid person customerid customer visitorid visitor memberid accountid clientid buyerid "
    "reviewerid profileid shopperid",
    "item_id": "itemid item iid sku movieid contentid productid product articleid article asin parentasin stockcode bookid "
    "isbn songid trackid videoid goodsid newsid businessid",
    "ts": "ts timestamp tsms timestampms time eventtime eventtimestamp datetime date createdat occurredat invoicedate "
    "orderdate purchasedate unixtime unixreviewtime reviewtime visittime",
    "type": "type eventtype event eventname action actiontype interaction interactiontype behavior behaviour behaviortype "
    "activity feedbacktype",
    "value": "value rating stars score overall price unitprice amount revenue total",
    "quantity": "quantity qty units count",
    "session_id": "sessionid session visitid",
    "device_id": "deviceid device",
    "event_id": "eventid eventuuid",
    "request_id": "requestid",
    "surface": "surface placement",
    "title": "title name itemname productname headline description",
    "categories": "categories category genres genre categoryname department tags",
    "price": "price unitprice listprice cost",
    "image_url": "imageurl image img imagelink picture thumbnail poster",
    "url": "url link producturl itemurl page",
    "available": "available isavailable instock",
    "hidden": "hidden ishidden",
    "created_at": "createdat created releasedate releasedat release publishedat published pubdate publicationdate dateadded",
    "vector": "vector embedding embeddings",
    "properties": "properties attributes metadata",
}
_RATING: Final = frozenset({"rating", "stars", "score", "overall"})
_BOUGHT: Final = frozenset(
    {"quantity", "qty", "invoice", "invoiceno", "orderid", "invoicedate", "orderdate", "purchasedate"}
)


@dataclass(frozen=True)
class Told:
    """What --map says: columns and constants by field, fields to leave empty, and types by their name in the file."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnMap:
    """Where each field comes from: a column, or a constant. `properties` names single properties with their columns.

    `guessed` are the fields that nobody told; `rest` the columns without a field: of items and users they become
    properties (`keeps_rest`), of events they are left out."""

    kind: Kind
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    properties: Mapping[str, str]
    types: Mapping[str, str]
    guessed: tuple[str, ...]
    rest: tuple[str, ...]
    keeps_rest: bool

    @property
    def used(self) -> frozenset[str]:
        """The columns that have a field of their own."""
        return frozenset([*self.columns.values(), *self.properties.values()])

    def shown(self) -> dict[str, str]:
        """Field -> column, or `=constant`, for people."""
        pairs = dict(self.columns) | {f"properties.{name}": column for name, column in self.properties.items()}
        return pairs | {name: f"={value}" for name, value in self.constants.items()}


def read_map(kind: Kind, arguments: Iterable[str]) -> Told:
    """The arguments of --map. Raises InvalidInput for one that cannot be meant.

    `user_id=uid` takes a column, `type==purchase` a constant, `value=` nothing; `properties.colour=col` fills one
    property; `type.LIKE=wishlist_add` says what a type of the file is called here."""
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    types: dict[str, str] = {}
    without: set[str] = set()
    for argument in arguments:
        name, equals, source = argument.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--map {argument!r} is not FIELD=COLUMN.", cure=_SYNTAX)
        if name.startswith("type.") and kind == "events":
            types[name.removeprefix("type.")] = source
            continue
        _check_field(kind, name)
        if not source:
            without.add(name)
        elif source.startswith("="):
            constants[name] = source[1:]
        else:
            columns[name] = source
    return Told(columns, constants, frozenset(without), types)


_SYNTAX: Final = "Write user_id=uid for a column, type==purchase for a constant, value= for none."


def _check_field(kind: Kind, name: str) -> None:
    if name in FIELDS[kind] or name.startswith("properties."):
        return
    meant = nearest(name, FIELDS[kind])
    hint = f"Did you mean {meant}? " if meant else ""
    raise InvalidInput(
        f"{kind} have no field {name!r}.", cure=f"{hint}There are: {', '.join(FIELDS[kind])}, properties.NAME."
    )


def map_columns(kind: Kind, columns: Sequence[str], told: Told) -> ColumnMap:
    """Give every field its column. Raises InvalidInput if one that is needed has none, or a named one does not exist."""
    for name, column in told.columns.items():
        if column not in columns:
            raise InvalidInput(
                f"There is no column {column!r} for {name}.", cure=_choices(columns, nearest(column, columns))
            )
    chosen = {name: column for name, column in told.columns.items() if not name.startswith("properties.")}
    single = {name.split(".", 1)[1]: column for name, column in told.columns.items() if name.startswith("properties.")}
    constants = dict(told.constants)
    guessed = _guess(kind, columns, told, chosen, constants)
    _require(kind, columns, {*chosen, *constants, *told.without})
    used = {*chosen.values(), *single.values()}
    rest = tuple(column for column in columns if column and column not in used)
    keeps_rest = kind != "events" and "properties" not in told.without
    return ColumnMap(kind, chosen, constants, single, told.types, guessed, rest, keeps_rest)


def _guess(
    kind: Kind, columns: Sequence[str], told: Told, chosen: dict[str, str], constants: dict[str, str]
) -> tuple[str, ...]:
    """Fill `chosen` (and the constant type) from the columns' names; returns the fields that were guessed."""
    free = {spelled(column): column for column in reversed(columns) if column and column not in chosen.values()}
    guessed = []
    for name in FIELDS[kind]:
        if name in chosen or name in constants or name in told.without:
            continue
        for spelling in _spellings(kind, name):
            if spelling in free:
                chosen[name] = free.pop(spelling)
                guessed.append(name)
                break
    if kind == "events" and "type" not in {*chosen, *constants, *told.without} and (kindred := _kindred(columns)):
        constants["type"] = kindred
        guessed.append("type")
    return tuple(guessed)


def _spellings(kind: Kind, name: str) -> list[str]:
    own = {"items": "item_id", "users": "user_id"}.get(kind)
    return [*_NAMES[name].split(), *(["id"] if name == own else [])]


def _kindred(columns: Sequence[str]) -> str | None:
    """The type of events that the columns of a file without one speak of."""
    names = {spelled(column) for column in columns}
    if names & _RATING:
        return "rating"
    return "purchase" if names & _BOUGHT else None


def _require(kind: Kind, columns: Sequence[str], given: set[str]) -> None:
    missing = [name for name in _REQUIRED[kind] if name not in given]
    if not missing:
        return
    example = "type==view" if missing[0] == "type" else f"{missing[0]}=COLUMN"
    raise InvalidInput(
        f"No column looks like {' or '.join(missing)}.",
        cure=f"Say it with --map {example}. {_choices(columns)} A file without a header needs --columns.",
    )


def _choices(columns: Sequence[str], meant: str | None = None) -> str:
    hint = f"Did you mean {meant!r}? " if meant else ""
    return f"{hint}The columns are: {', '.join(column for column in columns if column)}."
