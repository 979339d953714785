"""How stores fail: their processes and their network.

Probabilities follow from the mechanism: what the kernel and raft do at once is a must, what needs an election
(10 to 20 s), a gRPC keepalive (13 s) or PD's own timers is a may when a ticket is seconds old.
"""

from __future__ import annotations

from operator_core.actions import RiskClass
from operator_core.knowledge import FailureMode, ModeName, Of, Scope, SignName

from operator_tikv.knowing.terms import (
    LONGER_DOWN_TIME,
    REMOVE_STORE,
    START_STORE,
    act,
    breaks,
    expects,
    look,
    step,
    wait,
)
from operator_tikv.names import STORE
from operator_tikv.rules.heard import STORE_HEARD_BY_PD
from operator_tikv.rules.latency import COMMIT_QUICK, PROPOSE_QUICK
from operator_tikv.rules.regions import RAFT_QUORUM, REGIONS_LED, REGIONS_REPLICATED
from operator_tikv.rules.stores import STORE_REACHABLE

KILL = ModeName("store-kill")
PAUSE = ModeName("store-pause")
ISOLATE = ModeName("net-isolate-store")
STORE_PD = ModeName("net-store-pd")
TWO_DOWN = ModeName("two-stores-down")

_OF_A_LOST_STORE = (
    *breaks(STORE_REACHABLE, STORE_HEARD_BY_PD),
    *breaks(REGIONS_LED, REGIONS_REPLICATED, RAFT_QUORUM, of=Of.CLUSTER),
    *breaks(COMMIT_QUICK, PROPOSE_QUICK, of=Of.OTHERS),
)
"""Its regions have no leader for a while, one peer too few from then on, which PD tells after ten minutes, and with
another store lost no majority; the others take over what it led, and each commit needs the slower of those left.
Writing the log and applying it are each store's own affair: slow there, they have a cause there.
"""

_NEVER_FORCE = "Do not remove {it} with ?force while its disk may still be good: it could never come back."
_NO_SECOND = "Do not stop or restart another store now: two of a region's three peers would be gone."

STORE_KILL = FailureMode(
    name=KILL,
    title="a store's process is gone",
    about=STORE,
    summary="The process of {it} has died: its host refuses connections.",
    mechanism=(
        "The kernel closes the process's connections at once, and refuses new ones. Regions led by {it} have no leader"
        " until a follower times out, 10 to 20 s; regions that merely have a peer there lose redundancy only. PD calls"
        " it Disconnected after 20 s and Down after 30 min, and only then repairs elsewhere."
    ),
    expects=expects(
        {
            "store-refuses": 0.9,
            "store-silent": 0.02,
            "store-unanswered": 0.06,
            "store-answers": 0.01,
            "scrape-fails": 0.97,
            "others-complain": 0.9,
            "raft-silent": 0.85,
            "still-talks-raft": 0.05,
            "pd-has-no-heartbeat": 0.7,
            "leaders-gone": 0.4,
            "other-stores-answer": 0.95,
            "another-store-away": 0.02,
            "evict-leader-set": 0.02,
        }
    ),
    path=(
        step("The process of {it} ended without leaving its regions first."),
        step("Its host refuses connections.", "store-refuses"),
        step("The other stores cannot deliver raft messages to it.", "others-complain"),
        step("Its heartbeats to PD stop.", "pd-has-no-heartbeat"),
        step("Followers elect new leaders for its regions within 10 to 20 s.", "leaders-gone"),
    ),
    options=(
        START_STORE,
        wait(
            gains="Nothing is touched; with its supervisor it may start by itself.",
            costs="One more failure costs a quorum. After 30 min PD begins to copy its data.",
            unless="nobody and nothing is starting it: a start is cheap and safe",
        ),
        LONGER_DOWN_TIME,
        REMOVE_STORE,
    ),
    dont=(_NO_SECOND, _NEVER_FORCE, "Do not start it with an emptied data directory under the same address."),
    tells_apart={
        PAUSE: "a paused process still has its connections accepted by the kernel; here they are refused",
        ISOLATE: "a cut network swallows connections; here the host itself refuses them",
        STORE_PD: "with only PD cut off, the other stores would go on talking to it",
        TWO_DOWN: "here every other store answers",
    },
    prior=2.0,
    violates=_OF_A_LOST_STORE,
    source="tikv v8.5.5 components/raftstore/src/store; tikv/pd v8.5.5 pkg/core/store.go",
)

