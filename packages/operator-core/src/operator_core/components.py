"""What a subject is made of: components, their addresses and roles, and which of them must survive together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NewType

Kind = NewType("Kind", str)
"""What sort of thing a component is, in the subject's own words (``store``)."""

Role = NewType("Role", str)
"""A part that a component plays at the moment (``leader``)."""

Address = NewType("Address", str)
"""``host:port``; an IPv6 host stands in brackets."""

CLUSTER_KIND = Kind("cluster")
"""The kind of the one component that stands for the subject as a whole."""


@dataclass(frozen=True, slots=True, order=True)
class ComponentRef:
    """The name of a component: unique within one cluster, stable over restarts."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        """``store 4``; an id that already says its kind stands alone (``node1``)."""
        return self.id if self.id.startswith(self.kind) else f"{self.kind} {self.id}"

    @classmethod
    def parse(cls, text: str) -> ComponentRef:
        """Read what :attr:`key` writes.

        Raises:
            ValueError: there is no ``kind/id`` in the text.
        """
        kind, slash, ident = text.partition("/")
        if not (kind and slash and ident):
            raise ValueError(f"{text!r} is not a component; kind/id is meant")
        return cls(Kind(kind), ident)

    @property
    def key(self) -> str:
        """``kind/id``, for files and databases."""
        return f"{self.kind}/{self.id}"


CLUSTER = ComponentRef(CLUSTER_KIND, "cluster")
"""The subject as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One door of a component.

    Attributes:
        purpose: what answers there, in the subject's words (``status``, ``client``, ``service``).
        advertised: the address the subject tells others.
        reachable: the address that can be reached from here.
    """

    component: ComponentRef
    purpose: str
    advertised: Address
    reachable: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of a subject as it was seen in one observation."""

    ref: ComponentRef
    addresses: Mapping[str, Address] = field(default_factory=dict[str, Address])
    roles: frozenset[Role] = frozenset()
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RedundancyGroup:
    """Components that stand in for each other.

    Attributes:
        needed: how many members must be available for the group to do its work.
    """

    name: str
    members: tuple[ComponentRef, ...]
    needed: int

    def __contains__(self, ref: object) -> bool:
        return ref in self.members

    def spare(self, unavailable: Iterable[ComponentRef]) -> int:
        """How many more members may be lost; negative when too many are lost already."""
        return len(self.members) - len(set(unavailable) & set(self.members)) - self.needed


@dataclass(frozen=True, slots=True)
class AddressMap:
    """From the address a subject advertises to the one that can be reached from here.

    Inside Compose or Kubernetes a subject says ``db0:20180``, which means nothing outside. An address
    that the map does not know is taken as it is.
    """

    by_advertised: Mapping[Address, Address] = field(default_factory=dict[Address, Address])

    def reachable(self, advertised: Address) -> Address:
        return self.by_advertised.get(advertised, advertised)

    @classmethod
    def of(cls, endpoints: Iterable[Endpoint]) -> AddressMap:
        return cls({e.advertised: e.reachable for e in endpoints})
