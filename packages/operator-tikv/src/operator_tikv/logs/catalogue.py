"""What lines of TiKV's and PD's logs mean for their health; data only.

A line is known by a fragment of its message, in the words of the source (TiKV and PD v8.5.5, etcd v3.5.15), never by
the place that wrote it, which changes with each version. What is written all the time in health is not here, nor what
PD writes whenever the lead passes on quickly ("system time may be incorrect").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from operator_core.components import Kind
from operator_core.log_events import LogEventName

from operator_tikv.names import PD, STORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a line means.

    Attributes:
        fragment: of its message.
        says: a sentence about whoever wrote it; ``{key}`` is a field of the line, ``{message}`` the message.
        changes: two fields that must differ, or the line tells of no change.
    """

    name: LogEventName
    about: Kind
    fragment: str
    says: str
    changes: tuple[str, str] | None = None


START: Final = LogEventName("start")
STOP: Final = LogEventName("orderly-stop")
STOPPED: Final = LogEventName("stopped")
CRASH: Final = LogEventName("crash")
ELECTION: Final = LogEventName("election")

ENDS: Final = frozenset({STOP, STOPPED, CRASH, LogEventName("stop-cut-short")})
"""What explains that a process starts next."""

STARTS_AFTER_A_STOP: Final = "it starts"
STARTS_AFTER_NONE: Final = "it starts, and nothing before tells of an orderly stop: it was killed, or it crashed"


def _of(about: Kind, name: str, says: str, *fragments: str) -> Sequence[Meaning]:
    return [Meaning(name=LogEventName(name), about=about, fragment=f, says=says) for f in fragments]


