"""Long rows of 64-bit numbers as bytes that compress well.

Numbers that lie close to each other differ in few bytes. Each is written as its difference to the one before, and all
first bytes stand together, then all second bytes, and so on: what does not change becomes a long row of zeros.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate

_WIDTH = 8


def _spread(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    row = numbers.tobytes()
    return b"".join([row[place::_WIDTH] for place in range(_WIDTH)])


def _gathered(planes: bytes) -> array[int]:
    count, rest = divmod(len(planes), _WIDTH)
    if rest:
        raise ValueError(f"{len(planes)} bytes are no row of 64-bit numbers")
    row = bytearray(len(planes))
    for place in range(_WIDTH):
        row[place::_WIDTH] = planes[place * count : (place + 1) * count]
    numbers = array("Q", bytes(row))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def of_bits(bits: Sequence[int]) -> bytes:
    """Unsigned numbers, each as the bits in which it differs from the one before."""
    return _spread(array("Q", map(int.__xor__, bits, (0, *bits[:-1]))))


def bits_of(planes: bytes) -> list[int]:
    """What :func:`of_bits` wrote.

    Raises:
        ValueError: it is damaged.
    """
    return list(accumulate(_gathered(planes), int.__xor__))


def of_integers(integers: Sequence[int]) -> bytes:
    """Signed numbers below 2**62 in size, each as its distance to the one before; small ones either way stay small."""
    steps = map(int.__sub__, integers, (0, *integers[:-1]))
    return _spread(array("Q", [(step << 1) ^ (step >> 63) for step in steps]))


def integers_of(planes: bytes) -> list[int]:
    """What :func:`of_integers` wrote.

    Raises:
        ValueError: it is damaged.
    """
    steps: Iterable[int] = [(zigzag >> 1) ^ -(zigzag & 1) for zigzag in _gathered(planes)]
    return list(accumulate(steps))
