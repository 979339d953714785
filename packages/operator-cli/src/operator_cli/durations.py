"""Durations as people write them: ``5``, ``5s``, ``500ms``, ``1h30m``."""

from __future__ import annotations

from datetime import timedelta

from operator_core.errors import ConfigurationError


def parse_duration(text: str, *, of: str, least: timedelta, most: timedelta) -> timedelta:
    """Read a duration; a plain number is seconds.

    Args:
        text: what was given.
        of: what it is the duration of, for the error.

    Raises:
        ConfigurationError: it is no duration, or out of bounds.
    """
    import durationpy

    try:
        duration = timedelta(seconds=float(text))
    except ValueError:
        try:
            duration = durationpy.from_str(text)
        except (durationpy.DurationError, ValueError, OverflowError):
            raise ConfigurationError(f"{of} is {text!r}; a duration such as 5s, 500ms or 1m30s is meant") from None
    except OverflowError:
        raise ConfigurationError(f"{of} is {text!r}; that is too long") from None
    if not least <= duration <= most:
        bounds = f"from {least.total_seconds():g} s to {most.total_seconds():g} s"
        raise ConfigurationError(f"{of} is {text!r}; {bounds} is meant")
    return duration
