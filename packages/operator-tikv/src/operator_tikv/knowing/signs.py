"""The signs that readings can show, and how often each is seen where nothing is wrong.

Base rates come from how the signal is made: a door that answers is refused or silent about once in some hundred looks
(a restart, a lost packet), a counter of failures is at rest, a flow is not.
"""

from __future__ import annotations

from operator_core.claims import Comparison
from operator_core.components import CLUSTER_KIND, Kind
from operator_core.knowledge import AllOf, AnyOf, Condition, Of, Quantifier, Sign, SignName, Test, When
from operator_core.readings import Contact, SignalName

from operator_tikv import names as n
from operator_tikv.names import PD, STORE

_ANSWERED = Contact.ANSWERED.value
_DOORS = (n.STORE_STATUS_CONTACT, n.STORE_SERVICE_CONTACT)


def _is(signal: SignalName, word: str, *, of: Of = Of.SELF, how: Quantifier = Quantifier.ALL) -> Test:
    return Test(signal=signal, comparison=Comparison.EQUALS, value=word, of=of, quantifier=how)


def _is_not(signal: SignalName, word: str, *, of: Of = Of.SELF, how: Quantifier = Quantifier.ALL) -> Test:
    return Test(signal=signal, comparison=Comparison.DIFFERS, value=word, of=of, quantifier=how)


def _above(
    signal: SignalName, value: float, *, of: Of = Of.SELF, how: Quantifier = Quantifier.ALL, when: When = When.LATEST
) -> Test:
    return Test(signal=signal, comparison=Comparison.ABOVE, value=value, of=of, quantifier=how, when=when)


def _below(signal: SignalName, value: float, *, of: Of = Of.SELF, how: Quantifier = Quantifier.ALL) -> Test:
    return Test(signal=signal, comparison=Comparison.BELOW, value=value, of=of, quantifier=how)


def _zero(signal: SignalName, *, of: Of = Of.SELF, how: Quantifier = Quantifier.ALL) -> Test:
    return Test(signal=signal, comparison=Comparison.AT_MOST, value=0.0, of=of, quantifier=how)


def _ever_not(signal: SignalName, word: str) -> Test:
    """Whether the cluster's word was another at any time in the window."""
    return Test(
        signal=signal,
        comparison=Comparison.DIFFERS,
        value=word,
        of=Of.CLUSTER,
        quantifier=Quantifier.ANY,
        when=When.EVER,
    )


def _sign(name: str, about: Kind, says: str, says_not: str, condition: Condition, base_rate: float) -> Sign:
    return Sign(
        name=SignName(name), about=about, says=says, says_not=says_not, condition=condition, base_rate=base_rate
    )


def _shut(word: str) -> AllOf:
    """One door says the word and none answers.

    One is enough: who watches is often not let through to the other, and a firewall's word is not the store's.
    """
    return AllOf((AnyOf(tuple(_is(d, word) for d in _DOORS)), *(_is_not(d, _ANSWERED) for d in _DOORS)))


def _alone_above(signal: SignalName, value: float) -> AllOf:
    """High at the store and not at most others: an outlier, not a common load."""
    return AllOf((_above(signal, value), _below(signal, value, of=Of.OTHERS, how=Quantifier.MOST)))


