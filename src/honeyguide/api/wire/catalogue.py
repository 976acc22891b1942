"""Items and users on the wire."""

import msgspec

from honeyguide.api.wire.base import In, Moment, PageParams, iso
from honeyguide.messages import Timestamp
from honeyguide.types import Item, Json, User


class ItemsParams(PageParams):
    """Which items: those whose ids begin with `prefix`, or the named ones (`item_id`, several times)."""

    prefix: str = ""
    item_id: list[str] | None = None


class UsersParams(PageParams):
    """Which users: those whose ids begin with `prefix`."""

    prefix: str = ""


class ItemParams(In):
    """One item."""

    item_id: str


class UserParams(In):
    """One user."""

    user_id: str


class ItemBody(In):
    """An item's fields, without its id. In a PUT a missing field gets its default, in a PATCH it stays as it was."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    categories: list[str] | msgspec.UnsetType = msgspec.UNSET
    price: float | None | msgspec.UnsetType = msgspec.UNSET
    image_url: str | None | msgspec.UnsetType = msgspec.UNSET
    url: str | None | msgspec.UnsetType = msgspec.UNSET
    available: bool | msgspec.UnsetType = msgspec.UNSET
    hidden: bool | msgspec.UnsetType = msgspec.UNSET
    created_at: Timestamp | None | msgspec.UnsetType = msgspec.UNSET
    properties: Json | msgspec.UnsetType = msgspec.UNSET
    vector: list[float] | None | msgspec.UnsetType = msgspec.UNSET


class UserBody(In):
    """A user's fields, without the id."""

    properties: Json | msgspec.UnsetType = msgspec.UNSET


class ItemOut(msgspec.Struct, kw_only=True):
    """An item as it is now. `sequence` is the log position of its last change."""

    item_id: str
    title: str
    categories: list[str]
    price: float | None
    image_url: str | None
    url: str | None
    available: bool
    hidden: bool
    created_at: Moment | None
    properties: Json
    vector: list[float] | None
    sequence: int

    @classmethod
    def of(cls, item: Item) -> "ItemOut":
        """The item for the wire."""
        return cls(
            item_id=item.item_id,
            title=item.title,
            categories=list(item.categories),
            price=item.price,
            image_url=item.image_url,
            url=item.url,
            available=item.available,
            hidden=item.hidden,
            created_at=None if item.created_at is None else iso(item.created_at),
            properties=item.properties,
            vector=None if item.vector is None else list(item.vector),
            sequence=item.sequence,
        )


class ItemPage(msgspec.Struct):
    """Items in order of id."""

    items: list[ItemOut]
    next_cursor: str | None


class UserOut(msgspec.Struct, kw_only=True):
    """A user as it is now. `canonical_id` names the user that this id was merged into, if any."""

    user_id: str
    canonical_id: str | None
    properties: Json
    sequence: int

    @classmethod
    def of(cls, user: User) -> "UserOut":
        """The user for the wire."""
        return cls(
            user_id=user.user_id,
            canonical_id=user.canonical_id,
            properties=user.properties,
            sequence=user.sequence,
        )


class UserPage(msgspec.Struct):
    """Users in order of id."""

    items: list[UserOut]
    next_cursor: str | None


class Written(msgspec.Struct):
    """What became of a change. A list whose `as_of` is at least `sequence` knows of it."""

    accepted: int
    sequence: int
