"""Numbers, ages and times as short as a cell of a table has room for."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from operator_core.readings import Unit

_BYTES = ((1 << 50, "PiB"), (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SECONDS = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"))


def digits(value: float) -> str:
    """Three significant digits; thousands and more by their letter (``1.23k``, ``45M``)."""
    if not math.isfinite(value):
        return str(value)
    for factor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor * 0.9995 and (abs(value) >= 1e4 or value != int(value)):
            return f"{_three(value / factor)}{letter}"
    return _three(value)


def _three(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 999.5 or value == int(value) else f"{value:.3g}"


def amount(value: float, unit: Unit) -> str:
    """A number with its unit: ``657/s``, ``4.5 ms``, ``400 GiB``, ``20``."""
    if unit == "bytes":
        for factor, symbol in _BYTES:
            if abs(value) >= factor:
                return f"{_three(value / factor)} {symbol}"
        return f"{digits(value)} B"
    if unit == "s":
        for below, factor, symbol in _SECONDS:
            if 0 < abs(value) < below:
                return f"{_three(value * factor)} {symbol}"
        return f"{digits(value)} s"
    if unit == "1/s":
        return f"{digits(value)}/s"
    return digits(value) if unit in ("1", "state") else f"{digits(value)} {unit}"


def between_of(low: float, high: float, unit: Unit) -> str:
    """A range with the unit once, where it is the same at both ends: ``418–482/s``, ``940 µs–1.2 ms``."""
    ends = (amount(low, unit), amount(high, unit))
    if ends[0] == ends[1]:
        return ends[0]
    suffixes = [end.lstrip("-0123456789.e+") for end in ends]
    first = ends[0].removesuffix(suffixes[0]) if suffixes[0] == suffixes[1] else ends[0]
    return f"{first}–{ends[1]}"


def age(lasting: timedelta) -> str:
    """How long, in its two largest units: ``8 s``, ``3 min``, ``2 h 13 min``, ``4 d 2 h``."""
    seconds = max(0, round(lasting.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


def short_time(at: datetime, *, now: datetime) -> str:
    """``12:03:10`` in the local zone; with its date when that is another day."""
    local, today = at.astimezone(), now.astimezone()
    return local.strftime("%H:%M:%S" if local.date() == today.date() else "%m-%d %H:%M")