_STORE_SIGNS: tuple[Sign, ...] = (
    _sign(
        "store-refuses",
        STORE,
        "{it} refuses connections and answers at none of its doors",
        "{it} does not refuse connections",
        AllOf((_shut(Contact.REFUSED.value), *(_is_not(d, Contact.SILENT.value) for d in _DOORS))),
        0.002,
    ),
    _sign(
        "store-silent",
        STORE,
        "{it} accepts connections and says nothing",
        "{it} is not silent on an open connection",
        _shut(Contact.SILENT.value),
        0.002,
    ),
    _sign(
        "store-unanswered",
        STORE,
        "connections to {it} are never completed",
        "connections to {it} are completed or refused",
        AllOf(tuple(_is(d, Contact.UNANSWERED.value) for d in _DOORS)),
        0.005,
    ),
    _sign(
        "store-answers",
        STORE,
        "{it} answers at one of its doors",
        "{it} answers at none of its doors",
        AnyOf(tuple(_is(d, _ANSWERED) for d in _DOORS)),
        0.99,
    ),
    _sign(
        "store-away",
        STORE,
        "{it} answers at neither door",
        "{it} answers",
        AllOf(tuple(_is_not(d, _ANSWERED) for d in _DOORS)),
        0.003,
    ),
    _sign(
        "other-stores-answer",
        STORE,
        "most other stores answer us",
        "most other stores do not answer us",
        AnyOf(tuple(_is(d, _ANSWERED, of=Of.OTHERS, how=Quantifier.MOST) for d in _DOORS)),
        0.99,
    ),
    _sign(
        "another-store-away",
        STORE,
        "another store beside {it} does not answer us",
        "every other store answers us",
        AllOf(tuple(_is_not(d, _ANSWERED, of=Of.OTHERS, how=Quantifier.ANY) for d in _DOORS)),
        0.02,
    ),
    _sign(
        "pd-has-no-heartbeat",
        STORE,
        "PD has had no heartbeat of {it} for longer than the 10 s between two",
        "PD hears the heartbeats of {it}",
        AnyOf((_above(n.STORE_HEARTBEAT_AGE, 12.0), _is(n.STORE_STATE, "Disconnected"), _is(n.STORE_STATE, "Down"))),
        0.02,
    ),
    _sign(
        "pd-silent-for-all",
        STORE,
        "PD has heard no other store either",
        "PD hears the other stores",
        _above(n.STORE_HEARTBEAT_AGE, 12.0, of=Of.OTHERS),
        0.01,
    ),
    _sign(
        "others-complain",
        STORE,
        "other stores report {it} as unreachable",
        "no other store reports {it} as unreachable",
        _above(n.STORE_UNREACHABLE_REPORTS, 0.0, of=Of.BY_OTHERS, how=Quantifier.ANY, when=When.LATEST),
        0.02,
    ),
    _sign(
        "raft-silent",
        STORE,
        "other stores receive raft messages from each other and none from {it}",
        "other stores receive raft messages from {it}",
        AllOf(
            (
                _zero(n.STORE_MESSAGES_FROM, of=Of.BY_OTHERS),
                _above(n.STORE_MESSAGES_FROM, 0.0, of=Of.OTHERS, how=Quantifier.ANY),
            )
        ),
        0.02,
    ),
    _sign(
        "still-talks-raft",
        STORE,
        "most other stores still receive raft messages from {it}",
        "most other stores receive no raft messages from {it}",
        _above(n.STORE_MESSAGES_FROM, 0.0, of=Of.BY_OTHERS, how=Quantifier.MOST),
        0.95,
    ),
    _sign(
        "hears-nobody",
        STORE,
        "{it} itself receives raft messages from no other store",
        "{it} itself receives raft messages from other stores",
        _zero(n.STORE_MESSAGES_FROM, of=Of.TO_OTHERS),
        0.03,
    ),
    _sign(
        "complains-of-most",
        STORE,
        "{it} itself reports most other stores as unreachable",
        "{it} itself does not report most other stores as unreachable",
        _above(n.STORE_UNREACHABLE_REPORTS, 0.0, of=Of.TO_OTHERS, how=Quantifier.MOST),
        0.01,
    ),
    _sign(
        "fails-to-reconnect-to-pd",
        STORE,
        "{it} fails to reconnect to PD",
        "{it} does not fail to reconnect to PD",
        _above(n.STORE_PD_RECONNECT_FAILURES, 0.0),
        0.02,
    ),
    _sign(
        "most-fail-to-reconnect-to-pd",
        STORE,
        "most stores fail to reconnect to PD",
        "most stores do not fail to reconnect to PD",
        _above(n.STORE_PD_RECONNECT_FAILURES, 0.0, of=Of.ALL, how=Quantifier.MOST),
        0.005,
    ),
    _sign(
        "leaders-local",
        STORE,
        "{it} says that it leads regions still",
        "{it} says that it leads no region",
        _above(n.STORE_LEADERS_LOCAL, 0.0),
        0.97,
    ),
    _sign(
        "leaders-gone",
        STORE,
        "PD counts no leader on {it} any more",
        "PD still counts leaders on {it}",
        _zero(n.STORE_LEADERS),
        0.05,
    ),
    _sign(
        "writes-time-out",
        STORE,
        "storage requests time out at other stores",
        "storage requests do not time out at other stores",
        _above(n.STORE_ERRORS_TIMEOUT, 0.0, of=Of.OTHERS, how=Quantifier.ANY),
        0.05,
    ),
    _sign(
        "elections-everywhere",
        STORE,
        "other stores keep sending pre-votes",
        "other stores do not send pre-votes",
        _above(n.STORE_PREVOTES, 0.5, of=Of.OTHERS, how=Quantifier.MOST),
        0.02,
    ),
    _sign(
        "started-anew",
        STORE,
        "the process of {it} was started anew",
        "the process of {it} was not started anew",
        Test(signal=n.STORE_START, comparison=Comparison.RISES, value=1.0, when=When.ACROSS),
        0.01,
    ),
    _sign(
        "evict-leader-set",
        STORE,
        "an evict-leader scheduler names {it}",
        "no evict-leader scheduler names {it}",
        _above(n.STORE_EVICTING, 0.5),
        0.02,
    ),
    _sign(
        "scrape-fails",
        STORE,
        "the metrics of {it} cannot be scraped",
        "the metrics of {it} can be scraped",
        _is_not(n.STORE_METRICS_CONTACT, _ANSWERED),
        0.01,
    ),
    _sign(
        "target-not-up",
        STORE,
        "Prometheus has {it} as a target that is not up, or not at all",
        "Prometheus scrapes {it}",
        _is_not(n.STORE_TARGET, "up"),
        0.01,
    ),
    _sign(
        "append-slow-here",
        STORE,
        "writing the raft log is slow at {it} and not at most others",
        "writing the raft log is not slow at {it} alone",
        _alone_above(n.STORE_APPEND_P99, 0.05),
        0.02,
    ),
    _sign(
        "commit-slow-here",
        STORE,
        "committing is slow at {it} and not at most others",
        "committing is not slow at {it} alone",
        _alone_above(n.STORE_COMMIT_P99, 0.1),
        0.03,
    ),
    _sign(
        "slow-score-high",
        STORE,
        "the slow score of {it} is at least 80",
        "the slow score of {it} is below 80",
        Test(signal=n.STORE_SLOW_SCORE, comparison=Comparison.AT_LEAST, value=80.0),
        0.005,
    ),
    _sign(
        "space-short",
        STORE,
        "less than a fifth of the disk of {it} is left",
        "more than a fifth of the disk of {it} is left",
        _below(n.STORE_SPACE_LEFT, 0.2),
        0.05,
    ),
    _sign(
        "rejects-for-space",
        STORE,
        "{it} rejects writes because its disk is full",
        "{it} does not reject writes for want of space",
        _above(n.STORE_ERRORS_DISK_FULL, 0.0),
        0.001,
    ),
)

