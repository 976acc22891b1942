"""The contract of `protocols.SharedCache`, as tests."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b

import pytest

from honeyguide.protocols import SharedCache
from honeyguide.types import Noted, SharedKey, SharedWrite, TokenChange, Tokens

OpenClient = Callable[[], SharedCache]
Body = Callable[[SharedCache, SharedCache], Awaitable[None]]


def name(text: str) -> bytes:
    """A hash such as subjects and keys have."""
    return blake2b(text.encode(), digest_size=16).digest()


def token(position: int, chance: int = 0) -> bytes:
    """A token of a log position."""
    return position.to_bytes(8, "big") + chance.to_bytes(8, "big")


def tokens(position: int, chance: int = 0) -> Tokens:
    """Both tokens of a log position."""
    return Tokens(token(position, chance), token(position, chance))


def hard(subject: str, position: int, chance: int = 1) -> TokenChange:
    """What an invalidating event does."""
    return TokenChange(name(subject), tokens(position, chance), hard=True)


def soft(subject: str, position: int, chance: int = 2) -> TokenChange:
    """What any other event does."""
    return TokenChange(name(subject), tokens(position, chance), hard=False)


def asked(subject: str, *keys: str, proposed: Tokens | None = None, least: Tokens | None = None) -> SharedKey:
    """A question for values."""
    return SharedKey(name(subject), tuple(map(name, keys)), proposed, least)


def value(subject: str, key: str, of: Tokens, content: bytes = b"value", holder: bytes = b"") -> SharedWrite:
    """A value to be kept for a minute."""
    return SharedWrite(name(subject), name(key), of.hard, content, 60.0, holder)


class SharedCacheSuite:
    """Give `open_client`; it is called on the event loop on which the client is used."""

    @pytest.fixture
    def open_client(self) -> OpenClient:
        """Opens another client of the same server."""
        raise AssertionError("override open_client")

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        """Lets so many seconds pass on the server's clock."""
        raise AssertionError("override pass_time")

    @pytest.fixture
    def run(self, open_client: OpenClient) -> Callable[[Body], None]:
        """Runs a test with two clients, both of which have pulled once."""

        async def opened(body: Body) -> None:
            one, other = open_client(), open_client()
            try:
                await one.pull()
                await other.pull()
                await body(one, other)
            finally:
                await one.close()
                await other.close()

        return lambda body: asyncio.run(opened(body))

    def test_nothing_is_there_and_tokens_are_made_when_they_are_asked_for(self, run: Callable[[Body], None]) -> None:
        """Who asks first makes the tokens."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            (read,) = await one.read([asked("u", "k")])
            assert (read.tokens, read.values in ((), (None,))) == (None, True)
            (read,) = await one.read([asked("u", "k", proposed=tokens(5, 7))])
            assert read.tokens == tokens(5, 7)
            (read,) = await other.read([asked("u", "k", proposed=tokens(6, 8))])
            assert read.tokens == tokens(5, 7), "whoever was first"

        run(body)

    def test_tokens_that_stand_for_less_than_is_known_count_as_none(self, run: Callable[[Body], None]) -> None:
        """Whatever the server says, values of before are not there, and new ones can be stored."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            await one.read([asked("u", proposed=tokens(5))])
            assert await one.write([value("u", "k", tokens(5))]) == [None]
            for least in (tokens(4), tokens(5, 9)):
                (read,) = await other.read([asked("u", "k", proposed=tokens(7, 3), least=least)])
                assert read.tokens == tokens(5)
                assert read.values[0] is not None
            (read,) = await other.read([asked("u", "k", proposed=tokens(7, 3), least=tokens(6))])
            assert (read.tokens, read.values) == (tokens(7, 3), (None,))
            assert await one.write([value("u", "k", tokens(5))]) == [tokens(7, 3)]
            assert await other.write([value("u", "k", tokens(7, 3))]) == [None]
            later = Tokens(tokens(7, 3).hard, tokens(8, 4).soft)
            (read,) = await one.read([asked("u", "k", proposed=tokens(8, 6), least=later)])
            assert (read.tokens, read.values) == (tokens(8, 6), (None,)), "the soft one too"

        run(body)

    def test_a_value_is_what_was_stored_with_the_time_that_it_has_left(self, run: Callable[[Body], None]) -> None:
        """Bytes come back as they were, and with them how long they will."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            await one.read([asked("u", proposed=tokens(5))])
            content = bytes(range(256)) * 40
            assert await one.write([value("u", "k", tokens(5), content)]) == [None]
            (read,) = await other.read([asked("u", "k", "absent")])
            assert read.tokens == tokens(5)
            assert read.values[1] is None
            assert read.values[0] is not None
            assert read.values[0][0] == content
            assert 0 < read.values[0][1] <= 60

        run(body)

    def test_a_value_is_not_stored_once_the_hard_token_has_changed(self, run: Callable[[Body], None]) -> None:
        """The guard of a slow computation."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            await one.read([asked("u", proposed=tokens(5))])
            await other.replace([hard("u", 6)])
            assert await one.write([value("u", "k", tokens(5))]) == [tokens(6, 1)]
            (read,) = await other.read([asked("u", "k")])
            assert read.values == (None,)
            assert await one.write([value("never", "k", tokens(5))]) == [Tokens(b"", b"")]

        run(body)

    def test_a_soft_change_is_no_reason_not_to_store(self, run: Callable[[Body], None]) -> None:
        """A value that lacks a soft event is stale, not wrong."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            await one.read([asked("u", proposed=tokens(5))])
            await other.replace([soft("u", 6)])
            assert await one.write([value("u", "k", tokens(5))]) == [None]
            (read,) = await other.read([asked("u", "k")])
            assert read.tokens == Tokens(token(5), token(6, 2))

        run(body)

    def test_tokens_come_in_any_order_and_any_number_of_times(self, run: Callable[[Body], None]) -> None:
        """The later log position stays, whoever brings it and however often."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            await one.replace([hard("u", 8)])
            await one.replace([hard("u", 7, chance=9), soft("u", 6), hard("u", 8, chance=9)])
            (read,) = await other.read([asked("u")])
            assert read.tokens == tokens(8, 1)
            pulled = await other.pull()
            assert pulled.whole
            assert pulled.changes == ((name("u"), tokens(8, 1)),), "what changes nothing is not told"
            await other.replace([soft("u", 9)])
            (read,) = await one.read([asked("u")])
            assert read.tokens == Tokens(token(8, 1), token(9, 2))

        run(body)

    def test_a_token_made_for_want_of_any_is_told_when_it_stands_for_a_change(self, run: Callable[[Body], None]) -> None:
        """A third may hold a token from before it was lost, and would hear of nothing else."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            starting = tokens(8, 1 << 63)
            await one.read([asked("u", proposed=starting)])
            await one.replace([hard("u", 7)])
            assert (await other.pull()).changes == ((name("u"), starting),)
            await one.replace([hard("u", 9)])
            assert (await other.pull()).changes == ((name("u"), tokens(9, 1)),)
            await one.replace([hard("u", 8)])
            assert (await other.pull()).changes == ()

        run(body)

    def test_everybody_hears_of_every_change_once_and_in_order(self, run: Callable[[Body], None]) -> None:
        """Many changes, two who pull."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            for position in range(1, 4):
                await one.replace([hard(f"u{n}", position) for n in range(300)])
            for client in (one, other):
                pulled = await client.pull()
                assert pulled.whole
                heard: dict[bytes, list[Tokens]] = {}
                for subject, told in pulled.changes:
                    heard.setdefault(subject, []).append(told)
                assert len(heard) == 300
                assert all(told == [tokens(1, 1), tokens(2, 1), tokens(3, 1)] for told in heard.values())
                assert (await client.pull()).changes == ()

        run(body)

    def test_more_is_told_than_fits_into_one_answer(self, run: Callable[[Body], None]) -> None:
        """2,500 changes of one subject."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            for position in range(1, 2501):
                await one.replace([hard("u", position)])
            pulled = await other.pull()
            assert pulled.whole
            assert [told.hard for _, told in pulled.changes] == [token(position, 1) for position in range(1, 2501)]

        run(body)

    def test_a_lease_has_one_holder_until_it_is_given_back_or_the_value_is_stored(self, run: Callable[[Body], None]) -> None:
        """Only its holder ends it."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            pairs = [(name("u"), name("k")), (name("v"), name("k2"))]
            assert await one.claim(pairs, b"holder 1", 60) == [True, True]
            assert await other.claim([*pairs, (name("w"), name("k3"))], b"holder 2", 60) == [False, False, True]
            await other.release(pairs, b"holder 2")
            assert await other.claim(pairs, b"holder 2", 60) == [False, False], "only the holder gives it back"
            await one.release(pairs[:1], b"holder 1")
            assert await other.claim(pairs[:1], b"holder 2", 60) == [True]
            await other.read([asked("v", proposed=tokens(1))])
            await other.write([value("v", "k2", tokens(1), holder=b"holder 2")])
            assert await other.claim(pairs[1:], b"holder 2", 60) == [False]
            await one.write([value("v", "k2", tokens(1), holder=b"holder 1")])
            assert await other.claim(pairs[1:], b"holder 2", 60) == [True]

        run(body)

    def test_a_lease_ends_by_itself(self, run: Callable[[Body], None], pass_time: Callable[[float], None]) -> None:
        """A holder that died holds nobody up."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            pair = [(name("u"), name("k"))]
            assert await one.claim(pair, b"holder 1", 0.01) == [True]
            pass_time(0.02)
            assert await other.claim(pair, b"holder 2", 60) == [True]
            await one.release(pair, b"holder 1")
            assert await one.claim(pair, b"holder 1", 60) == [False], "a holder that was too slow gives nobody's lease back"

        run(body)

    def test_clearing_changes_the_salt_for_all(self, run: Callable[[Body], None]) -> None:
        """Nobody deletes values: their names change."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            before = await one.pull()
            assert (await other.pull()).salt == before.salt
            assert await other.replace([hard("u", 2)]) == ([tokens(2, 1)], before.salt)
            await one.clear()
            present, salt = await other.replace([hard("u", 1)])
            assert present == [tokens(2, 1)]
            assert salt != before.salt
            after = [await client.pull() for client in (one, other)]
            assert after[0].salt == after[1].salt != before.salt
            assert all(pulled.whole for pulled in after)

        run(body)

    def test_subjects_that_are_forgotten_have_no_values_and_nobody_trusts_what_he_holds(
        self, run: Callable[[Body], None]
    ) -> None:
        """Whoever follows what is told notices, and asks again; values of others are as they were."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            await one.replace([hard("u", 1), hard("v", 2)])
            assert await one.write([value("u", "k", tokens(1, 1)), value("v", "l", tokens(2, 1))]) == [None, None]
            await one.pull()
            await other.pull()
            await one.forget([name("u")])
            pulled = [await client.pull() for client in (one, other)]
            assert not any(each.whole for each in pulled)
            fresh = tokens(1, 7)
            gone, there = await other.read([asked("u", "k", proposed=fresh), asked("v", "l")])
            assert (gone.tokens, gone.values) == (fresh, (None,))
            assert (there.tokens, there.values[0] is not None) == (tokens(2, 1), True)
            assert (await one.read([asked("u", "k")]))[0].tokens == fresh
            assert (await one.pull()).whole

        run(body)

    def test_how_much_memory_is_used(self, run: Callable[[Body], None]) -> None:
        """By all there is, values included."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            used, most = await one.size()
            await one.replace([hard("u", 1)])
            await one.write([value("u", "k", tokens(1, 1), b"x" * 100_000)])
            assert (await other.size())[0] > used
            assert most >= 0

        run(body)

    def test_a_position_is_noted_for_all(self, run: Callable[[Body], None]) -> None:
        """For who repeats tokens from the log."""

        async def body(one: SharedCache, other: SharedCache) -> None:
            salt = (await one.pull()).salt
            assert await one.told() == Noted(None, False, salt)
            await one.tell(1234, salt)
            assert await other.told() == Noted(1234, True, salt)
            await other.clear()
            told = await one.told()
            assert (told.position, told.same, told.salt == salt) == (1234, False, False), "under other names"

        run(body)