STORE_PAUSE = FailureMode(
    name=PAUSE,
    title="a store's process is frozen",
    about=STORE,
    summary="The process of {it} is frozen: connections are accepted, and nothing answers.",
    mechanism=(
        "A frozen process keeps its sockets; the kernel accepts connections for it, and nobody reads them. The other"
        " stores notice when gRPC's keepalive gives up, after about 13 s, and elect leaders for its regions after 10 to"
        " 20 s. When it goes on it steps down by itself; its leases are long over, so it serves no stale reads."
    ),
    expects=expects(
        {
            "store-refuses": 0.01,
            "store-silent": 0.93,
            "store-unanswered": 0.06,
            "store-answers": 0.01,
            "scrape-fails": 0.97,
            "others-complain": 0.6,
            "raft-silent": 0.85,
            "still-talks-raft": 0.05,
            "pd-has-no-heartbeat": 0.7,
            "leaders-gone": 0.4,
            "other-stores-answer": 0.95,
            "another-store-away": 0.02,
            "evict-leader-set": 0.02,
            "started-anew": 0.01,
        }
    ),
    path=(
        step("The process of {it} was stopped in its tracks (SIGSTOP, a frozen cgroup, a stalled VM)."),
        step("The kernel accepts connections for it, and nothing answers.", "store-silent"),
        step("No raft message leaves it.", "raft-silent"),
        step("Its heartbeats to PD stop.", "pd-has-no-heartbeat"),
        step("Followers elect new leaders for its regions within 10 to 20 s.", "leaders-gone"),
    ),
    options=(
        act(
            "resume-store",
            "Let the process of {it} go on (SIGCONT, unpause the container, resume the VM).",
            RiskClass.LOW,
            gains="It rejoins within seconds, with its data and its process as they were.",
            costs="None; it steps down from what it led.",
            unless="nobody knows what froze it, or it freezes again",
        ),
        wait(
            gains="Nothing is touched; a VM migration or a snapshot of the host ends by itself.",
            costs="One more failure costs a quorum. It holds its lock file and port meanwhile.",
            unless="it has been frozen for more than a minute or two",
        ),
        act(
            "kill-and-start-store",
            "Kill the process of {it} with SIGKILL and start it again.",
            RiskClass.MEDIUM,
            gains="It comes back even when what froze it cannot be undone.",
            costs="A start replays its raft log.",
            unless="it can simply be resumed",
            takes_away=True,
        ),
    ),
    dont=(_NO_SECOND, "Do not delete its data: nothing is wrong with it."),
    tells_apart={
        KILL: "a dead process's host refuses connections; here they are accepted",
        ISOLATE: "a cut network does not complete a connection; here the handshake succeeds",
        STORE_PD: "with only PD cut off, it would answer us and the other stores",
    },
    prior=0.7,
    violates=_OF_A_LOST_STORE,
    source="tikv v8.5.5 src/server/raft_client.rs, server.grpc-keepalive-timeout",
)

