"""PD's JSON in PD's own words, and the way from it to our types.

Source: tikv/pd v8.5.5 pkg/response/store.go, server/api/{member,status,health,region,config}.go. Go leaves zero
values out (``omitempty``), so everything that may be zero has a default here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from operator_core.components import Address
from operator_core.errors import SubjectNonsense
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from operator_tikv.formats import parse_instant, parse_size
from operator_tikv.pd.model import Member, Members, MemberStatus, Replication, Store, StoreState

T = TypeVar("T")


def _size(value: object) -> object:
    return parse_size(value) if isinstance(value, str) else value


def _instant(value: object) -> object:
    return parse_instant(value) if isinstance(value, str) else value


ByteSize = Annotated[int, BeforeValidator(_size)]
Instant = Annotated[datetime, BeforeValidator(_instant)]


class Wire(BaseModel):
    """A frozen piece of PD's JSON; what we do not know of is let through unseen."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LabelJson(Wire):
    """A store label."""

    key: str = ""
    value: str = ""


class MetaStoreJson(Wire):
    """metapb.Store with PD's computed state name."""

    id: int
    address: str = ""
    status_address: str = ""
    version: str = ""
    start_timestamp: int = 0
    state_name: str
    labels: tuple[LabelJson, ...] = ()


class StoreStatusJson(Wire):
    """A store's figures."""

    capacity: ByteSize = 0
    available: ByteSize = 0
    leader_count: int = 0
    region_count: int = 0
    slow_score: float = 0
    is_busy: bool = False
    last_heartbeat_ts: Instant | None = None


class StoreJson(Wire):
    """One store."""

    store: MetaStoreJson
    status: StoreStatusJson = StoreStatusJson()


class StoresJson(Wire):
    """``GET /pd/api/v1/stores``."""

    count: int = 0
    stores: tuple[StoreJson, ...] | None = None


class MemberJson(Wire):
    """One PD member."""

    name: str = ""
    member_id: int = 0
    client_urls: tuple[str, ...] | None = None
    binary_version: str = ""


class HeaderJson(Wire):
    """The header of some answers."""

    cluster_id: int = 0


class MembersJson(Wire):
    """``GET /pd/api/v1/members``."""

    header: HeaderJson = HeaderJson()
    members: tuple[MemberJson, ...] = ()
    leader: MemberJson | None = None
    etcd_leader: MemberJson | None = None


class StatusJson(Wire):
    """``GET /pd/api/v1/status``."""

    version: str = ""
    start_timestamp: int = 0


class HealthJson(Wire):
    """One member in ``GET /pd/api/v1/health``."""

    name: str = ""
    health: bool = False


class ReplicateJson(Wire):
    """``GET /pd/api/v1/config/replicate``; numbers may be strings."""

    max_replicas: int

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=lambda n: n.replace("_", "-"))


class CountJson(Wire):
    """Any answer with a count."""

    count: int


class EvictLeaderJson(Wire):
    """``GET /pd/api/v1/scheduler-config/evict-leader-scheduler/list``; keys are store numbers as text."""

    store_id_ranges: dict[str, object]

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=lambda n: n.replace("_", "-"))


class PeerJson(Wire):
    """A peer of a region."""

    id: int = 0
    store_id: int = 0
    role_name: str = ""


class DownPeerJson(Wire):
    """A peer that the leader has not heard for ten minutes."""

    peer: PeerJson = PeerJson()
    down_seconds: int = 0


class RegionJson(Wire):
    """A region; an unknown id is answered with id 0."""

    id: int = 0
    peers: tuple[PeerJson, ...] | None = None
    leader: PeerJson | None = None
    down_peers: tuple[DownPeerJson, ...] | None = None
    pending_peers: tuple[PeerJson, ...] | None = None
    approximate_size: int = 0


class LocalSoftStateJson(Wire):
    """Who leads, by the peer's own word."""

    leader_id: int = 0
    raft_state: str = ""


class LocalHardStateJson(Wire):
    """What the peer has on disk."""

    term: int = 0
    commit: int = 0


class LocalRaftJson(Wire):
    """Raft status of a peer."""

    hard_state: LocalHardStateJson = LocalHardStateJson()
    soft_state: LocalSoftStateJson = LocalSoftStateJson()
    applied: int = 0


class LocalRegionJson(Wire):
    """``GET /region/{id}`` at a store's status port (tikv v8.5.5 raftstore/src/store/region_meta.rs)."""

    raft_status: LocalRaftJson


