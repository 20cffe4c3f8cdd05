"""Digests and keyed randomness: who a thing is, and how chance falls on it.

A digest is SHA-256 over bytes whose layout `docs/artefacts.md` states. A draw is a pure function of
(seed, purpose, item): never of a position in a stream, a thread, or the order of a set, so the same
item draws the same lot wherever and whenever it is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.blocks import in_blocks

Keys = npt.NDArray[np.uint64]


def digest_bytes(*parts: bytes | memoryview) -> str:
    """SHA-256 (hex) of the parts, one after another."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 (hex) of canonical JSON: UTF-8, sorted keys, no spaces, no NaN."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return digest_bytes(text.encode())


def digest_array(array: npt.NDArray[Any]) -> str:
    """SHA-256 (hex) of `dtype:shape;` in ASCII, then the little-endian values in C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    header = f"{little.dtype.str}:{','.join(map(str, little.shape))};"
    return digest_bytes(header.encode(), little.data.cast("B") if little.size else b"")


def key_of(name: str) -> int:
    """The 64-bit key of a name: BLAKE2b-8 of its UTF-8, little-endian."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def keys_of(names: Sequence[str]) -> Keys:
    """`key_of` for each name, shape (n,)."""
    joined = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def keyed_hash(keys: Keys, seed: int, purpose: str) -> Keys:
    """A pseudo-random 64-bit lot for each key, a bijection of the key for a (seed, purpose).

    Two rounds of the splitmix64 finaliser (Steele et al. 2014, 10.1145/2714064.2660195), salted by
    BLAKE2b of seed and purpose: equal keys get equal lots, different keys different ones.
    """
    salt = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=16).digest()
    first, second = np.frombuffer(salt, dtype="<u8").astype(np.uint64)
    lots = np.empty_like(keys)

    def draw(block: slice) -> None:
        lots[block] = _splitmix(_splitmix(keys[block] ^ first) ^ second)

    in_blocks(len(keys), draw)
    return lots


def _splitmix(words: Keys) -> Keys:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def generator(seed: int, purpose: str, item: str = "") -> np.random.Generator:
    """A NumPy generator (Philox) of its own for (seed, purpose, item)."""
    key = hashlib.blake2b(f"{seed}/{purpose}/{item}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
