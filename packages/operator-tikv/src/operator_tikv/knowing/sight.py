"""How the watching fails while the cluster is well."""

from __future__ import annotations

from operator_core.actions import RiskClass
from operator_core.components import CLUSTER_KIND
from operator_core.knowledge import FailureMode, ModeName, Of, Scope, SignName
from operator_core.sight import LOST_SIGHT, SOURCE_KIND

from operator_tikv.knowing.terms import act, breaks, expects, look, step, wait
from operator_tikv.names import PD, STORE

_SIGHT = breaks(LOST_SIGHT, of=Of.ALL, kind=SOURCE_KIND)
"""Nothing of the cluster is broken by it."""

PROMETHEUS_DOWN = FailureMode(
    name=ModeName("prometheus-down"),
    title="Prometheus is down or stale",
    about=CLUSTER_KIND,
    scope=Scope.CLUSTER,
    summary="Prometheus gives no fresh samples; the cluster itself answers.",
    mechanism=(
        "Without new samples every alert rule is silent, which is not health. PD and the stores do not need Prometheus;"
        " their own answers and metrics ports still tell how they are."
    ),
    expects=expects(
        {
            "prometheus-away": 0.98,
            "pd-fell-silent": 0.02,
            "stores-answer": 0.97,
            "no-member-answers": 0.02,
            "stores-fail-to-reconnect": 0.01,
        }
    ),
    path=(
        step("Prometheus stopped, or stopped scraping.", "prometheus-away"),
        step("PD answers, so this is not the cluster."),
        step("The stores answer too; their metrics are read directly meanwhile.", "stores-answer"),
    ),
    options=(
        act(
            "restart-prometheus",
            "Start Prometheus again, after a look at its disk and its log.",
            RiskClass.LOW,
            gains="Alerts and history work again.",
            costs="None for the cluster.",
            unless="its disk is full: make room first",
        ),
        wait(
            gains="The cluster is watched on by direct scrapes.",
            costs="Alert rules are silent, and history has a gap.",
            unless="nobody is at work on it",
        ),
    ),
    dont=("Do not conclude from absent metrics that stores have failed.", "Do not restart PD or TiKV."),
    tells_apart={
        ModeName("scrape-target-missing"): "all targets are stale here, not one",
        ModeName("observer-cut-off"): "PD and the stores answer us",
    },
    prior=2.0,
    violates=_SIGHT,
    source="prometheus v3 docs, staleness",
)

SCRAPE_TARGET_MISSING = FailureMode(
    name=ModeName("scrape-target-missing"),
    title="a store's metrics cannot be had, and the store is well",
    about=STORE,
    summary="The metrics of {it} cannot be had, while PD and the other stores hear it.",
    mechanism=(
        "The status port is a door of its own: it can hang, be closed off or be misconfigured while raft and clients"
        " are served at the service port."
    ),
    expects=expects(
        {
            "scrape-fails": 0.7,
            "target-not-up": 0.85,
            "store-answers": 0.98,
            "store-refuses": 0.01,
            "store-silent": 0.01,
            "pd-has-no-heartbeat": 0.02,
            "others-complain": 0.02,
            "raft-silent": 0.02,
            "still-talks-raft": 0.97,
            "leaders-gone": 0.05,
        }
    ),
    path=(
        step("The status port of {it} is shut, hangs, or is not a target.", "scrape-fails"),
        step("Its service port answers.", "store-answers"),
        step("The other stores go on hearing it.", "still-talks-raft"),
    ),
    options=(
        look(
            "repair-target",
            "Look at the status port of {it} and at its entry among the scrape targets; repair what is wrong there.",
            gains="Its metrics are seen again.",
            costs="None.",
            unless="it comes back by itself",
        ),
        wait(
            gains="Nothing is touched; the store serves.",
            costs="The latencies and errors of {it} are not seen.",
            unless="nobody is at work on it",
        ),
    ),
    dont=("Do not restart {it} for its metrics.",),
    tells_apart={
        ModeName("store-kill"): "its service port answers",
        ModeName("store-pause"): "a frozen process answers at no door",
        ModeName("prometheus-down"): "only one target is missing",
    },
    prior=1.5,
    violates=_SIGHT,
    source="tikv v8.5.5 src/server/status_server/mod.rs",
)

