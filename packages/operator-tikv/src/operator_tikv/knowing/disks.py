"""How stores' disks fail without taking the process with them."""

from __future__ import annotations

from operator_core.actions import RiskClass
from operator_core.knowledge import FailureMode, ModeName, Of

from operator_tikv.knowing.terms import EVICT_LEADERS, REMOVE_STORE, act, breaks, expects, look, step, wait
from operator_tikv.names import STORE
from operator_tikv.rules.latency import APPEND_QUICK, APPLY_QUICK, COMMIT_QUICK, PROPOSE_QUICK
from operator_tikv.rules.space import DISK_SPACE, TAKES_WRITES

DISK_SLOW = FailureMode(
    name=ModeName("disk-slow"),
    title="a store's disk is slow",
    about=STORE,
    summary="Writing the raft log is slow at {it}: every write it leads waits for its disk.",
    mechanism=(
        "Each write waits for the raft log's fsync. A slow disk delays what {it} leads, and leaves its peers behind."
        " Its slow score doubles every 3 s and reaches 100 in 20 to 30 s; then PD moves its leaders away, if no"
        " other store is slow."
    ),
    expects=expects(
        {
            "append-slow-here": 0.93,
            "commit-slow-here": 0.6,
            "slow-score-high": 0.6,
            "store-answers": 0.98,
            "store-refuses": 0.01,
            "store-silent": 0.01,
            "others-complain": 0.03,
            "pd-has-no-heartbeat": 0.05,
            "still-talks-raft": 0.97,
            "space-short": 0.06,
        }
    ),
    path=(
        step("The disk of {it} became slow: a neighbour's I/O, a failing device, a throttled volume."),
        step("Writing the raft log takes long there, and not at the others.", "append-slow-here"),
        step("Its slow score rises.", "slow-score-high"),
        step("Commits that need it take long.", "commit-slow-here"),
    ),
    options=(
        EVICT_LEADERS,
        wait(
            gains="PD moves its leaders away by itself when the slow score reaches 100.",
            costs="Until then every write that {it} leads is slow.",
            unless="latency hurts now, or more than one store is slow: then PD moves none",
        ),
        look(
            "find-neighbour",
            "Look for what else uses the disk of {it}, and at the device's health.",
            gains="Finds the cause.",
            costs="None.",
            unless="the cause is known",
        ),
        REMOVE_STORE,
    ),
    dont=(
        "Do not restart {it}: replaying its log is more I/O on the sick disk.",
        "Do not take it offline at peak: moving its data reads from the sick disk.",
    ),
    tells_apart={
        ModeName("store-pause"): "it answers and talks; only writing is slow",
        ModeName("disk-nearly-full"): "there is room on the disk",
        ModeName("net-latency"): "writing the raft log itself is slow, before anybody else is asked",
    },
    prior=1.5,
    violates=(
        *breaks(APPEND_QUICK, COMMIT_QUICK, APPLY_QUICK, PROPOSE_QUICK),
        *breaks(COMMIT_QUICK, of=Of.OTHERS),  # theirs wait for it where it is needed for the majority
    ),
    source="tikv v8.5.5 components/raftstore/src/store/worker/pd.rs (slow score)",
)

DISK_NEARLY_FULL = FailureMode(
    name=ModeName("disk-nearly-full"),
    title="a store's disk is nearly full",
    about=STORE,
    summary="Less than a fifth of the disk of {it} is left.",
    mechanism=(
        "Below a fifth PD calls the store low on space and moves regions off it, if others have room. At the reserve"
        " (the larger of 5 GiB and 5 %) TiKV rejects writes; at half of that it refuses all proposals. Other files on"
        " the same disk count too, and TiKV's own figures of what it uses do not show them."
    ),
    expects=expects(
        {
            "space-short": 0.98,
            "rejects-for-space": 0.15,
            "store-answers": 0.98,
            "append-slow-here": 0.04,
            "pd-has-no-heartbeat": 0.02,
            "others-complain": 0.02,
            "still-talks-raft": 0.95,
        }
    ),
    path=(
        step("The disk of {it} filled: data, logs, backups or foreign files.", "space-short"),
        step("At the reserve it rejects writes.", "rejects-for-space"),
    ),
    options=(
        look(
            "free-space",
            "Free space on the disk of {it}: old logs, core dumps, backups; never files of TiKV's data directory.",
            gains="Room at once.",
            costs="None, when only foreign files go.",
            unless="the space is TiKV's own data",
        ),
        act(
            "add-store",
            "Add a store, or extend the volume of {it}.",
            RiskClass.MEDIUM,
            gains="Room for good; PD balances by itself.",
            costs="Balance I/O for a while.",
            unless="foreign files fill the disk",
        ),
        wait(
            gains="Nothing is touched; PD moves regions off it if the others have room.",
            costs="At the reserve writes are rejected.",
            unless="the space goes on shrinking",
        ),
    ),
    dont=(
        "Do not delete SST or raft log files.",
        "Do not raise low-space-ratio to silence it.",
        "Do not take another store offline: its data needs room here.",
    ),
    tells_apart={ModeName("disk-slow"): "its disk is quick; there is no room on it"},
    prior=1.0,
    violates=breaks(DISK_SPACE, TAKES_WRITES),
    source="tikv v8.5.5 storage.reserve-space; tikv/pd v8.5.5 pkg/core/store.go (IsLowSpace)",
)

MODES: tuple[FailureMode, ...] = (DISK_SLOW, DISK_NEARLY_FULL)
