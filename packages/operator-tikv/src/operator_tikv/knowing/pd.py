"""How PD fails.

One fact is one sign: that a member is away, that the others are, that PD as a whole was silent and who led are told
apart, and each is expected by every mode that it could be mistaken for, so that none gains by counting twice.
"""

from __future__ import annotations

from operator_core.actions import RiskClass
from operator_core.knowledge import FailureMode, ModeName, Of, Scope, SignName

from operator_tikv.knowing.terms import START_MEMBER, act, breaks, expects, step, wait
from operator_tikv.names import PD
from operator_tikv.rules.pd import PD_HAS_LEADER, PD_HAS_QUORUM, PD_MEMBER_REACHABLE

FOLLOWER_LOSS = ModeName("pd-follower-loss")
LEADER_LOSS = ModeName("pd-leader-loss")
QUORUM_LOSS = ModeName("pd-quorum-loss")

_SOURCE = "tikv/pd v8.5.5 server/server.go, pkg/member; etcd v3.5.15 server/lease (Promote)"
_KEEP_MEMBER = "Do not delete the member while only two of three are left: one more loss would end PD's quorum."

_LEADERLESS = (*breaks(PD_HAS_LEADER), *breaks(PD_HAS_LEADER, of=Of.CLUSTER))
"""The leader is missed where it was last, or in the whole when nobody saw who led.

That no store is heard meanwhile is not judged (:mod:`operator_tikv.rules.heard`): a store that PD does not hear is one
that it does not hear while it hears others.
"""

PD_FOLLOWER_LOSS = FailureMode(
    name=FOLLOWER_LOSS,
    title="a PD follower is gone",
    about=PD,
    summary="{it}, a PD follower, does not answer; PD works on with one member less.",
    mechanism=(
        "Only the leader serves; followers vote and keep copies. Nothing is slower without one, but PD can lose no"
        " further member of three without losing its quorum."
    ),
    expects=expects(
        {
            "pd-away": 0.97,
            "pd-unhealthy": 0.95,
            "other-members-answer": 0.99,
            "was-leader": 0.02,
            "pd-fell-silent": 0.03,
            "stores-fail-to-reconnect": 0.05,
        }
    ),
    path=(
        step("{it} stopped answering while it followed.", "pd-away"),
        step("The other members do not reach it either.", "pd-unhealthy"),
        step("PD goes on with its leader and its quorum.", "other-members-answer"),
    ),
    options=(
        START_MEMBER,
        wait(
            gains="Nothing is touched; nobody notices.",
            costs="One more member lost, and PD has no quorum.",
            unless="it does not come back by itself",
        ),
    ),
    dont=(_KEEP_MEMBER, "Do not restart another PD member now."),
    tells_apart={
        LEADER_LOSS: "PD as a whole went on answering; without its leader it would have been silent for 11 to 15 s",
        QUORUM_LOSS: "the other members answer, and one of them leads",
    },
    prior=2.0,
    violates=breaks(PD_MEMBER_REACHABLE),
    source=_SOURCE,
)

PD_LEADER_LOSS = FailureMode(
    name=LEADER_LOSS,
    title="the PD leader is gone",
    about=PD,
    summary="{it} led PD and stopped answering; until another leads, there are no timestamps and no scheduling.",
    mechanism=(
        "The other members elect an etcd leader after 3 to 6 s; then the dead leader's key must expire, 8 s more, and"
        " the new PD leader loads its regions: 11 to 15 s without timestamps, scheduling and API. Reads and writes that"
        " need no new timestamp go on. The new leader knows the stores' figures only after their next heartbeats."
    ),
    expects=expects(
        {
            "pd-away": 0.95,
            "pd-unhealthy": 0.85,
            "other-members-answer": 0.99,
            "was-leader": 0.95,
            "pd-fell-silent": 0.95,
            "stores-fail-to-reconnect": 0.4,
        }
    ),
    path=(
        step("{it}, the PD leader, stopped without handing over.", "was-leader"),
        step("PD as a whole gave no answer.", "pd-fell-silent"),
        step("The other members do not reach it either.", "pd-unhealthy"),
        step("Another member takes over after 11 to 15 s."),
    ),
    options=(
        START_MEMBER,
        wait(
            gains="Nothing is touched; another member takes over by itself within 11 to 15 s.",
            costs="PD stays one member short: one more lost, and it has no quorum.",
            unless="the member does not come back by itself",
        ),
    ),
    dont=(
        _KEEP_MEMBER,
        "Do not restart TiKV: stores find the new leader by themselves.",
        "Do not judge stores by PD in the first 15 s of a new leader: their figures are old.",
    ),
    tells_apart={
        FOLLOWER_LOSS: "it led when it stopped, and PD as a whole was silent for a time",
        QUORUM_LOSS: "most members answer, and a new leader comes within 15 s",
    },
    prior=1.0,
    violates=(*breaks(PD_MEMBER_REACHABLE), *_LEADERLESS),
    source=_SOURCE,
)

