"""What every store must do with what the shop has decided: rules and their history."""

from collections.abc import Callable

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict, NotFound
from honeyguide.messages import Rule
from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures

HIDE = Rule(
    name="no-tea", kind="filter", where="item.category != 'tea'", owner="ann", starts_at=5, ends_at=9, surface="home"
)
PIN = Rule(name="pin", kind="pin", item_id="a", slot=1)


class DecisionSuite(Fixtures):
    """The contract of `protocols.RuleTable`."""

    def test_rules_are_kept_with_their_history(self, store: Store, opened: Callable[[], Store], clock: ManualClock) -> None:
        """Every revision stays readable, also of a rule that was removed and made again."""
        first = store.rules.put(HIDE, by="ann")
        pin = store.rules.put(PIN, by="bob")
        assert (first.revision, first.changed_at) == (1, clock.now_ms())
        clock.advance(1)
        second = opened().rules.put(Rule(name="no-tea", kind="filter", where="item.new"), by="bob")
        assert second.revision == 2
        assert opened().rules.all() == store.rules.all() == [second, pin]
        store.rules.remove("no-tea", by="ann")
        assert store.rules.all() == [pin]
        third = store.rules.put(HIDE, by="ann")
        assert third.revision == 4
        told = [(change.revision, change.changed_by, change.rule) for change in opened().rules.history("no-tea")]
        assert told == [(4, "ann", third), (3, "ann", None), (2, "bob", second), (1, "ann", first)]
        assert store.rules.at(["no-tea:2", "pin:1", "no-tea:3", "no-tea:77", "nothing", "nothing:x"]) == [second, pin]
        assert store.rules.history("nothing") == []

    def test_a_rule_that_was_changed_meanwhile_is_not_overwritten(self, store: Store) -> None:
        """Whoever says which revision was read hears that there is another."""
        read = store.rules.put(HIDE, by="ann")
        store.rules.put(read, by="bob")
        with pytest.raises(Conflict, match="revision 2 now"):
            store.rules.put(read, by="ann")
        with pytest.raises(NotFound, match="no-tea"):
            store.rules.remove("nothing", by="ann")
        store.rules.remove("no-tea", by="ann")
        with pytest.raises(Conflict, match="gone"):
            store.rules.put(read, by="ann")