NET_ISOLATE_STORE = FailureMode(
    name=ISOLATE,
    title="a store is cut off from everything",
    about=STORE,
    summary="The network of {it} is cut: neither PD nor the other stores hear it.",
    mechanism=(
        "{it} lives on alone. Its leaders hear no quorum and step down after 10 s; the other stores elect after 10 to"
        " 20 s. Its lease ends before that, so it serves no stale reads. When the cut heals it rejoins by the higher"
        " term; pre-vote keeps it from disturbing anybody."
    ),
    expects=expects(
        {
            "store-refuses": 0.02,
            "store-silent": 0.15,
            "store-unanswered": 0.8,
            "store-answers": 0.1,
            "scrape-fails": 0.88,
            "others-complain": 0.7,
            "raft-silent": 0.85,
            "still-talks-raft": 0.05,
            "pd-has-no-heartbeat": 0.7,
            "hears-nobody": 0.9,
            "complains-of-most": 0.6,
            "leaders-gone": 0.4,
            "other-stores-answer": 0.95,
            "another-store-away": 0.02,
            "evict-leader-set": 0.02,
            "started-anew": 0.01,
        }
    ),
    path=(
        step("The network of {it} was cut in both directions."),
        step("Connections to it are never completed.", "store-unanswered"),
        step("The other stores receive no raft messages from it, though they do from each other.", "raft-silent"),
        step("Its heartbeats to PD stop.", "pd-has-no-heartbeat"),
        step("It steps down after 10 s without a quorum; the others elect within 20 s.", "leaders-gone"),
    ),
    options=(
        look(
            "repair-network",
            "Find and repair the cut: link, switch port, firewall rule, security group of the host of {it}.",
            gains="It rejoins by itself within seconds, with its data.",
            costs="None for the cluster.",
            unless="the host is gone for good",
        ),
        wait(
            gains="Nothing is touched; regions are served by the other stores.",
            costs="One more failure costs a quorum. After 30 min PD begins to copy its data.",
            unless="nobody is at work on the network",
        ),
        LONGER_DOWN_TIME,
        REMOVE_STORE,
    ),
    dont=(
        _NO_SECOND,
        "Do not restart {it}: its process is well, and a restart does not mend a network.",
        _NEVER_FORCE,
    ),
    tells_apart={
        KILL: "a dead process's host refuses connections; here nothing comes back at all",
        PAUSE: "a frozen process completes the handshake; here connections are not completed",
        STORE_PD: "with only PD cut off, the other stores would hear it",
    },
    prior=1.0,
    violates=_OF_A_LOST_STORE,
    source="raft-rs check_quorum; tikv v8.5.5 raftstore.raft-store-max-leader-lease",
)

NET_STORE_PD = FailureMode(
    name=STORE_PD,
    title="the path between a store and PD is cut",
    about=STORE,
    summary="{it} serves and talks raft, but PD does not hear it.",
    mechanism=(
        "Raft and clients do not need PD from one moment to the next, so {it} serves on and keeps its leaders. PD's"
        " heartbeats from it stop: PD says Disconnected after 20 s and keeps the last leader counts it was told. It"
        " replaces nothing, because the leaders elsewhere still hear its peers."
    ),
    expects=expects(
        {
            "store-refuses": 0.01,
            "store-silent": 0.01,
            "store-unanswered": 0.01,
            "store-answers": 0.97,
            "scrape-fails": 0.02,
            "others-complain": 0.03,
            "raft-silent": 0.03,
            "still-talks-raft": 0.95,
            "hears-nobody": 0.03,
            "pd-has-no-heartbeat": 0.97,
            "pd-silent-for-all": 0.03,
            "fails-to-reconnect-to-pd": 0.8,
            "most-fail-to-reconnect-to-pd": 0.03,
            "leaders-local": 0.97,
            "leaders-gone": 0.04,
        }
    ),
    path=(
        step("The path between {it} and PD was cut (firewall, DNS, an expired certificate)."),
        step("Its heartbeats do not reach PD.", "pd-has-no-heartbeat"),
        step("It tries to reconnect to PD, and fails.", "fails-to-reconnect-to-pd"),
        step("The other stores go on hearing it.", "still-talks-raft"),
        step("It keeps its leaders and serves.", "leaders-local"),
    ),
    options=(
        look(
            "repair-path-to-pd",
            "Find and repair the path from {it} to PD's client port: firewall, DNS, TLS.",
            gains="PD schedules {it} again within 10 s.",
            costs="None for the cluster.",
            unless="the path cannot be repaired today",
        ),
        wait(
            gains="Nothing is touched; clients are served.",
            costs="{it} cannot split regions or obey PD; after 30 min PD calls it Down.",
            unless="the cut lasts: PD's balance goes wrong by and by",
        ),
        LONGER_DOWN_TIME,
    ),
    dont=(
        "Do not restart or remove {it} because PD says Disconnected: it serves, and a restart would need PD.",
        "Do not restart PD.",
    ),
    tells_apart={
        KILL: "a dead store answers nobody; this one answers us and the other stores",
        PAUSE: "a frozen store answers nobody; this one does",
        ISOLATE: "here the other stores still receive its raft messages",
        ModeName("pd-quorum-loss"): "PD itself is well: it hears the other stores",
    },
    prior=0.7,
    violates=breaks(STORE_HEARD_BY_PD),
    source="tikv v8.5.5 components/pd_client; tikv/pd v8.5.5 pkg/core/store.go",
)