PD_QUORUM_LOSS = FailureMode(
    name=QUORUM_LOSS,
    title="PD has lost its quorum",
    about=PD,
    scope=Scope.GROUP,
    blames=SignName("pd-away"),
    at_least=2,
    summary="{it} are down: PD has no quorum, hence no leader, no timestamps and no scheduling.",
    mechanism=(
        "etcd needs a majority of PD's members to elect a leader. Without one PD answers only what a member knows by"
        " itself. Transactions stop at once for want of timestamps; raw reads and writes go on until clients need a"
        " region they do not know. Stores talk raft as before, and cannot reach PD."
    ),
    expects=expects(
        {
            "pd-away": 0.97,
            "other-members-answer": 0.05,
            "lost-a-leader": 0.7,
            "pd-fell-silent": 0.98,
            "no-member-answers": 0.4,
            "no-etcd-leader": 0.9,
            "somebody-answers": 0.97,
            "stores-fail-to-reconnect": 0.93,
            "stores-keep-pd": 0.05,
        }
    ),
    path=(
        step("{it} went away together, or the second before the first was back.", "pd-away"),
        step("The rest cannot elect an etcd leader.", "no-etcd-leader"),
        step("PD as a whole gives no answer.", "pd-fell-silent"),
        step("The stores fail to reconnect to PD.", "stores-fail-to-reconnect"),
    ),
    options=(
        act(
            "start-pd-members",
            "Start {it} again, with their data directories as they are: a majority is enough.",
            RiskClass.LOW,
            gains="PD elects a leader within seconds, and timestamps flow again.",
            costs="None.",
            unless="their disks are surely lost",
        ),
        wait(
            gains="Nothing is touched; raw reads and writes go on for a while.",
            costs="No transactions, no scheduling, no repair of regions for as long as it lasts.",
            unless="there is an outage: one start ends it",
        ),
        act(
            "pd-recover",
            "Let an expert rebuild PD with pd-recover.",
            RiskClass.HUMAN_ONLY,
            gains="PD runs again though the data of a majority is lost.",
            costs="A wrong cluster id or allocated id damages the cluster for good.",
            unless="the data directory of a majority can be had",
            takes_away=True,
        ),
    ),
    dont=(
        "Do not start PD with empty data: that is a new cluster, and TiKV refuses it.",
        "Do not restart or remove TiKV stores: they serve what can be served.",
        "Do not use force-new-cluster lightly.",
    ),
    tells_apart={
        LEADER_LOSS: "after the loss of a leader alone another leads within 15 s",
        ModeName("observer-cut-off"): "the stores fail to reconnect to PD too; if only we were cut off, they would not",
        ModeName("net-store-pd"): "all stores lose PD, not one",
    },
    prior=0.3,
    violates=(
        *breaks(PD_MEMBER_REACHABLE),
        *breaks(PD_MEMBER_REACHABLE, PD_HAS_LEADER, of=Of.OTHERS),
        *breaks(PD_HAS_QUORUM, of=Of.CLUSTER),
        *_LEADERLESS,
    ),
    source=_SOURCE,
)

MODES: tuple[FailureMode, ...] = (PD_FOLLOWER_LOSS, PD_LEADER_LOSS, PD_QUORUM_LOSS)
