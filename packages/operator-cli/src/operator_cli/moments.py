"""Instants as people write them: how long ago, a time of day, a date with a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from operator_core.errors import ConfigurationError

_TIME_OF_DAY = re.compile(r"\d{1,2}:\d\d(:\d\d)?")
_DURATION = re.compile(r"(?P<duration>\S*[a-zµ])(\s+ago)?")


def parse_past(text: str, *, of: str, now: datetime) -> datetime:
    """An instant that is over: ``2h`` ago, ``14:30`` today or yesterday, or a date and time.

    Args:
        text: what was given; without a zone, the local one is meant.
        of: what it is, for the error.
        now: on the clock that counts.

    Raises:
        ConfigurationError: it is no instant, or none that is over.
    """
    if duration := _DURATION.fullmatch(text.strip()):
        from operator_cli.durations import parse_duration

        most = now - datetime(1970, 1, 2, tzinfo=UTC)
        try:
            return now - parse_duration(duration["duration"], of=of, least=timedelta(0), most=most)
        except ConfigurationError:
            raise _no_instant(text, of=of, such_as="2h, 14:30") from None
    at = _parsed(text, of=of, now=now)
    if _TIME_OF_DAY.fullmatch(text.strip()) and at > now:
        at -= timedelta(days=1)
    if at > now:
        raise ConfigurationError(f"{of} is {text!r}, which is still to come: it is {_shown(now)}")
    return at


def parse_future(text: str, *, of: str, now: datetime) -> datetime:
    """An instant to come: ``14:30`` today or tomorrow, or a date and time.

    Args:
        text: what was given; without a zone, the local one is meant.
        of: what it is, for the error.
        now: on the clock that counts.

    Raises:
        ConfigurationError: it is no instant, or it is over.
    """
    at = _parsed(text, of=of, now=now)
    if _TIME_OF_DAY.fullmatch(text.strip()) and at <= now:
        at += timedelta(days=1)
    if at <= now:
        raise ConfigurationError(f"{of} is {text!r}, which is over: it is {_shown(now)}")
    return at


def _parsed(text: str, *, of: str, now: datetime) -> datetime:
    plain = text.strip()
    if _TIME_OF_DAY.fullmatch(plain):
        plain = f"{now.astimezone():%Y-%m-%d}T{plain:0>{8 if plain.count(':') == 2 else 5}}"
    try:
        return datetime.fromisoformat(plain).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_instant(text, of=of, such_as="14:30") from None


def _no_instant(text: str, *, of: str, such_as: str) -> ConfigurationError:
    return ConfigurationError(f"{of} is {text!r}; {such_as}, 2026-01-31T14:30 or 2026-01-31T14:30Z is meant")


def _shown(now: datetime) -> str:
    return now.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
