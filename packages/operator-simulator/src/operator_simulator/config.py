"""What a cluster is made of, as a person asks for it; plain data that travels to a background process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from operator_core.errors import ConfigurationError

_STORE_IDS = (1, 4, 5, 7, 8, 10, 12, 13, 15)
"""PD hands out ids for stores, regions and peers from one sequence, so store ids have gaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """The shape of a cluster.

    Attributes:
        stores: how many TiKV stores, 1 to 9.
        pd: how many PD members: 1, 3 or 5.
        regions: how many regions the key space is split into, 1 to 2000.
        seed: the same seed and the same faults at the same instants give the same bytes.
        noise: how much of a real machine room's unrest there is; 0 turns it off, 1 is usual.
        traffic: clients' load as a multiple of the usual one; 0 is an idle cluster.
        version: the release that every process claims to be.
        cold_start: nothing is there yet. Processes are started one after the other from the epoch on, the first store
            bootstraps the cluster, and clients split the key space into `regions` before they begin.
        restarted: the data is there, and all processes were down; they are started together from the epoch on.
        launched: who deploys the cluster starts its processes at a first start or after they were all down; else each
            waits for :meth:`Cluster.start`.
        reserve_space_bytes: every store's `storage.reserve-space`.
    """

    stores: int = 3
    pd: int = 3
    regions: int = 60
    seed: int = 1
    noise: float = 1.0
    traffic: float = 1.0
    version: str = "8.5.5"
    cold_start: bool = False
    restarted: bool = False
    launched: bool = True
    reserve_space_bytes: int = 5 << 30

    def __post_init__(self) -> None:
        """Refuse a shape that no cluster has.

        Raises:
            ConfigurationError: naming the field and its value.
        """
        if not 1 <= self.stores <= len(_STORE_IDS):
            raise ConfigurationError(f"stores is {self.stores}; 1 to {len(_STORE_IDS)} is meant")
        if self.pd not in {1, 3, 5}:
            raise ConfigurationError(f"pd is {self.pd}; 1, 3 or 5 is meant")
        if not 1 <= self.regions <= 2000:
            raise ConfigurationError(f"regions is {self.regions}; 1 to 2000 is meant")
        if self.noise < 0 or self.traffic < 0:
            raise ConfigurationError(f"noise is {self.noise} and traffic {self.traffic}; neither may be below 0")
        if self.reserve_space_bytes < 0:
            raise ConfigurationError(f"reserve_space_bytes is {self.reserve_space_bytes}; it may not be below 0")
        if self.cold_start and self.restarted:
            raise ConfigurationError("cold_start and restarted exclude each other: a first start has no data")

    @property
    def store_ids(self) -> tuple[int, ...]:
        return _STORE_IDS[: self.stores]

    @property
    def replicas(self) -> int:
        """PD keeps three replicas where there are stores for them."""
        return min(3, self.stores)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ClusterConfig:
        return cls(**json.loads(text))