_HEALTH: TypeAdapter[tuple[HealthJson, ...]] = TypeAdapter(tuple[HealthJson, ...])
_SETTINGS: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])
_NAMES: TypeAdapter[tuple[str, ...] | None] = TypeAdapter(tuple[str, ...] | None)
_STATES = {state.value: state for state in StoreState}
_NEVER = datetime(1971, 1, 1, tzinfo=UTC)
"""Go's zero and Unix's zero both lie before it: there was no heartbeat."""


def reading(what: str, parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """A parser whose failures are ours.

    Raises:
        SubjectNonsense: by the parser made, when the body is not what was asked for.
    """

    def read(body: bytes) -> T:
        try:
            return parse(body)
        except (ValidationError, ValueError, KeyError, OverflowError, OSError) as e:
            head = body[:80].decode("utf-8", "replace")
            raise SubjectNonsense(f"{what}: cannot be read: {head!r}: {_first_line(e)}") from e

    return read


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).split("\n", 1)[0]


def _unix(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def _store(wire: StoreJson) -> Store:
    meta, status = wire.store, wire.status
    heartbeat = status.last_heartbeat_ts
    return Store(
        id=meta.id,
        address=Address(meta.address),
        status_address=Address(meta.status_address) if meta.status_address else None,
        state=_STATES[meta.state_name],
        version=meta.version.removeprefix("v"),
        regions=status.region_count,
        leaders=status.leader_count,
        capacity_bytes=status.capacity or None,
        available_bytes=status.available if status.capacity else None,
        last_heartbeat=heartbeat if heartbeat is not None and heartbeat > _NEVER else None,
        started=_unix(meta.start_timestamp),
        slow_score=status.slow_score or None,
        is_busy=status.is_busy,
        is_tiflash=any(label.key == "engine" and label.value.startswith("tiflash") for label in meta.labels),
    )


def to_stores(body: bytes) -> tuple[Store, ...]:
    """Stores in the order of their numbers; PD's own order is random. TiFlash nodes and tombstones are left out."""
    wire = StoresJson.model_validate_json(body)
    stores = (_store(s) for s in wire.stores or ())
    kept = (s for s in stores if not s.is_tiflash and s.state is not StoreState.TOMBSTONE)
    return tuple(sorted(kept, key=lambda s: s.id))


def to_members(body: bytes) -> Members:
    """Members in the order of their names."""
    wire = MembersJson.model_validate_json(body)
    if not wire.members:
        raise ValueError("no members")
    return Members(
        cluster_id=wire.header.cluster_id,
        members=tuple(
            sorted(
                (
                    Member(
                        name=m.name,
                        member_id=m.member_id,
                        client_urls=m.client_urls or (),
                        version=m.binary_version.removeprefix("v"),
                    )
                    for m in wire.members
                    if m.name
                ),
                key=lambda m: m.name,
            )
        ),
        leader=wire.leader.name or None if wire.leader is not None else None,
        etcd_leader=wire.etcd_leader.name or None if wire.etcd_leader is not None else None,
    )


def to_status(body: bytes) -> MemberStatus:
    """A member's own status."""
    wire = StatusJson.model_validate_json(body)
    return MemberStatus(version=wire.version.removeprefix("v"), started=_unix(wire.start_timestamp))


def to_health(body: bytes) -> dict[str, bool]:
    """Which members answered the asked one's ping."""
    return {h.name: h.health for h in _HEALTH.validate_json(body) if h.name}


def to_replication(body: bytes) -> Replication:
    """The replication settings."""
    return Replication(max_replicas=ReplicateJson.model_validate_json(body).max_replicas)


def to_count(body: bytes) -> int:
    """The count in any answer that has one."""
    return CountJson.model_validate_json(body).count


def to_names(body: bytes) -> tuple[str, ...]:
    """A list of names, sorted; null is none."""
    return tuple(sorted(_NAMES.validate_json(body) or ()))


def to_evicted(body: bytes) -> frozenset[int]:
    """The stores that the evict-leader scheduler names."""
    return frozenset(int(s) for s in EvictLeaderJson.model_validate_json(body).store_id_ranges)


def to_region(body: bytes) -> RegionJson:
    """One region; id 0 when PD does not know it."""
    return RegionJson.model_validate_json(body)


def to_local_region(body: bytes) -> LocalRegionJson:
    """A peer's own raft state."""
    return LocalRegionJson.model_validate_json(body)


def to_settings(body: bytes) -> dict[str, str]:
    """Settings as text, whatever their types are."""
    return {
        k: v if isinstance(v, str) else json.dumps(v, sort_keys=True) for k, v in _SETTINGS.validate_json(body).items()
    }


def to_texts(body: bytes) -> tuple[str, ...]:
    """A list of texts in PD's order; null is none."""
    return _NAMES.validate_json(body) or ()
