"""What every catalogue must do with items."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import all_items, change, event, run, some_history
from honeyguide.types import Item, User


class ItemSuite(Fixtures):
    """Items in the log and in the current table."""

    def test_an_event_makes_the_item_that_it_names(self, store: Store) -> None:
        """Bare, with the event's time; a put of it later keeps that time unless it says another."""
        run(store.log.append([event("u", "i", ts=70), event("u", "i", ts=60), event("u", "j", ts=80)]))
        assert run(store.catalogue.item("i")) == Item(item_id="i", created_at=70, sequence=1)
        run(store.log.append([change("item_put", "i", ts=90, title="I"), change("item_put", "j", ts=90, created_at=3)]))
        run(store.log.append([change("item_put", "k", ts=90), change("item_put", "l", ts=90, imported=True)]))
        assert [(item.item_id, item.created_at) for item in all_items(store)] == [("i", 70), ("j", 3), ("k", 91), ("l", 90)]

    def test_item_fields_follow_the_log(self, store: Store) -> None:
        """A put replaces all fields, a patch those it names, a delete marks; a put brings back."""
        fields: dict[str, Any] = {
            "title": "T",
            "categories": ["a", "b"],
            "price": 2.5,
            "image_url": "u",
            "url": "v",
            "available": False,
        }
        more: dict[str, Any] = {
            "hidden": True,
            "properties": {"a": {"b": 1}, "c": 2},
            "vector": [0.5, -0.25],
            "created_at": 7,
        }
        run(store.log.append([change("item_put", "i", **fields, **more)]))
        found = run(store.catalogue.item("i"))
        expected = Item(item_id="i", **{**fields, **more, "categories": ("a", "b"), "vector": (0.5, -0.25)}, sequence=1)
        assert found == expected
        patch: dict[str, Any] = {"price": None, "title": "N", "properties": {"a": {"b": None}, "d": 3}, "available": True}
        run(store.log.append([change("item_patch", "i", **patch)]))
        found = run(store.catalogue.item("i"))
        assert found is not None
        assert (found.title, found.price, found.available, found.hidden) == ("N", None, True, True)
        assert (found.properties, found.categories) == ({"a": {}, "c": 2, "d": 3}, ("a", "b"))
        run(store.log.append([change("item_delete", "i", ts=99)]))
        found = run(store.catalogue.item("i"))
        assert found is not None
        assert (found.deleted_at, found.title) == (99, "N")
        assert run(store.catalogue.items(limit=9)) == []
        position = run(store.log.append([change("item_put", "i", title="Back")])).sequence
        assert run(store.catalogue.item("i")) == Item(item_id="i", title="Back", created_at=7, sequence=position)
        run(store.log.append([change("item_patch", "new", title="by patch"), change("item_delete", "gone", ts=5)]))
        assert [(item.item_id, item.deleted_at) for item in all_items(store)] == [("i", None), ("new", None), ("gone", 5)]

    def test_pages_of_items_and_users(self, store: Store) -> None:
        """In order of id, without gaps or repeats; scans are in order of first sight, deleted ones included."""
        names = [f"n{at * 7 % 25:02}" for at in range(25)]
        for name in names:
            run(store.log.append([change("item_put", name), change("user_put", name)]))
        run(store.log.append([change("item_delete", "n03")]))

        def pages(read: Callable[..., Coroutine[Any, Any, Sequence[Item | User]]], key: str) -> list[str]:
            found: list[str] = []
            while page := run(read(limit=7, after=found[-1] if found else None)):
                found += [getattr(entry, key) for entry in page]
            return found

        assert pages(store.catalogue.items, "item_id") == sorted(set(names) - {"n03"})
        assert pages(store.catalogue.users, "user_id") == sorted(names)
        assert [item.item_id for item in all_items(store)] == names
        wanted = ["n24", "n03", "absent", "n00", "n24"]
        by_id = run(store.catalogue.items_by_id(wanted))
        assert [item.item_id for item in by_id] == [name for name in names if name in wanted]
        assert run(store.catalogue.items_by_id([])) == []

    def test_changed_items_are_named(self, store: Store) -> None:
        """Those that a later row changed, not those that an event only mentioned."""
        position = run(store.log.append([change("item_put", "a"), change("item_put", "b"), event("u", "c")])).sequence
        assert store.catalogue.items_changed_after(0) == ["a", "b", "c"]
        run(store.log.append([event("u", "a"), change("item_patch", "b", hidden=True), event("u", "d"), event("u", "c")]))
        assert store.catalogue.items_changed_after(position) == ["b", "d"]

    @pytest.mark.parametrize("seed", range(5))
    def test_a_rebuild_gives_the_same_tables(self, store: Store, seed: int) -> None:
        """Derived tables are the fold of the log, however the rows came in; and go on from there."""
        rows = some_history(seed, 200)
        for start in range(0, 150, 7):
            run(store.log.append(rows[start : min(start + 7, 150)]))
        for _ in range(2):
            before = (all_items(store), run(store.catalogue.users(limit=99)), store.catalogue.items_changed_after(0))
            store.catalogue.rebuild()
            assert (all_items(store), run(store.catalogue.users(limit=99)), store.catalogue.items_changed_after(0)) == before
            run(store.log.append(rows[150:]))
