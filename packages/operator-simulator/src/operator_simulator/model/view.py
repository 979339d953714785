"""What PD believes: the last it was told of stores and regions. It may be wrong, and then its answers are wrong too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

from operator_simulator.model.raft import Region
from operator_simulator.model.store import Store

DISCONNECTED_S: Final = 20.0
UNHEALTHY_S: Final = 600.0
DOWN_S: Final = 1800.0
PERSISTED_EVERY_S: Final = 300.0
"""`storePersistInterval`: how often the last heartbeat of a store is saved where the next leader finds it."""
DOWN_PEER_S: Final = 600.0


class MetaState(IntEnum):
    """`metapb.StoreState`."""

    UP = 0
    OFFLINE = 1
    TOMBSTONE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """What a store says of itself in a heartbeat."""

    capacity_bytes: int
    available_bytes: int
    used_bytes: int
    is_busy: bool
    slow_score: int
    sending_snapshots: int
    receiving_snapshots: int
    write_bytes: float
    read_bytes: float
    write_ops: float
    read_ops: float


@dataclass(slots=True)
class StoreRecord:
    """One store as PD has it."""

    id: int
    name: str
    state: MetaState = MetaState.UP
    is_serving: bool = False
    """Its node state is Serving; a store that has just registered is Preparing."""
    start_s: float = 0.0
    last_heartbeat_s: float | None = None
    """None when there was none ever; PD takes that for 1970."""
    persisted_s: float | None = None
    stats: StoreStats | None = None
    leader_weight: float = 1.0
    region_weight: float = 1.0
    labels: dict[str, str] = field(default_factory=dict[str, str])

    def silent_s(self, now: float) -> float:
        return math.inf if self.last_heartbeat_s is None else now - self.last_heartbeat_s

    def state_name(self, now: float, down_after_s: float = DOWN_S) -> str:
        if self.state is MetaState.OFFLINE:
            return "Offline"
        if self.state is MetaState.TOMBSTONE:
            return "Tombstone"
        silent = self.silent_s(now)
        if silent > down_after_s:
            return "Down"
        return "Disconnected" if silent > DISCONNECTED_S else "Up"


@dataclass(slots=True)
class PeerRecord:
    """One peer as the region's leader last described it."""

    id: int
    store_id: int
    is_learner: bool = False


@dataclass(slots=True)
class RegionRecord:
    """One region as its leader last described it."""

    id: int
    start_key: str
    end_key: str
    conf_ver: int
    version: int
    peers: tuple[PeerRecord, ...]
    leader: PeerRecord | None
    down: Mapping[int, int]
    pending: tuple[int, ...]
    size_mib: int
    keys: int
    written_bytes: int
    read_bytes: int
    written_keys: int
    read_keys: int
    is_from_storage: bool = False
    """Loaded by a new leader, and reported by nobody since: then PD knows of no leader, no size and no flow."""

    @property
    def leader_store(self) -> int:
        """The store of the leader; 0, which no store is called, while it is not known."""
        return self.leader.store_id if self.leader is not None else 0


@dataclass(slots=True)
class _Index:
    """The regions that each store leads, and those of which it has a peer, in the order of the first report."""

    led: dict[int, list[RegionRecord]]
    held: dict[int, list[RegionRecord]]


