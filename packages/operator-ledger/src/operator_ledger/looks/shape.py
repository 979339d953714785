"""The shape of an observation: all of it that stays the same from one look to the next.

Which components there are, which series are measured at them and where they come from changes when the subject
changes, not with every look. It is written once and referred to by its digest.
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, TypedDict, cast

from operator_core.components import Address, Component, ComponentRef, Kind, RedundancyGroup, Role
from operator_core.errors import LedgerError
from operator_core.readings import Observation, SignalName, Unit

_LEVEL = 6

Addresses = tuple[tuple[str, Address], ...]


class Part(NamedTuple):
    """A component, comparable at the speed of tuples; the order of its addresses counts."""

    ref: ComponentRef
    addresses: Addresses
    roles: frozenset[Role]
    version: str | None


class Series(NamedTuple):
    """A reading without its value, instant and id."""

    component: ComponentRef
    toward: ComponentRef | None
    signal: SignalName
    unit: Unit
    source: str
    is_word: bool


class Gap(NamedTuple):
    """An unseen without its cause, words and instant."""

    component: ComponentRef
    toward: ComponentRef | None
    signal: SignalName
    source: str


class Origin(NamedTuple):
    """A source without how it answered."""

    source: str
    component: ComponentRef
    required: bool


class Shape(NamedTuple):
    """What is the same in many observations of a cluster."""

    parts: tuple[Part, ...]
    groups: tuple[RedundancyGroup, ...]
    series: tuple[Series, ...]
    gaps: tuple[Gap, ...]
    origins: tuple[Origin, ...]


def shape_of(observation: Observation) -> Shape:
    """The shape of an observation."""
    return Shape(
        tuple([Part(c.ref, tuple(c.addresses.items()), c.roles, c.version) for c in observation.components]),
        observation.groups,
        tuple(
            [
                Series(r.component, r.toward, r.signal, r.unit, r.source, isinstance(r.value, str))
                for r in observation.readings
            ]
        ),
        tuple([Gap(u.component, u.toward, u.signal, u.source) for u in observation.unseens]),
        tuple([Origin(s.source, s.component, s.required) for s in observation.sources]),
    )


_Ref = list[int]
"""The numbers of a kind and of an id."""


class _Written(TypedDict):
    """A shape as JSON; a number stands for a name."""

    names: list[str]
    parts: list[tuple[_Ref, list[tuple[int, int]], list[int], str | None]]
    groups: list[tuple[int, list[_Ref], int]]
    series: list[list[int]]
    gaps: list[tuple[_Ref, _Ref | None, int, int]]
    origins: list[tuple[int, _Ref, int]]


class _Names:
    """Each name once; elsewhere stands its number."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._number: dict[str, int] = {}

    def __call__(self, name: str) -> int:
        number = self._number.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number

    def ref(self, ref: ComponentRef) -> _Ref:
        return [self(ref.kind), self(ref.id)]

    def maybe(self, ref: ComponentRef | None) -> _Ref | None:
        return None if ref is None else self.ref(ref)


def digest_of(body: bytes) -> bytes:
    """The digest by which a shape, as :func:`to_bytes` wrote it, is referred to."""
    return sha256(body).digest()


def _numbers(n: _Names, s: Series) -> list[int]:
    toward = (-1, -1) if s.toward is None else n.ref(s.toward)
    return [*n.ref(s.component), *toward, n(s.signal), n(s.unit), n(s.source), int(s.is_word)]


def _turned(rows: list[list[int]], *, width: int) -> list[list[int]]:
    """Rows as columns, and columns as rows: what is alike stands together, and compresses to half."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def to_bytes(shape: Shape) -> bytes:
    """A shape as compressed text; ASCII, so that any string of Python survives. Equal shapes have equal bytes."""
    n = _Names()
    written: _Written = {
        "parts": [
            (n.ref(p.ref), [(n(k), n(a)) for k, a in p.addresses], sorted(map(n, sorted(p.roles))), p.version)
            for p in shape.parts
        ],
        "groups": [(n(g.name), [n.ref(m) for m in g.members], g.needed) for g in shape.groups],
        "series": _turned([_numbers(n, s) for s in shape.series], width=8),
        "gaps": [(n.ref(g.component), n.maybe(g.toward), n(g.signal), n(g.source)) for g in shape.gaps],
        "origins": [(n(o.source), n.ref(o.component), int(o.required)) for o in shape.origins],
        "names": n.names,
    }
    return zlib.compress(json.dumps(written, separators=(",", ":")).encode("ascii"), _LEVEL)


@lru_cache(maxsize=64)
def from_bytes(body: bytes) -> Shape:
    """What :func:`to_bytes` wrote.

    Raises:
        LedgerError: it is damaged.
    """
    try:
        read = cast("_Written", json.loads(zlib.decompress(body)))
        return _shape(read)
    except (zlib.error, ValueError, KeyError, IndexError, TypeError) as e:
        raise LedgerError(f"the shape of an observation is damaged: {e}") from e


def _shape(read: _Written) -> Shape:
    names = read["names"]
    refs: dict[tuple[int, int], ComponentRef] = {}

    def ref(pair: _Ref) -> ComponentRef:
        kind, ident = pair
        return refs.setdefault((kind, ident), ComponentRef(Kind(names[kind]), names[ident]))

    def maybe(pair: _Ref | None) -> ComponentRef | None:
        return None if pair is None else ref(pair)

    def series(numbers: list[int]) -> Series:
        kind, ident, toward_kind, toward_ident, signal, unit, source, word = numbers
        return Series(
            ref([kind, ident]),
            None if toward_kind < 0 else ref([toward_kind, toward_ident]),
            SignalName(names[signal]),
            Unit(names[unit]),
            names[source],
            bool(word),
        )

    return Shape(
        tuple(
            Part(
                ref(whose),
                tuple((names[k], Address(names[a])) for k, a in addresses),
                frozenset(Role(names[r]) for r in roles),
                version,
            )
            for whose, addresses, roles, version in read["parts"]
        ),
        tuple(
            RedundancyGroup(name=names[name], members=tuple(map(ref, members)), needed=needed)
            for name, members, needed in read["groups"]
        ),
        tuple(map(series, _turned(read["series"], width=0))),
        tuple(
            Gap(ref(whose), maybe(toward), SignalName(names[signal]), names[source])
            for whose, toward, signal, source in read["gaps"]
        ),
        tuple(Origin(names[source], ref(c), bool(required)) for source, c, required in read["origins"]),
    )


def component_of(part: Part) -> Component:
    """The component as it was seen."""
    return Component(ref=part.ref, addresses=dict(part.addresses), roles=part.roles, version=part.version)