MEANINGS: Final = (
    # --- TiKV: its life
    *_of(STORE, START, STARTS_AFTER_A_STOP, "Welcome to TiKV"),
    *_of(STORE, "ready", "it serves from now on", "TiKV is ready to serve"),
    *_of(
        STORE,
        STOP,
        "it was told to stop, and does so in order",
        "receive signal 15",
        "receive signal 2,",
        "receive signal 1,",
    ),
    *_of(STORE, STOPPED, "it stops", "Graceful shutdown completed", "stop raft store thread"),
    *_of(
        STORE, "stop-cut-short", "it stops before all its leaders are given away", "Graceful shutdown timeout reached"
    ),
    *_of(
        STORE,
        "cannot-start",
        "it cannot start: {message}",
        "failed to start raft_server",
        "failed to create kv engine",
        "failed to create raft engine",
        "failed to create server",
        "failed to start server",
    ),
    *_of(STORE, "panic-mark", "it will not start: a crash before may have damaged its data", "panic_mark_file"),
    *_of(
        STORE,
        "no-pd-at-start",
        "it cannot start, for it finds no PD",
        "failed to create rpc client",
        "failed to get cluster id",
    ),
    # --- TiKV: raft
    *_of(STORE, ELECTION, "its peers call elections", "starting a new election"),
    *_of(
        STORE,
        "quorum-lost",
        "leaders here lost their quorum and stepped down",
        "stepped down to follower since quorum is not active",
    ),
    *_of(
        STORE,
        "leader-missing",
        "peers here have had no leader for ten minutes",
        "leader missing longer than abnormal_leader_missing_duration",
    ),
    *_of(
        STORE,
        "leader-missing-long",
        "peers here have had no leader for two hours",
        "leader missing longer than max_leader_missing_duration",
    ),
    *_of(
        STORE,
        "stuck-proposals",
        "writes here have waited for more than 20 s to be committed",
        "found long uncommitted proposals",
    ),
    *_of(
        STORE,
        "peer-unreachable",
        "its connection to store {unreachable_store_id} is broken",
        "broadcasting unreachable",
    ),
    *_of(STORE, "slow-write", "writing the raft log took too long", "async write too slow"),
    *_of(STORE, "unsafe-recovery", "an unsafe recovery runs", "Unsafe recovery"),
    # --- TiKV: other stores
    *_of(STORE, "connect-timeout", "store {store_id} does not answer its connecting", "wait connect timeout"),
    *_of(STORE, "connection-broke", "its connection to store {store_id} broke", "connection abort"),
    *_of(STORE, "connection-broke", "its connection to another store broke", "connection fail"),
    *_of(STORE, "connection-back", "it is connected to store {store_id} again", "connection established"),
    *_of(
        STORE, "address-unknown", "it cannot find out the address of store {store_id}", "resolve store address failed"
    ),
    *_of(
        STORE,
        "snapshot-failed",
        "a snapshot could not be sent or taken in",
        "failed to send snap",
        "failed to recv snap",
    ),
    *_of(STORE, "clients-went", "answers to clients could not be delivered", "KvService response batch commands fail"),
    # --- TiKV: PD
    *_of(STORE, "heartbeat-failed", "its heartbeat did not get to PD", "store heartbeat failed"),
    *_of(STORE, "pd-silent", "PD did not answer it", "PD failed to respond"),
    *_of(
        STORE,
        "pd-trouble",
        "its requests to PD fail",
        "request failed",
        "reconnect failed",
        "failed to update PD client",
        "validate PD endpoints failed",
    ),
    Meaning(
        name=LogEventName("pd-leader-changed"),
        about=STORE,
        fragment="update pd client",
        says="it follows another PD leader now: {leader}",
        changes=("leader", "prev_leader"),
    ),
    *_of(
        STORE,
        "heartbeat-late",
        "it was too slow to send its heartbeat, and reports itself slow",
        "scheduling store_heartbeat timeout",
    ),
    *_of(STORE, "offlined", "PD has told it that it is being removed", "store is offlined by pd"),
    # --- TiKV: disk, memory, time
    *_of(
        STORE,
        "disk-usage",
        "{message}",
        "disk usage Normal->",
        "disk usage AlmostFull->",
        "disk usage AlreadyFull->",
    ),
    *_of(STORE, "no-space", "it has no space left", "no available space"),
    *_of(STORE, "disk-gone", "its disk cannot be asked how full it is", "get disk stat for "),
    *_of(
        STORE,
        "engine-error",
        "its storage engine failed: {message}",
        "rocksdb background error",
        "failed to write to raft engine",
        "failed to write to kv engine",
        "failed to write to engine",
    ),
    *_of(STORE, "clock-jumped", "its clock jumped back", "system time jumped back", "monotonic time jumped back"),
    *_of(
        STORE, "read-queue-full", "it turns reads away, too many wait", "Already many pending tasks in the read queue"
    ),
    # --- PD: its life and who leads
    *_of(PD, START, STARTS_AFTER_A_STOP, "Welcome to Placement Driver"),
    *_of(PD, STOP, "it was told to stop ({signal})", "got signal to exit"),
    *_of(PD, STOPPED, "it stops", "close server"),
    *_of(
        PD, "cannot-start", "it cannot start: {message}", "join meet error", "create server failed", "run server failed"
    ),
    *_of(PD, "leads", "it is PD leader and serves", "PD leader is ready to serve"),
    *_of(PD, "follows", "it sees another PD leader", "start to watch pd leader"),
    *_of(PD, "leadership-ended", "the PD leader's lease ended or was given back", "current leadership is deleted"),
    *_of(
        PD,
        "no-leader",
        "there is no PD leader, and it may not become it",
        "skip campaigning of pd leader and check later",
    ),
    *_of(PD, "lease-lost", "it stops leading: its lease ran out", "no longer a leader because lease has expired"),
    *_of(
        PD,
        "etcd-leader-moved",
        "it stops leading: etcd has another leader",
        "etcd leader changed, resigns pd leadership",
    ),
    *_of(PD, "resigned", "it gives the lead of etcd away", "try to resign etcd leader to next pd-server"),
    *_of(
        PD,
        "lease-slow",
        "keeping its lease alive is slow or fails",
        "lease keep alive failed",
        "the interval between keeping alive lease is too long",
        "lease grants too slow",
        "keep alive lease too slow",
    ),
    *_of(PD, "no-quorum", "it hears no quorum of etcd", "the connection maybe unhealthy, retry to watch later"),
    *_of(PD, "elected", "the election of etcd: {message}", "became leader at term", "became candidate at term"),
    # --- PD: time
    *_of(PD, "timestamps-late", "handing out timestamps fell behind", "clock offset"),
    *_of(
        PD,
        "clock-jumped",
        "its clock went back",
        "system time jump backward",
        "system time jumps backward",
    ),
    *_of(
        PD,
        "timestamps-stuck",
        "handing out timestamps is stuck",
        "save timestamp failed",
        "the logical time may be not enough",
        "logical part outside of max logical interval",
    ),
    # --- PD: stores
    *_of(PD, "store-removed", "store {store-id} is being removed", "store has been offline"),
    *_of(PD, "store-gone", "a store is removed for good", "store has been Tombstone"),
    *_of(PD, "store-back", "store {store-id} is taken back", "store has been up"),
    *_of(PD, "store-full", "store {store-id} is short of space", "store does not have enough disk space"),
    *_of(PD, "store-registered", "a store has registered, as one does that starts", "put store ok"),
    *_of(
        PD,
        "peer-down",
        "a peer on store {store-id} is silent, though the store is not",
        "region has down peer on connected store",
    ),
    *_of(
        PD,
        "stream-broke",
        "its stream to store {target-store-id} broke",
        "send keepalive message fail, store maybe disconnected",
    ),
    *_of(PD, "slow-store", "it takes store {store-id} for slow, and moves leaders off", "detected slow store"),
    *_of(PD, "network-slow-store", "it takes a store's network for slow", "detected network slow store"),
    *_of(PD, "slow-store-well", "it takes a store for slow no more", "slow store has been recovered"),
    # --- PD: what people and tools did
    *_of(PD, "changed-by-hand", "somebody asked it for a change: {service-info}", "audit log"),
    *_of(
        PD,
        "settings-changed",
        "its settings were changed",
        "schedule config is updated",
        "replication config is updated",
        "PD server config is updated",
    ),
    *_of(PD, "scheduler-added", "a scheduler was added: {scheduler-name}", "add scheduler successfully"),
    *_of(PD, "scheduler-removed", "a scheduler was removed: {scheduler-name}", "remove scheduler successfully"),
    *_of(PD, "scheduler-paused", "a scheduler was paused: {scheduler-name}", "pause scheduler successfully"),
    # --- PD: etcd
    *_of(PD, "slow-disk", "writing to its disk took more than a second", "slow fdatasync"),
    *_of(
        PD,
        "etcd-slow",
        "its etcd is slow",
        "leader failed to send out heartbeat on time",
        "apply request took too long",
        "waiting for ReadIndex response took too long",
        "timed out waiting for read index response",
        "kv gets too slow",
        "txn runs too slow",
        "load from etcd meet error",
    ),
    *_of(
        PD,
        "member-unreachable",
        "another PD member cannot be reached",
        "prober detected unhealthy status",
        "peer became inactive",
        "lost TCP streaming connection with remote peer",
        "dropped internal Raft message since sending buffer is full",
        "etcd endpoint is unhealthy",
        "evicted etcd endpoint found",
    ),
    *_of(PD, "member-back", "it hears another PD member", "peer became active", "established TCP streaming connection"),
)
