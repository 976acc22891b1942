"""Making a value: who makes it, how often it is tried, and under which guard it is kept.

Tokens are read before the source is. A value is kept only if its subject's hard token is still the same when it is done, so
a slow computation that began before an invalidation never hides what came after it.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from honeyguide.cache.counted import CacheMetrics
from honeyguide.cache.entry import Entry, Lifetime
from honeyguide.cache.envelope import Envelope, seal
from honeyguide.cache.flight import Flight
from honeyguide.cache.freshness import jittered
from honeyguide.cache.looking import Looker
from honeyguide.cache.memory import MemoryTier
from honeyguide.cache.values import Computed, ComputeMany, Found, Machinery, Seen, Want
from honeyguide.types import SharedWrite, Tokens

POLLS: Final = (0.010, 0.020, 0.040, 0.030)
"""Seconds between looks for a value that another process is making; after them it is made here as well."""
_SHORTEST_LEASE: Final = 0.2
_LONGEST_LEASE: Final = 10.0
_FADING: Final = 0.99


class Maker:
    """The slow way to the values of one cache."""

    def __init__(
        self, name: str, machinery: Machinery, memory: MemoryTier, lifetime: Lifetime, metrics: CacheMetrics
    ) -> None:
        self._machinery, self._memory, self._life, self._metrics = machinery, memory, lifetime, metrics
        self._generations, self._tier, self._now = machinery.generations, machinery.tier, machinery.clock.monotonic
        self.looker = Looker(name, machinery, memory, lifetime, metrics)
        self._slow = 0.0  # seconds of the slowest computations lately

    async def load(
        self, wants: Sequence[Want], flights: Sequence[Flight[Found]], compute: ComputeMany, *, behind: bool
    ) -> list[Found]:
        """All the values, from a tier if they are good there, else made now. `behind` an answer, only newer ones are good,
        and none is waited for that another process makes. `flights` are marked with the tokens that were read."""
        for want in wants:
            self._generations.ask(want.subject)
        seen: Sequence[Seen] = ()
        try:
            seen = await self.looker.look(wants, behind=behind)
            for flight, each in zip(flights, seen, strict=True):
                flight.mark = each.tokens.hard
            found = [each.found if each.newer or not behind else None for each in seen]
            missing = [place for place, there in enumerate(found) if there is None]
            for place, made in (await self._make(wants, seen, missing, compute, behind=behind)).items():
                found[place] = made
            return [each for each in found if each is not None]
        finally:
            for want, each in zip_longest(wants, seen):
                self._generations.answer(want.subject, kept=each is not None and each.kept)

    async def _make(
        self, wants: Sequence[Want], seen: Sequence[Seen], missing: list[int], compute: ComputeMany, *, behind: bool
    ) -> dict[int, Found]:
        if not missing:
            return {}
        holder = self._machinery.random_bits(128).to_bytes(16, "big")
        others = await self._claimed_elsewhere(seen, missing, holder)
        found = await self._compute(wants, seen, [place for place in missing if place not in others], compute, holder)
        if behind:
            found |= {place: each for place in others if (each := seen[place].found) is not None}
        late = await self._wait(wants, others - set(found), found)
        self._metrics.leases["late"].inc(len(late))
        return found | await self._compute(wants, seen, late, compute, b"")

    async def _claimed_elsewhere(self, seen: Sequence[Seen], missing: list[int], holder: bytes) -> set[int]:
        """Those that another process is making now; all others are this one's to make."""
        if not self._tier.shared:
            return set()
        seconds = min(max(2 * self._slow, _SHORTEST_LEASE), _LONGEST_LEASE)
        won = await self._tier.claim([(seen[place].subject, seen[place].names[0]) for place in missing], holder, seconds)
        lost = {place for place, mine in zip(missing, won, strict=True) if not mine}
        self._metrics.leases["won"].inc(len(missing) - len(lost))
        self._metrics.leases["lost"].inc(len(lost))
        return lost

    async def _wait(self, wants: Sequence[Want], others: set[int], found: dict[int, Found]) -> list[int]:
        """Look again for what others make, a few times; those that have not come."""
        waiting = sorted(others)
        for pause in POLLS:
            if not waiting:
                break
            await self._machinery.sleep(pause)
            seen = await self.looker.look([wants[place] for place in waiting])
            found.update({place: each.found for place, each in zip(waiting, seen, strict=True) if each.found is not None})
            waiting = [place for place in waiting if place not in found]
        return waiting

    async def _compute(
        self, wants: Sequence[Want], seen: Sequence[Seen], places: list[int], compute: ComputeMany, holder: bytes
    ) -> dict[int, Found]:
        if not places:
            return {}
        try:
            async with self._machinery.bulkhead:
                started = self._now()
                values = await compute(places)
                seconds = self._now() - started
        except Exception:
            self._metrics.failures.inc()
            self._give_back([seen[place] for place in places], holder)
            spares = {place: self._spared(seen[place]) for place in places}
            served = {place: spare for place, spare in spares.items() if spare is not None}
            if len(served) < len(places):
                raise
            return served
        self._slow = max(seconds, self._slow * _FADING)
        self._metrics.made.inc(len(places))
        return {
            place: self._answered(wants[place], seen[place], made, seconds, holder)
            for place, made in zip(places, values, strict=True)
        }

    def _answered(self, want: Want, seen: Seen, made: Computed, seconds: float, holder: bytes) -> Found:
        if made.failed and (spare := self._spared(seen)) is not None:
            self._give_back([seen], holder)
            return spare
        if not (made.keep and self._keep(want, seen, made, seconds, holder)):
            self._give_back([seen], holder)
        return Found(made.payload, "computed", negative=made.negative)

    def _spared(self, seen: Seen) -> Found | None:
        """A value past its time, or one whose tokens nobody can tell now: better than none."""
        if seen.spare is None:
            return None
        self._metrics.errors_served.inc()
        return Found(seen.spare.payload, "stale-error", negative=seen.spare.negative)

    def _keep(self, want: Want, seen: Seen, made: Computed, seconds: float, holder: bytes) -> bool:
        """Store a value under the guard of its tokens; whether the lease went to the shared tier with it."""
        known = self._generations.known(want.subject)
        if known is not None and known.hard != seen.tokens.hard:
            self._metrics.refused.inc()
            return False
        entry = self._entry(want, seen.tokens, made, seconds)
        if known is not None:
            self._memory.set(want.key, entry, entry.hard_deadline + self._life.error - entry.made_at)
            seen.kept = True
        if made.negative or not self._tier.shared:
            return False
        return self._share(want, seen, entry, holder)

    def _entry(self, want: Want, tokens: Tokens, made: Computed, seconds: float) -> Entry:
        now, life = self._now(), self._life
        if made.negative:
            return Entry(made.payload, tokens, want.epoch.now, now, now + life.negative, now + life.negative, seconds, True)
        ttl = jittered(life.ttl if want.ttl is None else want.ttl, life.jitter, self._machinery.chance())
        soft = min(made.lasts, ttl)
        entry = Entry(made.payload, tokens, want.epoch.now, now, now + soft, now + soft + life.stale, seconds)
        entry.expect_early(life.early)
        return entry

    def _share(self, want: Want, seen: Seen, entry: Entry, holder: bytes) -> bool:
        """Hand the value to the shared tier, which stores it unless the hard token has changed there."""
        soft, hard = entry.soft_deadline - entry.made_at, entry.hard_deadline - entry.made_at
        kept = hard + self._life.error
        envelope = Envelope(
            seen.names[0],
            entry.tokens.hard,
            entry.tokens.soft,
            round(soft * 1000),
            round(hard * 1000),
            round(kept * 1000),
            entry.seconds * 1000,
            entry.payload,
        )
        era = self._generations.era

        def done(refused: Tokens | None) -> None:
            if refused is not None:
                self._metrics.refused.inc()
                if self._generations.era == era:
                    self._generations.learn(want.subject, refused, trusted=True)
                self._give_back([seen], holder)

        value = seal(envelope, self._tier.secret)
        write = SharedWrite(seen.subject, seen.names[0], entry.tokens.hard, value, kept, holder)
        return self._tier.write(write, done)

    def _give_back(self, seen: Sequence[Seen], holder: bytes) -> None:
        if self._tier.shared and holder:
            self._tier.release([(each.subject, each.names[0]) for each in seen], holder)
