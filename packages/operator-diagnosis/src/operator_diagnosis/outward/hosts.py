"""Stable other names for hosts, and the way back.

A host is called the same wherever it is spoken of, with whatever port, so that one can still tell who talks to whom.
What is a host: IP addresses, what stands in a host's place in a URL, names under the usual top levels, and the names
that the subject itself advertises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_MARK = re.compile(r"[‹<⟨](?P<name>host:[a-z]{1,6})[›>⟩]")
"""As it is given, or as somebody without these signs on the keyboard would write it."""

_V4 = r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)"
_V6 = r"(?<![\w:.])(?=[0-9A-Fa-f:.]{0,45}\d)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:%\w{1,16})?(?![\w:])"
_WORD = r"[A-Za-z0-9](?:[\w.-]{0,252}\w)?"
_IN_URL = rf"(?:(?<=://)|(?<=›@)){_WORD}(?=:\d|[/?#\s\"'\])}}>,]|$)|(?<=\w@){_WORD}(?=:\d)"
_NAMED = (
    r"(?<![\w./@-])(?:[A-Za-z0-9_](?:[\w-]{0,61}\w)?\.)+"
    r"(?:svc|local|internal|localdomain|lan|corp|intra|home|example|invalid|test|cluster|com|net|org|io|dev|cloud"
    r"|app|eu|de|uk|us|cn|jp|fr|in)(?![\w-]|\.\w)"
)
_SHAPES = re.compile(f"(?P<v4>{_V4})|(?P<v6>{_V6})|(?P<url>{_IN_URL})|(?P<named>{_NAMED})", re.IGNORECASE)
_TELLS_NOTHING = re.compile(r"localhost|127\.[\d.]+|0\.0\.0\.0|::1?|\[::1?\]", re.IGNORECASE)
_HOST = re.compile(r"[\w.%:-]{1,255}")
_DISTINCTIVE = re.compile(r"[\d.-]")


def host_of(address: str) -> str:
    """The host of ``host:port``, ``[host]:port`` or a URL; an address without a port is the host."""
    bare = address.rpartition("://")[2].partition("/")[0]
    if bare.startswith("["):
        return bare[1:].partition("]")[0]
    return bare if bare.count(":") > 1 else bare.partition(":")[0]


class Hosts:
    """The hosts met so far, and what they are called outside.

    Args:
        known: addresses or names that the subject itself advertises.
        called: names given earlier, to hosts; see :attr:`called`.
    """

    def __init__(self, known: Iterable[str] = (), called: Mapping[str, str] | None = None) -> None:
        self._host_by_name = dict(called or {})
        self._name_by_host = {host.lower(): name for name, host in self._host_by_name.items()}
        hosts = sorted({h for h in map(host_of, known) if _HOST.fullmatch(h) and not _TELLS_NOTHING.fullmatch(h)})
        for host in hosts:
            self._name(host)
        self._known = _any_of(hosts)

    @property
    def called(self) -> Mapping[str, str]:
        """The names given so far (``host:a``) and the hosts that they stand for."""
        return dict(self._host_by_name)

    def has(self, name: str) -> bool:
        """Whether a name was given here."""
        return name in self._host_by_name

    def hidden(self, text: str) -> str:
        """The text with hosts called by their other names; doing it again changes nothing."""
        if self._known is not None:
            text = _outside_marks(text, self._known, lambda m: self._mark(m.group()))
        return _outside_marks(text, _SHAPES, self._shaped)

    def restored(self, text: str) -> str:
        """The text with the hosts themselves; a name that was not given here stays."""
        return _MARK.sub(lambda m: self._host_by_name.get(m["name"], m.group()), text)

    def _shaped(self, match: re.Match[str]) -> str:
        found = match.group()
        try:
            match match.lastgroup:
                case "v4":
                    IPv4Address(found)
                case "v6":
                    IPv6Address(found)
                case _:
                    pass
        except AddressValueError:
            return found
        return found if _TELLS_NOTHING.fullmatch(found) else self._mark(found)

    def _mark(self, host: str) -> str:
        return f"‹{self._name(host)}›"

    def _name(self, host: str) -> str:
        name = self._name_by_host.get(host.lower())
        if name is None:
            name = f"host:{_letters(len(self._name_by_host))}"
            self._name_by_host[host.lower()] = name
            self._host_by_name[name] = host
        return name


def _any_of(hosts: Iterable[str]) -> re.Pattern[str] | None:
    """Finds hosts by name; one that could be any word is one only in a host's place."""
    parts = [
        rf"(?<![\w.-]){re.escape(h)}(?![\w-]|\.\w)"
        if _DISTINCTIVE.search(h)
        else rf"(?<![\w.-]){re.escape(h)}(?=:\d)|(?<=[/@=]){re.escape(h)}(?![\w-]|\.\w)"
        for h in sorted(hosts, key=lambda h: (-len(h), h))
    ]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _outside_marks(text: str, pattern: re.Pattern[str], called: Callable[[re.Match[str]], str]) -> str:
    """Replace what is found, but for what stands between our own signs."""
    parts = re.split(r"(‹[^‹›]*›)", text)
    return "".join(part if n % 2 else pattern.sub(called, part) for n, part in enumerate(parts))


def _letters(n: int) -> str:
    """0 is a, 25 is z, 26 is aa: no digits, which would be read as a number that somebody measured."""
    text = ""
    n += 1
    while n:
        n, rest = divmod(n - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