_PD_SIGNS: tuple[Sign, ...] = (
    _sign("pd-away", PD, "{it} does not answer us", "{it} answers us", _is_not(n.PD_CONTACT, _ANSWERED), 0.005),
    _sign(
        "pd-unhealthy",
        PD,
        "another PD member does not reach {it} either",
        "another PD member reaches {it}",
        _is(n.PD_HEALTH, "unhealthy"),
        0.005,
    ),
    _sign(
        "other-members-answer",
        PD,
        "most other PD members answer us",
        "most other PD members do not answer us",
        _is(n.PD_CONTACT, _ANSWERED, of=Of.OTHERS, how=Quantifier.MOST),
        0.99,
    ),
    _sign(
        "was-leader",
        PD,
        "{it} led PD when it stopped answering",
        "{it} did not lead PD when it stopped answering",
        _is(n.PD_LOST_AS, "leader"),
        0.01,
    ),
)

_CLUSTER_SIGNS: tuple[Sign, ...] = (
    _sign(
        "prometheus-away",
        CLUSTER_KIND,
        "Prometheus does not answer, or its samples are old",
        "Prometheus answers with fresh samples",
        AllOf(
            (
                _is_not(n.PROMETHEUS_CONTACT, _ANSWERED, of=Of.CLUSTER),
                _is_not(n.PROMETHEUS_CONTACT, "none", of=Of.CLUSTER),
            )
        ),
        0.01,
    ),
    _sign(
        "pd-fell-silent",
        CLUSTER_KIND,
        "PD as a whole gave no answer for a time",
        "PD as a whole went on answering",
        _ever_not(n.PD_ANSWER, "answer"),
        0.01,
    ),
    _sign(
        "lost-a-leader",
        CLUSTER_KIND,
        "a PD member that stopped answering led PD until then",
        "no PD member that led has stopped answering",
        _is(n.PD_LOST_AS, "leader", of=Of.ALL, how=Quantifier.ANY),
        0.01,
    ),
    _sign(
        "no-etcd-leader",
        CLUSTER_KIND,
        "PD members that answer see no etcd leader",
        "PD members that answer see an etcd leader",
        _zero(n.PD_HAS_ETCD_LEADER, of=Of.ALL),
        0.005,
    ),
    _sign(
        "no-member-answers",
        CLUSTER_KIND,
        "no PD member answers us",
        "some PD member answers us",
        _is(n.PD_CONTACT, _ANSWERED, of=Of.ALL, how=Quantifier.NONE),
        0.0005,
    ),
    _sign(
        "somebody-answers",
        CLUSTER_KIND,
        "some store or PD member answers us",
        "no store and no PD member answers us",
        AnyOf(
            tuple(
                _is(door, _ANSWERED, of=Of.ALL, how=Quantifier.ANY)
                for door in (n.PD_CONTACT, n.STORE_SERVICE_CONTACT, n.STORE_STATUS_CONTACT)
            )
        ),
        0.998,
    ),
    _sign(
        "stores-answer",
        CLUSTER_KIND,
        "most stores answer us",
        "most stores do not answer us",
        AnyOf(tuple(_is(d, _ANSWERED, of=Of.ALL, how=Quantifier.MOST) for d in _DOORS)),
        0.99,
    ),
    _sign(
        "stores-keep-pd",
        CLUSTER_KIND,
        "PD answers the heartbeats of stores",
        "PD has answered no heartbeat of any store in the last seconds",
        _above(n.STORE_PD_ANSWERS, 0.0, of=Of.ALL, how=Quantifier.ANY),
        0.7,  # few regions beat once a minute, perhaps all at once, and are silent in between
    ),
    _sign(
        "stores-fail-to-reconnect",
        CLUSTER_KIND,
        "most stores fail to reconnect to PD",
        "most stores do not fail to reconnect to PD",
        _above(n.STORE_PD_RECONNECT_FAILURES, 0.0, of=Of.ALL, how=Quantifier.MOST),
        0.005,
    ),
)

SIGNS: tuple[Sign, ...] = _STORE_SIGNS + _PD_SIGNS + _CLUSTER_SIGNS
