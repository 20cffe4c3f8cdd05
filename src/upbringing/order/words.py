"""Words for figures: counts, sizes and shares as a person says them."""

from __future__ import annotations


def count(number: int, what: str) -> str:
    """`1 visit`, `2,748 visits`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def size(num_bytes: int) -> str:
    """`812 bytes`, `12.3 kB`, `4.6 MB`."""
    for unit, of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= of:
            return f"{num_bytes / of:,.1f} {unit}"
    return count(num_bytes, "byte")


def percent(share: float) -> str:
    """`12%`; never `0%` for what is there, nor `100%` for what is not all."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 - 1e-9 else f"{share:.0%}"
