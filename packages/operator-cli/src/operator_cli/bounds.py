"""What the options of a watch may be: how often, how jittery, heard where."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError

from operator_cli.durations import parse_duration

if TYPE_CHECKING:
    from operator_cli.settings import Settings


def parse_interval(option: str | None, settings: Settings) -> timedelta:
    """The time between two looks: the option's, else that of the settings.

    Raises:
        ConfigurationError: it is no duration, or out of bounds.
    """
    given, of = (settings.interval, "interval") if option is None else (option, "--interval")
    return parse_duration(given, of=of, least=timedelta(milliseconds=100), most=timedelta(days=1))


def parse_jitter(given: float) -> float:
    """The largest share of the interval by which a look begins early or late.

    Raises:
        ConfigurationError: it is below 0, or so large that two looks could meet.
    """
    if not 0 <= given < 0.5:
        raise ConfigurationError(f"--jitter is {given:g}; 0 or more and less than 0.5 is meant")
    return given


def parse_listen(text: str | None) -> tuple[str, int] | None:
    """Host and port of ``127.0.0.1:9187`` or ``[::1]:9187``; port 0 is any that is free.

    Raises:
        ConfigurationError: it is not of that form.
    """
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or (":" in bare) == (bare == host) or not port.isascii() or not port.isdigit():
        raise ConfigurationError(f"--listen is {text!r}; HOST:PORT is meant, such as 127.0.0.1:9187")
    if int(port) > 65535:
        raise ConfigurationError(f"--listen is {text!r}; a port is 65535 at most")
    return bare, int(port)