class View:
    """PD's memory of the cluster. Regions are synced to every member; store statistics live with the leader."""

    def __init__(self, stores: Mapping[str, Store]) -> None:
        self.stores: dict[int, StoreRecord] = {}
        self.regions: dict[int, RegionRecord] = {}
        self._ids = {s.name: s.id for s in stores.values()}
        self._names = {s.id: s.name for s in stores.values()}
        self._index: _Index | None = None

    def id_of(self, name: str) -> int:
        return self._ids[name]

    def name_of(self, ident: int) -> str:
        return self._names[ident]

    def store_heartbeat(self, store: Store, stats: StoreStats, at_s: float) -> None:
        record = self.stores[store.id]
        record.last_heartbeat_s = at_s
        record.stats = stats
        if record.persisted_s is None or at_s - record.persisted_s >= PERSISTED_EVERY_S:
            record.persisted_s = at_s

    def registered(self, store: Store) -> None:
        """A store has introduced itself (PutStore); that is no heartbeat."""
        self.stores.setdefault(store.id, StoreRecord(store.id, store.name)).start_s = store.started_s
        self._index = None

    def bootstrapped(self, region: Region) -> None:
        """The first region has come with the first store."""
        self.regions[region.id] = self._stored(region)
        self._index = None

    def taken_over(self, *, is_synced: bool) -> None:
        """A new PD leader has loaded the stores: only what was saved is known of them.

        Args:
            is_synced: the leader before has sent it all that it knew of regions.
        """
        for record in self.stores.values():
            record.last_heartbeat_s = record.persisted_s
            record.stats = None
        if not is_synced:
            self.regions = {
                i: replace(
                    r, leader=None, down={}, pending=(), size_mib=0, keys=0, written_bytes=0, read_bytes=0,
                    written_keys=0, read_keys=0, is_from_storage=True,
                )
                for i, r in self.regions.items()
            }  # fmt: skip
            self._index = None

    def prepared(self) -> None:
        """Every ten seconds stores that only prepared are taken to serve; here the cluster is always small enough."""
        for record in self.stores.values():
            record.is_serving = True

    def _stored(self, region: Region) -> RegionRecord:
        return RegionRecord(
            id=region.id, start_key=region.start_key, end_key=region.end_key, conf_ver=region.conf_ver,
            version=region.version, peers=self._peers(region), leader=None, down={}, pending=(), size_mib=0, keys=0,
            written_bytes=0, read_bytes=0, written_keys=0, read_keys=0, is_from_storage=True,
        )  # fmt: skip

    def _peers(self, region: Region) -> tuple[PeerRecord, ...]:
        return tuple(PeerRecord(p.id, self._ids[p.store], p.is_learner) for p in region.peers.values())

    def region_heartbeat(self, region: Region, now: float, *, writes: float, reads: float) -> None:
        """The leader describes its region.

        Args:
            writes: entries written since the last report.
            reads: requests read since the last report.
        """
        lead = region.leader
        assert lead is not None
        down = {
            p.id: int(now - p.silent_since_s)
            for p in region.peers.values()
            if p.silent_since_s is not None and now - p.silent_since_s >= DOWN_PEER_S
        }
        pending = tuple(p.id for p in region.peers.values() if p.snapshot_until_s is not None)
        self._index = None
        self.regions[region.id] = RegionRecord(
            id=region.id,
            start_key=region.start_key,
            end_key=region.end_key,
            conf_ver=region.conf_ver,
            version=region.version,
            peers=self._peers(region),
            leader=PeerRecord(region.peers[lead].id, self._ids[lead]),
            down=down,
            pending=pending,
            size_mib=max(1, round(region.size_mib)),
            keys=round(region.size_mib * 10240),
            written_bytes=int(writes * 1100),
            read_bytes=int(reads * 620),
            written_keys=int(writes),
            read_keys=int(reads),
        )

    def _by_store(self) -> _Index:
        """The regions of each store; made again when a region has been reported since."""
        if self._index is None:
            index = _Index({i: [] for i in self.stores}, {i: [] for i in self.stores})
            for region in self.regions.values():
                if region.leader is not None:
                    index.led[region.leader.store_id].append(region)
                for peer in region.peers:
                    index.held[peer.store_id].append(region)
            self._index = index
        return self._index

    def led_by(self, ident: int) -> Sequence[RegionRecord]:
        return self._by_store().led.get(ident, ())

    def held_by(self, ident: int) -> Sequence[RegionRecord]:
        return self._by_store().held.get(ident, ())

    def leader_counts(self) -> dict[int, int]:
        return {i: len(led) for i, led in self._by_store().led.items()}

    def check(self, name: str, replicas: int) -> list[RegionRecord]:
        """The regions of one of PD's check lists."""
        regions = self.regions.values()
        match name:
            case "miss-peer":
                return [r for r in regions if len(r.peers) < replicas]
            case "extra-peer":
                return [r for r in regions if len(r.peers) > replicas]
            case "down-peer":
                return [r for r in regions if r.down]
            case "pending-peer":
                return [r for r in regions if r.pending]
            case "offline-peer":
                removed = {i for i, s in self.stores.items() if s.state is MetaState.OFFLINE}
                return [r for r in regions if any(p.store_id in removed for p in r.peers)] if removed else []
            case "learner-peer":
                return [r for r in regions if any(p.is_learner for p in r.peers)]
            case "empty-region":
                return [r for r in regions if r.size_mib <= 1]
            case "oversized-region":
                return [r for r in regions if r.size_mib > 384]
            case "undersized-region":
                return [r for r in regions if r.size_mib <= 54]
            case _:
                return []

    def ordered(self, regions: Iterable[RegionRecord]) -> list[RegionRecord]:
        """By start key, as a scan gives them."""
        return sorted(regions, key=lambda r: r.start_key)
