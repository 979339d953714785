"""What PD tells, in plain units and our own types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from operator_core.components import Address


class PdVerdict(Enum):
    """How PD as a whole took a question."""

    ANSWER = "answer"
    NO_LEADER = "no leader"
    UNREACHABLE = "unreachable"


class StoreState(Enum):
    """PD's ``state_name``."""

    UP = "Up"
    DISCONNECTED = "Disconnected"
    """More than 20 s without a heartbeat."""
    DOWN = "Down"
    """More than max-store-down-time (30 min) without a heartbeat."""
    OFFLINE = "Offline"
    """Being removed; it serves on until its last region has moved away."""
    TOMBSTONE = "Tombstone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One store as PD lists it.

    Attributes:
        capacity_bytes: None until its first heartbeat after a change of the PD leader.
        last_heartbeat: by PD's clock; None when PD has never had one.
        started: process start by the store's clock.
        slow_score: 1 to 100, None when it has never been reported.
    """

    id: int
    address: Address
    status_address: Address | None
    state: StoreState
    version: str
    regions: int
    leaders: int
    capacity_bytes: int | None = None
    available_bytes: int | None = None
    last_heartbeat: datetime | None = None
    started: datetime | None = None
    slow_score: float | None = None
    is_busy: bool = False
    is_tiflash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One PD member."""

    name: str
    member_id: int
    client_urls: tuple[str, ...]
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """PD's members and who leads; None where PD does not say."""

    cluster_id: int
    members: tuple[Member, ...]
    leader: str | None
    etcd_leader: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStatus:
    """What one member says of itself."""

    version: str
    started: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """The replication settings."""

    max_replicas: int
