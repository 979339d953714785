"""What a fault of the network is made of: iptables rules and classes of tc, as plain words.

What is dropped is dropped in the table `filter`; what is held back or put into a class is so in `mangle`, whose hooks
come before: a packet that was held back still meets the rules that drop it. ``{dev}`` stands for the interface, which
only the namespace itself can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ROOT = "fa0:"
_WIDE_OPEN = "10gbit"
_SMALLEST_BUFFER_BYTES = 128 * 1024

Rule = tuple[str, tuple[str, ...]]
"""A table, and the words of a rule for iptables-restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Whose packets are meant: of one IP version, those between here and some addresses; all where there are none."""

    addresses: tuple[str, ...]

    def incoming(self) -> tuple[tuple[str, ...], ...]:
        here = ("-i", "{dev}")
        return tuple((*here, "-s", a) for a in self.addresses) or (here,)

    def outgoing(self) -> tuple[tuple[str, ...], ...]:
        here = ("-o", "{dev}")
        return tuple((*here, "-d", a) for a in self.addresses) or (here,)


def drops(ident: str, ends: Ends, *, incoming: bool = True) -> tuple[Rule, ...]:
    """Nothing passes; with `incoming` False, nothing leaves."""
    rules = [_rule(ident, "filter", "OUTPUT", match, "DROP") for match in ends.outgoing()]
    if incoming:
        rules += [_rule(ident, "filter", "INPUT", match, "DROP") for match in ends.incoming()]
    return tuple(rules)


def drops_port(ident: str, ends: Ends, port: int) -> tuple[Rule, ...]:
    """Nothing passes to or from a port of ours; between two ends, nor of the other end's port of that number."""
    rules: list[Rule] = []
    sides = ("--sport", "--dport") if ends.addresses else ("--sport",)
    other = {"--sport": "--dport", "--dport": "--sport"}
    for protocol in ("tcp", "udp"):
        for side in sides:
            for match in ends.outgoing():
                words = (*match, "-p", protocol, side, str(port))
                rules.append(_rule(ident, "filter", "OUTPUT", words, "DROP"))
            for match in ends.incoming():
                words = (*match, "-p", protocol, other[side], str(port))
                rules.append(_rule(ident, "filter", "INPUT", words, "DROP"))
    return tuple(rules)


def loses(ident: str, ends: Ends, share: float) -> tuple[Rule, ...]:
    """Each packet, in both directions, is dropped with this probability."""
    chance = ("-m", "statistic", "--mode", "random", "--probability", f"{share:.6f}")
    if share >= 1:
        return drops(ident, ends)
    return tuple(
        [_rule(ident, "filter", "OUTPUT", (*match, *chance), "DROP") for match in ends.outgoing()]
        + [_rule(ident, "filter", "INPUT", (*match, *chance), "DROP") for match in ends.incoming()]
    )


def holds_back(ident: str, ends: Ends, queue: int) -> tuple[Rule, ...]:
    """Packets of both directions go through a program; when it is not there, they pass."""
    jump = ("NFQUEUE", "--queue-num", str(queue), "--queue-bypass")
    return tuple(
        [_rule(ident, "mangle", "OUTPUT", match, *jump) for match in ends.outgoing()]
        + [_rule(ident, "mangle", "INPUT", match, *jump) for match in ends.incoming()]
    )


def classifies(ident: str, ends: Ends, classid: str) -> tuple[Rule, ...]:
    """What leaves goes through a class."""
    return tuple(
        _rule(ident, "mangle", "POSTROUTING", match, "CLASSIFY", "--set-class", classid) for match in ends.outgoing()
    )


def slow_class(classid: str, mbit: float) -> tuple[tuple[str, ...], ...]:
    """A class of this rate, whose buffer holds a quarter of a second, as a switch's port would."""
    bits = round(mbit * 1_000_000)
    buffer = max(_SMALLEST_BUFFER_BYTES, bits // 8 // 4)
    leaf = ("qdisc", "add", "dev", "{dev}", "parent", classid, "bfifo", "limit", str(buffer))
    return (_class(classid, f"{bits}bit"), leaf)


def late_class(classid: str, ms: float, jitter_ms: float) -> tuple[tuple[str, ...], ...]:
    """A class in which netem holds packets back."""
    spread = (f"{jitter_ms:g}ms",) if jitter_ms else ()
    leaf = ("qdisc", "add", "dev", "{dev}", "parent", classid, "netem", "limit", "20000", "delay", f"{ms:g}ms", *spread)
    return (_class(classid, _WIDE_OPEN), leaf)


def _class(classid: str, rate: str) -> tuple[str, ...]:
    return ("class", "add", "dev", "{dev}", "parent", ROOT, "classid", classid, "htb", "rate", rate)


def _rule(ident: str, table: str, chain: str, match: Sequence[str], *jump: str) -> Rule:
    return table, ("-A", chain, *match, "-m", "comment", "--comment", ident, "-j", *jump)


def of_version(version: int, addresses: Iterable[str]) -> tuple[str, ...]:
    """The addresses of one IP version; 4 or 6."""
    return tuple(a for a in addresses if a and (":" in a) == (version == 6))
