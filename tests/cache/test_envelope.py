"""Bytes of the shared tier that are not ours, or not whole, are known as such."""

import pytest

from honeyguide.cache.envelope import SCHEMA, Envelope, NotOurs, seal, unseal

SEALED = seal(Envelope(b"k" * 16, b"h" * 16, b"s" * 16, 1000, 2000, 3000, 5.0, b"payload"), b"secret")


def test_a_sealed_value_comes_back() -> None:
    envelope = unseal(SEALED, b"k" * 16, b"secret", 1000)
    assert (envelope.payload, envelope.tokens, envelope.kept) == (b"payload", (b"h" * 16, b"s" * 16), 3000)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "size"),
        (b"hg", "size"),
        (SEALED + b"x" * 1000, "size"),
        (b"\x80\x04\x95" + SEALED, "foreign"),
        (b"{}" + SEALED[2:], "foreign"),
        (SEALED[:2] + bytes([SCHEMA - 1]) + SEALED[3:], "schema"),
        (SEALED[:2] + bytes([SCHEMA + 1]) + SEALED[3:], "schema"),
        (SEALED[:-1], "checksum"),
        (SEALED + b"x", "checksum"),
        (SEALED[:20] + bytes([SEALED[20] ^ 1]) + SEALED[21:], "checksum"),
    ],
)
def test_what_is_not_ours_is_known_by_its_bytes(data: bytes, why: str) -> None:
    with pytest.raises(NotOurs, match=f"^{why}$"):
        unseal(data, b"k" * 16, b"secret", 1000)


def test_a_value_of_another_key_or_project_is_not_ours() -> None:
    with pytest.raises(NotOurs, match=r"^key$"):
        unseal(SEALED, b"K" * 16, b"secret", 1000)
    with pytest.raises(NotOurs, match=r"^checksum$"):
        unseal(SEALED, b"k" * 16, b"another secret", 1000)


def test_every_truncation_and_every_flipped_bit_is_noticed() -> None:
    for size in range(len(SEALED)):
        with pytest.raises(NotOurs):
            unseal(SEALED[:size], b"k" * 16, b"secret", 1000)
    for place in range(len(SEALED)):
        for bit in range(8):
            damaged = SEALED[:place] + bytes([SEALED[place] ^ 1 << bit]) + SEALED[place + 1 :]
            with pytest.raises(NotOurs):
                unseal(damaged, b"k" * 16, b"secret", 1000)
