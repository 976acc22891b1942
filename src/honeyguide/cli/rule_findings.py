"""What can be wrong with the rules of the shop, each with the line that mends it."""

from collections.abc import Iterator

from honeyguide.cli.findings import Finding
from honeyguide.errors import FilterError
from honeyguide.features import ItemBlock
from honeyguide.messages import Rule
from honeyguide.protocols import Store
from honeyguide.ranking.conditions import as_kept
from honeyguide.ranking.rule_warnings import HIDES_ALL, warnings_of


def rule_findings(store: Store, now: int) -> Iterator[Finding]:
    """Rules that hide everything, do nothing or are over, looked at on the items that there are."""
    rules = [rule for rule in store.rules.all() if rule.enabled]
    if not rules:
        return
    items = ItemBlock()
    for batch in store.catalogue.scan_items():
        items.put(batch)
    for rule in rules:
        yield from _of(rule, items, now)


def _of(rule: Rule, items: ItemBlock, now: int) -> Iterator[Finding]:
    try:
        warnings = warnings_of(rule, items, now, as_kept)
    except FilterError as error:
        fix = f"honeyguide rules edit {rule.name} --where CONDITION"
        yield Finding("error", "rule_unreadable", f"the rule {rule.name!r} cannot be read: {error.detail}", fix)
        return
    for warning in warnings:
        fix = f"honeyguide rules show {rule.name}"
        if rule.ends_at is not None and rule.ends_at <= now:
            fix = f"honeyguide rules remove {rule.name}"
        if warning == HIDES_ALL:
            fix = f"honeyguide rules edit {rule.name} --disabled"
            yield Finding("error", "rule_hides_everything", f"the rule {rule.name!r}: {warning}", fix)
        else:
            yield Finding("warning", "rule", f"the rule {rule.name!r}: {warning}", fix)
