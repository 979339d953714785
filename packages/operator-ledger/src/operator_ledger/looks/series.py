"""Columns of values over looks: what kind each is, and how it is written.

Measured values are doubles. Many never change, many are whole numbers or have few decimals, the rest is noise to the
last bit. Every way back is exact: a column counts as one with few decimals only if division gives each double again.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

CONSTANT, PLAIN = "c", "p"
_SCALES = tuple(10**n for n in range(7))
_LARGEST = float(2**53)
"""Up to here every whole number is a double."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The values of many series over some looks.

    Attributes:
        kinds: a letter for each column: constant, plain, or how many decimals its values have.
        constants: the bits of the value of each constant column.
        plain: the bits of all values of the plain columns, column by column.
        scaled: all values of the other columns as whole numbers, column by column.
    """

    kinds: str
    constants: list[int] = field(default_factory=list[int])
    plain: list[int] = field(default_factory=list[int])
    scaled: list[int] = field(default_factory=list[int])


def _decimals(value: float) -> int | None:
    """How few decimals give the value again; None when six are not enough, or it is no number of that size."""
    for decimals, scale in enumerate(_SCALES):
        scaled = value * scale
        if not -_LARGEST < scaled < _LARGEST:
            return None
        if round(scaled) / scale == value:
            return decimals
    return None


def _most_decimals(values: Sequence[float]) -> int | None:
    most = 0
    for value in values:
        decimals = _decimals(value)
        if decimals is None:
            return None
        most = max(most, decimals)
    return most


def _scaled(values: Sequence[float], decimals: int) -> list[int] | None:
    scale = _SCALES[decimals]
    largest = _LARGEST / scale
    if not all(-largest < value < largest for value in values):
        return None
    whole = [round(value * scale) for value in values]
    return whole if all(n / scale == value for n, value in zip(whole, values, strict=True)) else None


_MINUS_ZERO = 1 << 63


def columns_of(rows: Sequence[bytes]) -> Columns:
    """The values of some looks, series by series.

    Args:
        rows: of each look its doubles, little-endian; all of the same length.
    """
    width = len(rows[0]) // 8
    of_floats, of_bits = struct.Struct(f"<{width}d"), struct.Struct(f"<{width}Q")
    floats = zip(*[of_floats.unpack(row) for row in rows], strict=True)
    bits = zip(*[of_bits.unpack(row) for row in rows], strict=True)
    kinds: list[str] = []
    columns = Columns("")
    for values, same in zip(floats, bits, strict=True):
        if same.count(same[0]) == len(same):
            kinds.append(CONSTANT)
            columns.constants.append(same[0])
            continue
        most = None if _MINUS_ZERO in same else _most_decimals(values)
        whole = None if most is None else _scaled(values, most)
        if whole is None:
            kinds.append(PLAIN)
            columns.plain.extend(same)
        else:
            kinds.append(str(most))
            columns.scaled.extend(whole)
    return Columns("".join(kinds), columns.constants, columns.plain, columns.scaled)


def rows_of(columns: Columns, looks: int) -> list[bytes]:
    """What :func:`columns_of` took apart.

    Raises:
        ValueError: it is damaged.
    """
    constants, plain, scaled = iter(_floats(columns.constants)), _floats(columns.plain), columns.scaled
    found: list[Sequence[float]] = []
    plain_at = scaled_at = 0
    for kind in columns.kinds:
        if kind == CONSTANT:
            found.append([next(constants)] * looks)
        elif kind == PLAIN:
            found.append(plain[plain_at : plain_at + looks])
            plain_at += looks
        else:
            scale = _SCALES[int(kind)]
            found.append([n / scale for n in scaled[scaled_at : scaled_at + looks]])
            scaled_at += looks
    pack = struct.Struct(f"<{len(found)}d").pack
    return [pack(*row) for row in zip(*found, strict=True)] if found else [b""] * looks


def _floats(bits: Sequence[int]) -> tuple[float, ...]:
    return struct.unpack(f"<{len(bits)}d", struct.pack(f"<{len(bits)}Q", *bits))
