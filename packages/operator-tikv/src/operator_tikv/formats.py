"""How PD writes sizes, durations and instants (Go and docker/go-units formats), and how addresses are read.

Source: tikv/pd v8.5.5 pkg/utils/typeutil (ByteSize, Duration); Go time.Duration.String and time.Time JSON.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import urlsplit

from operator_core.components import Address
from operator_core.errors import ConfigurationError

_SIZE = re.compile(r"^(\d+(?:\.\d+)?(?:[eE]\+\d+)?)\s?([kKmMgGtTpPeEzZyY]?)i?[bB]?$")
_PREFIXES = "KMGTPEZY"
_MOST_BYTES = 2.0**80
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|µs|μs|us|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "ns": 1e-9}
_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$")


def parse_size(text: str) -> int:
    """Bytes in a ByteSize (``"93.13GiB"``); every unit is of base 1024, four significant digits are kept by PD.

    Raises:
        ValueError: it is not a size.
    """
    match = _SIZE.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size")
    prefix = match[2].upper()
    power = _PREFIXES.index(prefix) + 1 if prefix else 0
    size = float(match[1]) * 1024**power
    if size > _MOST_BYTES:
        raise ValueError(f"{text!r} is more than any disk has")
    return round(size)


def parse_duration(text: str) -> timedelta:
    """A Go duration (``"5h24m1.231s"``, ``"10ms"``, ``"0s"``, ``"-1.5s"``).

    Raises:
        ValueError: it is not a duration.
    """
    body = text.strip()
    sign = -1 if body.startswith("-") else 1
    body = body.lstrip("+-")
    if body == "0":
        return timedelta(0)
    seconds, end = 0.0, 0
    for part in _DURATION_PART.finditer(body):
        if part.start() != end:
            break
        seconds += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    if not body or end != len(body):
        raise ValueError(f"{text!r} is not a duration")
    return timedelta(seconds=sign * seconds)


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant with up to nine digits behind the point, as an aware UTC instant (microseconds).

    Raises:
        ValueError: it is not an instant.
    """
    match = _INSTANT.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 instant")
    micros = (match[3] or "")[:6].ljust(6, "0")
    zone: timezone = UTC
    if match[4] not in "Zz":
        hours, minutes = match[4][1:].split(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(-offset if match[4][0] == "-" else offset)
    naive = datetime.strptime(f"{match[1]}T{match[2]}.{micros}", "%Y-%m-%dT%H:%M:%S.%f")  # noqa: DTZ007 - zone below
    return naive.replace(tzinfo=zone).astimezone(UTC)


class Url(NamedTuple):
    """A base URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> Address:
        return join_address(self.host, self.port)

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.address}{self.path}"


def join_address(host: str, port: int) -> Address:
    """``host:port``; an IPv6 host gets its brackets."""
    return Address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def split_address(address: str) -> tuple[str, int]:
    """Host and port of ``host:port``.

    Raises:
        ValueError: there is no host or no port.
    """
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{address!r} is not host:port")
    return host, int(port)


def parse_url(text: str, *, default_port: int | None = None) -> Url:
    """Read a base URL; ``host:port`` alone is taken as http.

    Raises:
        ConfigurationError: it is not a URL that can be asked; the message names the value.
    """
    raw = text.strip()
    if "://" not in raw:
        raw = f"http://{raw}"
    try:
        parts = urlsplit(raw)
        host, port = parts.hostname, parts.port or default_port
    except ValueError as e:
        raise ConfigurationError(f"{text!r} is not a URL: {e}") from e
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in host):
        raise ConfigurationError(f"{text!r} is not a URL; http://host:port is meant")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"{text!r}: only scheme, host, port and path belong in this URL")
    if port is None:
        raise ConfigurationError(f"{text!r} names no port")
    return Url(parts.scheme, host, port, parts.path.rstrip("/"))