TWO_STORES_DOWN = FailureMode(
    name=TWO_DOWN,
    title="two or more stores are down: regions have lost their majority",
    about=STORE,
    scope=Scope.GROUP,
    blames=SignName("store-away"),
    at_least=2,
    summary="{it} are down together: regions with two of their three peers there cannot be read or written.",
    mechanism=(
        "A region needs a majority of its peers. With two of three gone no election can finish; the surviving leader"
        " steps down within 10 s. Requests time out until one of the dead stores is back with its data; then the"
        " regions recover by themselves within 10 to 20 s. PD keeps showing the dead stores' last leader counts."
    ),
    expects=expects(
        {
            "store-away": 0.97,
            "store-answers": 0.02,
            "another-store-away": 0.97,
            "scrape-fails": 0.95,
            "others-complain": 0.85,
            "raft-silent": 0.4,
            "pd-has-no-heartbeat": 0.7,
            "leaders-gone": 0.1,
            "writes-time-out": 0.7,
            "elections-everywhere": 0.7,
            "still-talks-raft": 0.05,
            "somebody-answers": 0.97,
        }
    ),
    path=(
        step("{it} went away together, or the second before the first was back."),
        step("They do not answer.", "store-away"),
        step("Surviving stores try elections that cannot finish.", "elections-everywhere"),
        step("Requests to regions without majority time out.", "writes-time-out"),
        step("PD hears no new leader for these regions: the dead stores' leader counts stay."),
    ),
    options=(
        act(
            "start-one-store",
            "Start any one of {it} again, with its data: one is enough to restore service.",
            RiskClass.LOW,
            gains="Every region has its majority again; service is back within 10 to 20 s.",
            costs="Some I/O while it catches up.",
            unless="both disks are surely lost",
        ),
        wait(
            gains="Nothing is touched.",
            costs="Regions without majority stay unavailable, for as long as the stores are away.",
            unless="there is an outage: one start ends it",
        ),
        act(
            "unsafe-recovery",
            "Let an expert run unsafe recovery (remove-failed-stores).",
            RiskClass.HUMAN_ONLY,
            gains="Regions become available from a single surviving peer.",
            costs="The newest writes are lost, and consistency may be; the failed stores must never return.",
            unless="any of the stores can come back with its data",
            takes_away=True,
        ),
    ),
    dont=(
        "Do not remove or offline stores through PD: moving peers needs the majority that is lost.",
        "Do not restart the surviving stores.",
        "Do not wipe any data directory: it may hold the only other copy.",
    ),
    tells_apart={
        KILL: "one store alone leaves every region its majority, and leaders come back within 20 s",
        ModeName("observer-cut-off"): "the stores that live on complain of them too",
    },
    prior=0.3,
    violates=(*_OF_A_LOST_STORE, *breaks(STORE_REACHABLE, of=Of.OTHERS)),
    source="raft-rs; tikv/pd v8.5.5 pkg/unsaferecovery",
)

MODES: tuple[FailureMode, ...] = (STORE_KILL, STORE_PAUSE, NET_ISOLATE_STORE, NET_STORE_PD, TWO_STORES_DOWN)
