from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.identity import (
    digest_array,
    digest_bytes,
    digest_json,
    generator,
    key_of,
    keyed_hash,
    keys_of,
)

WORD = 2**64 - 1


def test_the_digest_of_parts_is_that_of_the_whole() -> None:
    assert digest_bytes(b"ab", b"", b"c") == hashlib.sha256(b"abc").hexdigest()


def test_json_is_hashed_in_canonical_form() -> None:
    assert digest_json({"b": [1, None], "a": "ж"}) == digest_bytes(
        '{"a":"ж","b":[1,null]}'.encode()
    )
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})


def test_json_that_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_json({"x": float("nan")})


def test_an_array_is_hashed_with_its_type_and_shape_as_little_endian() -> None:
    array = np.array([[1, 2], [3, 4]], dtype=np.uint16)
    expected = digest_bytes(b"<u2:2,2;", bytes([1, 0, 2, 0, 3, 0, 4, 0]))
    assert digest_array(array) == expected
    assert digest_array(array.astype(">u2")) == expected
    assert digest_array(np.asfortranarray(array)) == expected
    assert digest_array(array.reshape(4)) != expected
    assert digest_array(array.astype(np.int16)) != expected
    assert digest_array(np.zeros(0, np.uint64)) == digest_bytes(b"<u8:0;")


def test_keys_are_golden() -> None:
    assert key_of("drama/0001") == 0x616860B85A419354
    assert keys_of(["drama/0001", ""]).tolist() == [key_of("drama/0001"), key_of("")]


def splitmix(word: int) -> int:
    """The finaliser of splitmix64 as published, in whole numbers."""
    word = (word + 0x9E3779B97F4A7C15) & WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    return word ^ (word >> 31)


@given(st.lists(st.integers(0, WORD), max_size=8), st.integers(0, 2**40), st.text(max_size=8))
def test_a_lot_is_two_salted_rounds_of_splitmix(keys: list[int], seed: int, purpose: str) -> None:
    salt = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=16).digest()
    words = [int.from_bytes(salt[i : i + 8], "little") for i in (0, 8)]
    expected = [splitmix(splitmix(key ^ words[0]) ^ words[1]) for key in keys]
    assert keyed_hash(np.array(keys, dtype=np.uint64), seed, purpose).tolist() == expected


def test_lots_are_golden() -> None:
    lots = keyed_hash(keys_of(["drama/0001", "chat/0002"]), 7, "order/life/0")
    assert lots.tolist() == [0x81912011AB86A3C6, 0x6FFD88270C0E121E]


def test_a_lot_depends_on_key_seed_and_purpose_alone() -> None:
    keys = keys_of([f"scene {n}" for n in range(1_000)])
    lots = keyed_hash(keys, 1, "a")
    assert (keyed_hash(keys[::-1], 1, "a")[::-1] == lots).all()
    assert len(np.unique(lots)) == len(keys)
    for other in (keyed_hash(keys, 2, "a"), keyed_hash(keys, 1, "b")):
        assert not (other == lots).any()


def test_lots_are_spread_evenly() -> None:
    shares = keyed_hash(np.arange(100_000, dtype=np.uint64), 0, "spread") / 2.0**64
    counts, _ = np.histogram(shares, bins=20, range=(0, 1))
    assert ((counts - 5_000) ** 2 / 5_000).sum() < 50  # χ² with 19 degrees: P < 1e-4


def test_a_generator_is_its_seed_purpose_and_item() -> None:
    draw = generator(3, "weights", "embed").integers(0, 1_000, 4).tolist()
    assert draw == generator(3, "weights", "embed").integers(0, 1_000, 4).tolist()
    assert draw == [921, 147, 721, 741]
    assert draw != generator(3, "weights", "out").integers(0, 1_000, 4).tolist()
    assert draw != generator(4, "weights", "embed").integers(0, 1_000, 4).tolist()
