"""What every store must do with users: attributes, merges, the past."""

from typing import Any

import polars as pl
import pytest

from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import change, event, history, run, some_history
from honeyguide.types import Item, User, UserState


class UserSuite(Fixtures):
    """Users in the log and in the current table."""

    def test_merged_users_are_one_person(self, store: Store) -> None:
        """Reads by either id see the events of both; the canonical id's attributes count most; chains are one step."""
        run(store.log.append([event("anon", "a", ts=1), event("login", "b", ts=2), event("phone", "c", ts=3)]))
        run(store.log.append([change("user_put", "anon", properties={"x": "anon", "y": 1})]))
        run(store.log.append([change("user_put", "login", properties={"x": "login"})]))
        run(store.log.append([change("user_merge", "anon", canonical_id="login")]))
        for name in ("anon", "login"):
            state = run(store.log.user_state(name, limit=9))
            assert history(state) == [("a", "view", 1), ("b", "view", 2)]
            assert (state.user_id, state.properties) == (name, {"x": "login", "y": 1})
        run(store.log.append([change("user_merge", "login", canonical_id="phone")]))
        run(store.log.append([event("anon", "d", ts=4)]))
        for name in ("anon", "login", "phone"):
            assert [entry.item_id for entry in run(store.log.user_state(name, limit=3)).events] == ["b", "c", "d"]
            found = run(store.catalogue.user(name))
            assert found is not None
            assert found.canonical_id == (None if name == "phone" else "phone")
        assert store.log.interactions()["user_id"].to_list() == ["phone"] * 4
        assert store.log.interactions(until=3)["user_id"].to_list() == ["anon", "login", "phone"]
        run(store.log.append([change("user_merge", "phone", canonical_id="anon")]))
        assert len(run(store.log.user_state("phone", limit=9)).events) == 4, "a merge in a circle changes nothing"
        run(store.log.append([change("user_merge", "anon", canonical_id=None)]))
        assert [entry.item_id for entry in run(store.log.user_state("anon", limit=9)).events] == ["a", "d"]

    def test_many_users_are_read_at_once(self, store: Store) -> None:
        """`user_states` says of each user what `user_state` says, of all at one position."""
        run(store.log.append([event("anon", "a", ts=1), event("login", "b", ts=2), event("other", "c", ts=3)]))
        run(store.log.append([change("user_put", "login", properties={"x": 1})]))
        run(store.log.append([change("user_merge", "anon", canonical_id="login")]))
        names = ["anon", "login", "other", "nobody", "d/\U0001f36f"]
        found = run(store.log.user_states(names, limit=9))
        assert found == {name: run(store.log.user_state(name, limit=9)) for name in names}
        assert {state.as_of for state in found.values()} == {run(store.log.position())}
        assert [len(found[name].events) for name in names] == [2, 2, 1, 0, 0]
        assert [len(state.events) for state in run(store.log.user_states(names[:2], limit=1)).values()] == [1, 1]
        assert run(store.log.user_states([], limit=9)) == {}
        folded = run(store.log.user_states(["login"], limit=9, features="user-none"))["login"].folded
        assert folded is not None
        assert folded.states == ()

    def test_a_person_is_all_ids_that_are_one_now(self, store: Store) -> None:
        """`person` is the present, the id they go by last; `merged` names whom to tell: those of the past as well."""
        run(store.log.append([event("b", "i"), change("user_put", "c", properties={"x": 1}), event("z", "i")]))
        assert run(store.catalogue.merged(["a", "b", "z"])) == {}
        assert run(store.catalogue.person("b")) == []
        run(store.log.append([change("user_merge", "a", canonical_id="b"), change("user_merge", "d", canonical_id="b")]))
        assert [user.user_id for user in run(store.catalogue.person("a"))] == ["a", "d", "b"]
        run(store.log.append([change("user_merge", "b", canonical_id="c")]))
        for name in "abcd":
            assert [user.user_id for user in run(store.catalogue.person(name))] == ["a", "b", "d", "c"]
        everybody = {name: [other for other in "abcd" if other != name] for name in "abcd"}
        assert run(store.catalogue.merged(["a", "b", "c", "d", "z", "unknown"])) == everybody
        run(store.log.append([change("user_merge", "a", canonical_id=None)]))
        assert [user.user_id for user in run(store.catalogue.person("a"))] == ["a"]
        assert run(store.catalogue.merged(["a"])) == {"a": ["b", "c", "d"]}
        assert run(store.catalogue.merged([])) == {}

    def test_user_fields_follow_the_log(self, store: Store) -> None:
        """A put replaces attributes, a patch merges them (null removes), a delete removes them; merges stay."""
        run(store.log.append([change("user_put", "u", properties={"a": 1, "b": {"c": 2, "d": 3}})]))
        run(store.log.append([change("user_patch", "u", properties={"a": None, "b": {"c": None, "e": [1]}})]))
        assert run(store.log.user_state("u", limit=1)).properties == {"b": {"d": 3, "e": [1]}}
        run(store.log.append([change("user_merge", "v", canonical_id="u"), change("user_patch", "v", properties={"v": 1})]))
        position = run(store.log.append([change("user_put", "u", properties={"z": 0})])).sequence
        assert run(store.catalogue.user("u")) == User(user_id="u", properties={"z": 0}, sequence=position)
        assert run(store.log.user_state("u", limit=1)).properties == {"v": 1, "z": 0}
        run(store.log.append([change("user_delete", "u")]))
        assert run(store.catalogue.user("u")) is None
        left = run(store.catalogue.user("v"))
        assert left is not None
        assert (left.canonical_id, left.properties) == (None, {"v": 1})

    @pytest.mark.parametrize("seed", range(6))
    def test_the_past_can_be_read(self, store: Store, seed: int) -> None:
        """With `until`, states and items are what they were when the log ended there, whatever came since."""
        users, items = ["ann", "bob", "cy", "d/\U0001f36f"], ["i1", "i2", "i3"]
        told: list[tuple[int, list[UserState], list[Item | None], list[tuple[Any, ...]]]] = []
        rows = some_history(seed, 60)
        for start in range(0, len(rows), 3):
            position = run(store.log.append(rows[start : start + 3])).sequence
            states = [run(store.log.user_state(name, limit=5)) for name in users]
            found = [run(store.catalogue.item(name)) for name in items]
            told.append((position, states, found, store.log.interactions().rows()))
        for position, states, found, interactions in told:
            assert [run(store.log.user_state(name, limit=5, until=position)) for name in users] == states
            assert [store.catalogue.item_at(name, position) for name in items] == found
            assert store.log.interactions(until=position).rows() == interactions

    def test_segments_are_text_per_person(self, store: Store) -> None:
        """One row per person, attributes as text, null where there are none; merged ids are one."""
        run(store.log.append([change("user_put", "a", properties={"country": "PT", "age": 30, "x": [1]})]))
        run(store.log.append([change("user_put", "b", properties={"vip": True}), event("c", "i")]))
        run(
            store.log.append(
                [change("user_merge", "d", canonical_id="b"), change("user_patch", "d", properties={"age": 4.5})]
            )
        )
        found = store.catalogue.user_segments(["country", "age", "vip", "x"]).sort("user_id")
        assert found.rows() == [("a", "PT", "30", None, None), ("b", None, "4.5", "true", None)]
        assert set(found.dtypes) == {pl.String}
