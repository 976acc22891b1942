"""Rules of the shop: listed, kept, removed, previewed."""

import asyncio

import msgspec

from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.wire.rules import (
    PreviewIn,
    PreviewOut,
    RuleBody,
    RuleChangeOut,
    RuleHistory,
    RuleOut,
    RulePage,
    RuleParams,
)
from honeyguide.errors import FieldError, FilterError, NotFound
from honeyguide.messages import Rule

_NOBODY = "api"


async def list_rules(call: Call[object, None]) -> Answer:
    """All rules, with what may not be meant so."""
    rules = await asyncio.to_thread(call.runtime.store.rules.all)
    return reply(RulePage([_out(call, rule) for rule in rules]))


async def get_rule(call: Call[RuleParams, None]) -> Answer:
    """One rule."""
    return reply(_out(call, await _kept(call)))


async def put_rule(call: Call[RuleParams, RuleBody]) -> Answer:
    """Make or replace a rule; on this server it is in force when this is answered, on the others within moments."""
    rule = call.body.named(call.params.rule_name)
    saved = await call.runtime.decisions.save(rule, by=rule.owner or _NOBODY)
    return reply(RuleOut.of(saved.rule, call.runtime.clock.now_ms(), saved.warnings))


async def delete_rule(call: Call[RuleParams, None]) -> Answer:
    """Remove a rule; its history stays."""
    await call.runtime.decisions.remove(call.params.rule_name, by=_NOBODY)
    return Answer(b"", 204)


async def rule_history(call: Call[RuleParams, None]) -> Answer:
    """What became of a rule, latest first; of one that was removed, too."""
    changes = await asyncio.to_thread(call.runtime.store.rules.history, call.params.rule_name)
    if not changes:
        raise _unknown(call.params.rule_name)
    now = call.runtime.clock.now_ms()
    return reply(RuleHistory([RuleChangeOut.of(change, now) for change in changes]))


async def preview_rule(call: Call[object, PreviewIn]) -> Answer:
    """What a rule would do to the lists of some users; nothing is kept, logged or cached."""
    asked = call.body
    try:
        found = await call.runtime.decisions.preview(asked.rule.named(asked.rule.name), asked.user_ids, n=asked.n)
    except FilterError as error:
        errors = [FieldError(f"/rule{each.pointer}", each.detail) for each in error.errors]
        raise FilterError(error.detail, errors=errors) from None
    return reply(PreviewOut(**msgspec.structs.asdict(found)))


async def _kept(call: Call[RuleParams, None]) -> Rule:
    rules = await asyncio.to_thread(call.runtime.store.rules.all)
    for rule in rules:
        if rule.name == call.params.rule_name:
            return rule
    raise _unknown(call.params.rule_name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no rule {name!r}.", cure="GET /v1/rules lists them.", code="rule_not_found")


def _out(call: Call[object, None], rule: Rule) -> RuleOut:
    return RuleOut.of(rule, call.runtime.clock.now_ms(), call.runtime.decisions.warnings(rule))
