"""What the tiers hold of a value, and whether it may be served now."""

from collections.abc import Sequence
from typing import Final

from honeyguide.cache.counted import CacheMetrics
from honeyguide.cache.entry import Entry, Lifetime
from honeyguide.cache.envelope import NotOurs, unseal
from honeyguide.cache.memory import MemoryTier
from honeyguide.cache.standing import Copy, Standing
from honeyguide.cache.values import Found, Machinery, Seen, Want
from honeyguide.types import SharedKey, SharedRead, Tokens

_TRIES: Final = 3
_LATER: Final = 0.1
"""Seconds by which another value must end later than the one in memory to count as newer."""


class Looker:
    """Looks into memory and the shared tier for the values of one cache."""

    def __init__(
        self, name: str, machinery: Machinery, memory: MemoryTier, lifetime: Lifetime, metrics: CacheMetrics
    ) -> None:
        self._name, self._memory, self._life, self._metrics = name, memory, lifetime, metrics
        self._generations, self._tier, self._now = machinery.generations, machinery.tier, machinery.clock.monotonic

    async def look(self, wants: Sequence[Want], *, behind: bool = False) -> list[Seen]:
        """What there is, judged by the newest tokens known; one question to the shared tier for all.

        A subject without tokens gets some. `behind` looks for something newer than what memory holds."""
        now = self._now()  # before the question: what the server says is at least that new
        asked, reads = await self._asked(wants)
        return [
            self._judged(want, ask, read, now, behind=behind) for want, ask, read in zip(wants, asked, reads, strict=True)
        ]

    async def inspect(self, want: Want) -> Standing:
        """How it stands with a value. Nothing is served, made or counted, and nobody gets tokens."""
        now, generations = self._now(), self._generations
        names = self._tier.names(self._name, want.key, want.epoch)
        asked = SharedKey(self._tier.subject(want.subject), names, None)
        (read,) = await self._tier.read([asked])
        held, trusted = generations.known(want.subject), now < generations.trusted_until
        tokens = held if trusted or read is None or read.tokens is None else None
        tokens = tokens or (read.tokens if read is not None else None)

        def copy(entry: Entry | None) -> Copy | None:
            return Copy.of(entry, tokens, want.epoch.now, now) if entry is not None else None

        values = zip(names, want.epoch, read.values, strict=False) if read is not None else ()
        shared = [self._opened(name, epoch or b"", value, now) for name, epoch, value in values]
        found = next((entry for entry in shared if entry is not None), None)
        name = names[0] if names else b""
        return Standing(name, tokens, trusted, read is not None, copy(self._memory.get(want.key)), copy(found))

    async def _asked(self, wants: Sequence[Want]) -> tuple[list[SharedKey], Sequence[SharedRead | None]]:
        """The questions and what the shared tier says. An answer from before all tokens were forgotten is none."""
        for _ in range(_TRIES if self._tier.shared else 0):
            era, asked = self._generations.era, [self._question(want) for want in wants]
            reads = await self._tier.read(asked)
            if self._generations.era == era:
                return asked, reads
        return [self._question(want) for want in wants], [None] * len(wants)

    def _question(self, want: Want) -> SharedKey:
        if not self._tier.shared:
            return SharedKey(b"", ())
        names = self._tier.names(self._name, want.key, want.epoch)
        least = self._generations.least(want.subject)
        return SharedKey(self._tier.subject(want.subject), names, self._generations.starting(least), least)

    def _judged(self, want: Want, ask: SharedKey, read: SharedRead | None, now: float, *, behind: bool) -> Seen:
        generations, there = self._generations, self._memory.get(want.key)
        certain = now < generations.trusted_until
        if read is not None and read.tokens is not None:
            known: Tokens | None = generations.learn(want.subject, read.tokens, trusted=certain)
            certain = True
        else:
            known = generations.known(want.subject)
        seen = Seen(ask.subject, ask.keys, known or generations.present(want.subject))
        if there is not None:
            seen.spare = self._spare(there, known, now, certain=certain)
            self._consider(want, seen, there, now, certain=certain)
        if seen.found is not None and not seen.found.stale and not behind:
            self._metrics.results["l1", "negative" if seen.found.negative else "hit"].inc()
        elif read is not None:
            self._consider_shared(want, seen, read, now, certain=certain)
        seen.newer = seen.found is not None and not seen.found.stale and seen.best is not there
        return seen

    def _spare(self, entry: Entry, known: Tokens | None, now: float, *, certain: bool) -> Entry | None:
        """The entry, if it may be served when nothing can be made: not long past its end, and not known to be invalid."""
        if known is not None and known.hard != entry.tokens.hard:
            return None
        end = entry.hard_deadline if certain else min(entry.hard_deadline, self._generations.trusted_until)
        return entry if now < end + self._life.error else None

    def _consider(self, want: Want, seen: Seen, entry: Entry, now: float, *, certain: bool) -> bool:
        """Take the entry if it may be served and is better than the one before."""
        state = entry.state(seen.tokens, want.epoch.now, now) if certain else "gone"
        before = seen.best
        better = before is None or (
            state == "fresh"
            and (seen.found is None or seen.found.stale or entry.soft_deadline > before.soft_deadline + _LATER)
        )
        if state == "gone" or not better:
            return False
        seen.best, seen.kept = entry, True
        seen.found = Found(entry.payload, "l1" if state == "fresh" else "stale", state == "stale", entry.negative)
        return True

    def _consider_shared(self, want: Want, seen: Seen, read: SharedRead, now: float, *, certain: bool) -> None:
        """Values of the present epoch and of the one before. A good one comes to stay in memory."""
        result = "miss"
        for name, epoch, value in zip(seen.names, want.epoch, read.values, strict=False):
            entry = self._opened(name, epoch or b"", value, now)
            if entry is None:
                continue
            seen.spare = seen.spare or self._spare(entry, seen.tokens, now, certain=certain)
            if self._consider(want, seen, entry, now, certain=certain) and seen.found is not None:
                result = "stale" if seen.found.stale else "hit"
                seen.found.served_from = "stale" if seen.found.stale else "l2"
                self._metrics.ages["l2"].observe(now - entry.made_at)
                self._memory.set(want.key, entry, entry.hard_deadline + self._life.error - now)
                break
        self._metrics.results["l2", result].inc()

    def _opened(self, name: bytes, epoch: bytes, value: tuple[bytes, float] | None, now: float) -> Entry | None:
        """A value of the shared tier as an entry. Its age is what the server says that it has left."""
        if value is None:
            return None
        data, left = value
        try:
            sealed = unseal(data, name, self._tier.secret, self._tier.value_size)
        except NotOurs as why:
            self._metrics.unreadable(str(why))
            return None
        made_at = now - (sealed.kept / 1000 - left)
        if left <= 0 or made_at > now:  # without an end, or with a later one than we gave: not our doing
            self._metrics.unreadable("deadline")
            return None
        entry = Entry(
            sealed.payload,
            sealed.tokens,
            epoch,
            made_at,
            made_at + sealed.soft / 1000,
            made_at + sealed.hard / 1000,
            sealed.compute_ms / 1000,
        )
        entry.expect_early(self._life.early)
        return entry