OBSERVER_CUT_OFF = FailureMode(
    name=ModeName("observer-cut-off"),
    title="we are cut off from PD",
    about=PD,
    scope=Scope.GROUP,
    blames=SignName("pd-away"),
    at_least=2,
    summary="No PD member answers us, but nothing shows that PD has failed: our own path to it is cut.",
    mechanism=(
        "When every way to PD refuses, PD may be down or our path may be. The stores hold connections of their own to"
        " PD: while their heartbeats are answered, PD lives, and the fault is between us and it."
    ),
    expects=expects(
        {
            "pd-away": 0.98,
            "other-members-answer": 0.02,
            "no-member-answers": 0.98,
            "pd-fell-silent": 0.98,
            "lost-a-leader": 0.9,
            "stores-keep-pd": 0.9,
            "stores-fail-to-reconnect": 0.02,
            "stores-answer": 0.7,
            "somebody-answers": 0.8,
        }
    ),
    path=(
        step("Our path to PD was cut (firewall, VPN, DNS, an expired certificate of ours)."),
        step("No PD member answers us.", "no-member-answers"),
        step("PD goes on answering the stores' heartbeats.", "stores-keep-pd"),
    ),
    options=(
        look(
            "repair-our-path",
            "Try PD's client port from a store's host, and repair the path from here.",
            gains="Sight returns; the cluster is not touched.",
            costs="None.",
            unless="PD does not answer there either",
        ),
        wait(
            gains="Nothing is touched.",
            costs="PD is not seen: a real failure of it would go unnoticed.",
            unless="nobody else watches PD",
        ),
    ),
    dont=("Do not restart PD: nothing shows that it has failed.", "Do not report PD as down."),
    tells_apart={
        ModeName("pd-quorum-loss"): "the stores' heartbeats are answered, so PD has a leader",
        ModeName("prometheus-down"): "here PD itself does not answer us",
    },
    prior=1.0,
    violates=_SIGHT,
    source="tikv v8.5.5 components/pd_client/src/metrics.rs",
)

OBSERVER_ISOLATED = FailureMode(
    name=ModeName("observer-isolated"),
    title="we are cut off from the whole cluster",
    about=STORE,
    scope=Scope.GROUP,
    blames=SignName("store-away"),
    at_least=2,
    summary="Nothing of the cluster answers us, neither PD nor any store: most likely it is we who are cut off.",
    mechanism=(
        "Stores and PD members fail one by one; that all of them fall silent within one look is rarely their own doing."
        " A firewall, a VPN, a route or a certificate of ours cuts everything at once."
    ),
    expects=expects(
        {
            "store-away": 0.98,
            "store-answers": 0.02,
            "another-store-away": 0.97,
            "scrape-fails": 0.97,
            "no-member-answers": 0.97,
            "pd-fell-silent": 0.97,
            "lost-a-leader": 0.9,
            "somebody-answers": 0.01,
        }
    ),
    path=(
        step("Our path to the cluster was cut (firewall, VPN, route, DNS)."),
        step("No store and no PD member answers us.", "no-member-answers"),
    ),
    options=(
        look(
            "repair-our-path",
            "Try any of these doors from another host, and repair the path from here.",
            gains="Sight returns; the cluster is not touched.",
            costs="None.",
            unless="nothing answers there either",
        ),
        wait(
            gains="Nothing is touched.",
            costs="The cluster is not seen: a real failure would go unnoticed.",
            unless="nobody else watches the cluster",
        ),
    ),
    dont=("Do not restart anything: nothing shows that it has failed.", "Do not report the cluster as down."),
    tells_apart={
        ModeName("two-stores-down"): "PD members do not answer us either, and they do not fail with the stores",
        ModeName("pd-quorum-loss"): "the stores do not answer us either",
        ModeName("observer-cut-off"): "the stores do not answer us either",
    },
    prior=1.0,
    violates=_SIGHT,
    source="tikv v8.5.5 and tikv/pd v8.5.5: separate processes on separate ports",
)

MODES: tuple[FailureMode, ...] = (PROMETHEUS_DOWN, SCRAPE_TARGET_MISSING, OBSERVER_CUT_OFF, OBSERVER_ISOLATED)
