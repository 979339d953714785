"""Durations as people write them: ``5``, ``5s``, ``500ms``, ``1h30m``."""

from __future__ import annotations

from datetime import timedelta

from operator_core.errors import ConfigurationError


def parse_duration(text: str, *, of: str) -> timedelta:
    """Read a duration; a plain number is seconds.

    Args:
        text: what was given.
        of: what it is the duration of, for the error.

    Raises:
        ConfigurationError: it is no duration, or not above zero.
    """
    import durationpy

    try:
        duration = timedelta(seconds=float(text))
    except ValueError:
        try:
            duration = durationpy.from_str(text)
        except (durationpy.DurationError, ValueError):
            raise ConfigurationError(f"{of} is {text!r}; a duration such as 5s, 500ms or 1m30s is meant") from None
    except OverflowError:
        raise ConfigurationError(f"{of} is {text!r}; that is too long") from None
    if duration <= timedelta(0):
        raise ConfigurationError(f"{of} is {text!r}; it must be above 0")
    return duration
