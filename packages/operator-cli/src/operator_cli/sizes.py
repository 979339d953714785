"""Sizes as people write and read them: ``500MB``, ``2 GB``, ``1.5GiB``."""

from __future__ import annotations

import re

from operator_core.errors import ConfigurationError

_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12} | {
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<factor>[kmgt]i?)?b", re.IGNORECASE)


def parse_size(text: str, *, of: str) -> int:
    """Read a size, in bytes; the unit must be said, for a bare number could be any.

    Args:
        text: what was given.
        of: what it is the size of, for the error.

    Raises:
        ConfigurationError: it is no size.
    """
    size = _SIZE.fullmatch(text.strip())
    if size is None:
        raise ConfigurationError(f"{of} is {text!r}; a size such as 500MB, 2GB or 1.5GiB is meant")
    return round(float(size["number"]) * _FACTORS[(size["factor"] or "").lower()])


def shown_size(size: int) -> str:
    """``1.4 GB``, ``512 kB``, ``12 B``: three digits, by the powers of ten in which disks are sold."""
    for factor, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 999.5 * factor else f"{size / factor:.0f} {unit}"
    return f"{size} B"
