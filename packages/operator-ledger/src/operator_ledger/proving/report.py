"""What came of looking a ledger over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from operator_core.readings import ClusterName

_MOST = 100
"""So many defects are told of a cluster in words; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedRange:
    """Observations whose bodies were pruned, as the entry at `position` says."""

    position: int
    at: datetime
    by: str
    first: int
    last: int
    observations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterProof:
    """What was found of one cluster.

    Attributes:
        entries: how many there are in its chain.
        head: the digest of the last of them, in hex: what to keep elsewhere, so that a cut end is seen.
        observations: how many are there.
        pruned: what is not there any more, and was pruned.
        defects: each with its place, in words; none when all of it is as it was written.
    """

    cluster: ClusterName
    entries: int
    head: str
    observations: int
    pruned: tuple[PrunedRange, ...]
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found of a ledger.

    Attributes:
        clusters: each by its name, in order.
        defects: of what belongs to no cluster.
    """

    clusters: tuple[ClusterProof, ...]
    defects: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether all of it is as it was written."""
        return not self.defects and not any(c.defects for c in self.clusters)


@dataclass(slots=True)
class Defects:
    """What is found on the way; of very many only the first are kept in words."""

    told: list[str] = field(default_factory=list[str])
    _more: int = 0

    def __call__(self, words: str) -> None:
        if len(self.told) < _MOST:
            self.told.append(words)
        else:
            self._more += 1

    def all(self) -> tuple[str, ...]:
        return (*self.told, f"and {self._more} more") if self._more else tuple(self.told)
