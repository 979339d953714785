"""How the network of stores fails without being cut."""

from __future__ import annotations

from operator_core.knowledge import FailureMode, ModeName

from operator_tikv.knowing.terms import EVICT_LEADERS, breaks, expects, look, step, wait
from operator_tikv.names import STORE
from operator_tikv.rules.latency import COMMIT_QUICK, PROPOSE_QUICK

NET_SLOW = FailureMode(
    name=ModeName("net-latency"),
    title="a store's network is slow or loses packets",
    about=STORE,
    summary="Commits are slow at {it} while its disk is quick: what it sends to the others, and hears, takes long.",
    mechanism=(
        "Each write that {it} leads waits for the answer of one follower, so for a round trip; a lost packet costs at"
        " least another 200 ms. Where it only follows, the other follower answers first and nothing is felt. Nobody"
        " holds an election as long as heartbeats come within 10 s."
    ),
    expects=expects(
        {
            "commit-slow-here": 0.93,
            "append-slow-here": 0.03,
            "slow-score-high": 0.02,
            "store-answers": 0.85,
            "store-refuses": 0.01,
            "store-silent": 0.05,
            "scrape-fails": 0.4,
            "others-complain": 0.15,
            "pd-has-no-heartbeat": 0.05,
            "still-talks-raft": 0.97,
        }
    ),
    path=(
        step("Packets to and from {it} take long or get lost: a bad link or card, a full one, a detour."),
        step("Commits of what it leads take long, and not those of the others.", "commit-slow-here"),
        step("Whoever reads its metrics from outside waits long for them.", "scrape-fails"),
    ),
    options=(
        EVICT_LEADERS,
        look(
            "measure-link",
            "Measure round trips and lost packets between {it} and the others, and look at the counters of its card.",
            gains="Tells a slow link from a lossy one, and whose end is sick.",
            costs="A person's time.",
            unless="the cause is known",
        ),
        wait(
            gains="Nothing is moved for what may pass by itself.",
            costs="Every write that {it} leads is slow meanwhile.",
            unless="latency hurts now, or it has lasted for minutes",
        ),
    ),
    dont=(
        "Do not restart {it}: the link is as slow afterwards.",
        "Do not shorten raft's timeouts: slow heartbeats would then be elections.",
    ),
    tells_apart={
        ModeName("disk-slow"): "writing its raft log is quick; only the answers of the others are late",
        ModeName("net-isolate-store"): "it answers, and the others hear it",
    },
    violates=breaks(COMMIT_QUICK, PROPOSE_QUICK),
    source="tikv v8.5.5 components/raftstore/src/store/fsm/peer.rs; Linux tcp(7) (retransmission)",
)

MODES: tuple[FailureMode, ...] = (NET_SLOW,)
"""In the order in which a person would think of them."""
