"""Values as Go programs write them: sizes, durations, times, JSON."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from typing import cast

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def byte_size(count: float) -> str:
    """docker/go-units BytesSize: four significant digits, base 1024."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{value:.4g}{_UNITS[unit]}"


def duration(seconds: float) -> str:
    """time.Duration.String()."""
    nanos = round(seconds * 1e9)
    if nanos == 0:
        return "0s"
    if nanos < 1_000_000_000:
        for size, unit in ((1_000_000, "ms"), (1_000, "µs")):
            if nanos >= size:
                return f"{nanos / size:.9f}".rstrip("0").rstrip(".") + unit
        return f"{nanos}ns"
    whole, rest = divmod(nanos, 1_000_000_000)
    hours, minutes, secs = whole // 3600, whole % 3600 // 60, whole % 60
    tail = f"{secs}.{rest:09d}".rstrip("0").rstrip(".") if rest else str(secs)
    if hours:
        return f"{hours}h{minutes}m{tail}s"
    return f"{minutes}m{tail}s" if minutes else f"{tail}s"


def nanoseconds(epoch: datetime, at_s: float) -> int:
    """Unix time in nanoseconds, with digits below the microsecond as a real clock has them."""
    base = int(epoch.timestamp()) * 1_000_000_000
    nanos = round(at_s * 1_000_000) * 1000
    return base + nanos + (nanos // 1000 * 7919) % 1000


def rfc3339(epoch: datetime, at_s: float) -> str:
    """time.Time in JSON: nanoseconds without trailing zeros, UTC."""
    nanos = nanoseconds(epoch, at_s)
    whole, rest = divmod(nanos, 1_000_000_000)
    moment = datetime.fromtimestamp(0, epoch.tzinfo) + timedelta(seconds=whole)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def rfc3339_seconds(epoch: datetime, at_s: float) -> str:
    """time.Time of a whole second, UTC."""
    moment = epoch + timedelta(seconds=int(at_s))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


_ESCAPED = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})


@lru_cache(maxsize=4096)
def _text(value: str) -> str:
    """encoding/json escapes what HTML would take for markup."""
    return encode_basestring(value).translate(_ESCAPED)


def _scalar(value: object) -> str:
    match value:
        case str():
            return _text(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case int():
            return str(value)
        case float():
            # Go writes a float without a fraction as an integer.
            return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
        case _:
            raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def _written(value: object, colon: str, newline: str, step: str) -> str:
    """A value with everything in it.

    Args:
        newline: what stands between a container's last line and its closing bracket; empty when compact.
        step: how much deeper the inside of a container is.
    """
    if isinstance(value, dict):
        if not value:
            return "{}"
        inner = newline + step
        found = cast("dict[str, object]", value)
        rows = [f"{_text(k)}{colon}{_written(v, colon, inner, step)}" for k, v in found.items()]
        return "{" + inner + ("," + inner).join(rows) + newline + "}"
    if isinstance(value, (list, tuple)):
        if not value:
            return "[]"
        inner = newline + step
        rows = [_written(v, colon, inner, step) for v in cast("list[object]", value)]
        return "[" + inner + ("," + inner).join(rows) + newline + "]"
    return _scalar(value)


def go_json(value: object, *, indent: bool) -> bytes:
    """encoding/json with HTML escaping, two spaces deep or compact."""
    return (_written(value, ": ", "\n", "  ") if indent else _written(value, ":", "", "")).encode()
