"""Who must agree before a store or a PD member is called unreachable: the truth tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.components import CLUSTER, Component, ComponentRef
from operator_core.judgements import CheckResult, Verdict
from operator_core.readings import ClusterName, Contact, Observation, Reading, ReadingId, SignalName, Value
from operator_tikv import names as n
from operator_tikv.names import pd_ref, store_ref
from operator_tikv.rules import INVARIANTS
from operator_tikv.rules.pd import judge_member
from operator_tikv.rules.stores import judge_store
from operator_tikv.signals import BY_NAME

NOW = datetime(2026, 1, 1, tzinfo=UTC)
X, A, B = store_ref(4), store_ref(1), store_ref(5)
HOLDS, VIOLATED, UNKNOWN = Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN


@dataclass
class Scene:
    """Readings of three stores and three PD members, healthy unless said otherwise."""

    facts: dict[tuple[SignalName, ComponentRef, ComponentRef | None], Value] = field(
        default_factory=dict[tuple[SignalName, ComponentRef, ComponentRef | None], Value]
    )

    def __post_init__(self) -> None:
        for ref in (A, X, B):
            self.put(n.STORE_STATUS_CONTACT, ref, "answered")
            self.put(n.STORE_SERVICE_CONTACT, ref, "answered")
            self.put(n.STORE_SILENT_FOR, ref, 0.0)
            self.put(n.STORE_SEEN_UP, ref, "us")
            self.put(n.STORE_STATE, ref, "Up")
            self.put(n.STORE_HEARTBEAT_AGE, ref, 4.0)
            self.put(n.STORE_REGIONS, ref, 100.0)
            self.put(n.STORE_EVICTING, ref, 0.0)
            self.put(n.STORE_PD_RECONNECT_FAILURES, ref, 0.0)
            self.put(n.STORE_PD_ANSWERS, ref, 2.0)
            for other in (A, X, B):
                if other != ref:
                    self.put(n.STORE_MESSAGES_FROM, ref, 20.0, other)
        for name in ("pd0", "pd1", "pd2"):
            self.put(n.PD_CONTACT, pd_ref(name), "answered")
            self.put(n.PD_HEALTH, pd_ref(name), "healthy")
            self.put(n.PD_SEEN_UP, pd_ref(name), 1.0)
            self.put(n.PD_SILENT_FOR, pd_ref(name), 0.0)
        self.put(n.PD_MEMBERS_ANSWERING, CLUSTER, 3.0)
        self.put(n.PD_ANSWER, CLUSTER, "answer")
        self.put(n.PD_LEADER, CLUSTER, "pd0")
        self.put(n.PD_LAST_LEADER, CLUSTER, "pd0")
        self.put(n.REPLICAS_MAX, CLUSTER, 3.0)
        self.put(n.CLUSTER_AGE, CLUSTER, 3600.0)

    def put(
        self, signal: SignalName, ref: ComponentRef, value: Value | None, toward: ComponentRef | None = None
    ) -> None:
        if value is None:
            self.facts.pop((signal, ref, toward), None)
        else:
            self.facts[signal, ref, toward] = value

    def doors(self, status: str, service: str, *, silent_for: float = 5.0) -> None:
        self.put(n.STORE_STATUS_CONTACT, X, status)
        self.put(n.STORE_SERVICE_CONTACT, X, service)
        self.put(n.STORE_SILENT_FOR, X, silent_for)

    def apply(self, *witnesses: str) -> None:
        for witness in witnesses:
            match witness:
                case "pd silent":
                    self.put(n.STORE_HEARTBEAT_AGE, X, 14.0)
                case "pd silent for long":
                    self.put(n.STORE_HEARTBEAT_AGE, X, 400.0)
                    self.put(n.STORE_STATE, X, "Disconnected")
                case "pd heard after":
                    self.put(n.STORE_SILENT_FOR, X, 25.0)
                    self.put(n.STORE_HEARTBEAT_AGE, X, 3.0)
                case "others complain":
                    for ref in (A, B):
                        self.put(n.STORE_UNREACHABLE_REPORTS, ref, 2.0, X)
                case "raft silent":
                    for ref in (A, B):
                        self.put(n.STORE_MESSAGES_FROM, ref, 0.0, X)
                case "peers unseen":
                    for ref in (A, B):
                        for other in (A, B, X):
                            self.put(n.STORE_MESSAGES_FROM, ref, None, other)
                case "pd unseen":
                    self.put(n.STORE_STATE, X, None)
                    self.put(n.STORE_HEARTBEAT_AGE, X, None)
                case "new pd leader":
                    self.put(n.PD_LEADER_AGE, CLUSTER, 6.0)
                    self.put(n.STORE_STATE, X, "Disconnected")
                    self.put(n.STORE_HEARTBEAT_AGE, X, 250.0)
                case "drained":
                    self.put(n.STORE_DRAINED, X, 1.0)
                case "slow before":
                    self.put(n.STORE_SLOW_SCORE, X, 100.0)
                case "just started":
                    self.put(n.STORE_PROCESS_START, X, NOW.timestamp() - 10)
                case "evicting":
                    self.put(n.STORE_EVICTING, X, 1.0)
                case "not by us":
                    self.put(n.STORE_SEEN_UP, X, "pd")
                case "nobody answers":
                    for ref in (A, B):
                        self.put(n.STORE_STATUS_CONTACT, ref, "refused")
                        self.put(n.STORE_SERVICE_CONTACT, ref, "refused")
                    for name in ("pd0", "pd1", "pd2"):
                        self.put(n.PD_CONTACT, pd_ref(name), "refused")
                case "never up":
                    self.put(n.STORE_SEEN_UP, X, "nobody")
                case _:
                    raise AssertionError(witness)

    def observation(self) -> Observation:
        return Observation(
            cluster=ClusterName("c"),
            number=1,
            at=NOW,
            components=tuple(Component(ref=r) for r in (pd_ref("pd0"), pd_ref("pd1"), pd_ref("pd2"), A, X, B)),
            readings=tuple(
                Reading(
                    id=ReadingId(f"o1.{i}"),
                    component=ref,
                    signal=signal,
                    value=value,
                    unit=BY_NAME[signal].unit,
                    at=NOW,
                    source="scene",
                    toward=toward,
                )
                for i, ((signal, ref, toward), value) in enumerate(self.facts.items(), 1)
            ),
        )


def store_verdict(status: str, service: str, *witnesses: str, silent_for: float = 5.0) -> CheckResult:
    scene = Scene()
    scene.doors(status, service, silent_for=silent_for)
    scene.apply(*witnesses)
    return judge_store(scene.observation(), X)


@pytest.mark.parametrize(
    ("status", "service", "witnesses", "verdict"),
    [
        # Our look is good: only both others together outweigh it.
        ("answered", "answered", (), HOLDS),
        ("answered", "answered", ("pd silent",), HOLDS),
        ("answered", "answered", ("others complain",), HOLDS),
        ("answered", "answered", ("raft silent",), HOLDS),
        ("answered", "answered", ("pd silent", "raft silent"), VIOLATED),
        ("answered", "answered", ("pd silent", "others complain"), VIOLATED),
        ("answered", "answered", ("new pd leader", "raft silent"), HOLDS),
        # One door: the raft and client port is the one that matters.
        ("silent", "answered", (), HOLDS),
        ("refused", "answered", (), HOLDS),
        ("answered", "silent", (), HOLDS),
        ("answered", "refused", ("peers unseen",), HOLDS),
        ("answered", "refused", ("pd unseen",), UNKNOWN),
        ("answered", "refused", ("pd silent",), UNKNOWN),
        ("answered", "silent", ("others complain",), VIOLATED),
        # Both doors prove it: the host refuses, or accepts and stays silent.
        ("refused", "refused", ("peers unseen",), VIOLATED),
        ("silent", "silent", ("peers unseen",), VIOLATED),
        ("refused", "silent", ("peers unseen",), VIOLATED),
        ("refused", "refused", ("peers unseen", "pd unseen"), VIOLATED),
        ("refused", "refused", ("raft silent", "others complain", "pd silent"), VIOLATED),
        # No proof where the doors never answered us, or where nobody answers us.
        ("refused", "refused", ("peers unseen", "not by us"), UNKNOWN),
        ("refused", "refused", ("peers unseen", "not by us", "pd silent"), VIOLATED),
        ("refused", "refused", ("peers unseen", "nobody answers"), UNKNOWN),
        ("silent", "silent", ("peers unseen", "nobody answers", "pd silent"), VIOLATED),
        # A proof is outweighed by those who heard it after we lost it.
        ("refused", "refused", (), UNKNOWN),
        ("silent", "silent", ("pd heard after",), HOLDS),
        ("silent", "silent", ("peers unseen", "pd heard after"), UNKNOWN),
        # No proof: somebody else must agree.
        ("unanswered", "unanswered", ("peers unseen",), UNKNOWN),
        ("unanswered", "unanswered", ("peers unseen", "pd unseen"), UNKNOWN),
        ("unanswered", "unanswered", (), UNKNOWN),
        ("unanswered", "unanswered", ("pd heard after",), HOLDS),
        ("unanswered", "unanswered", ("raft silent",), VIOLATED),
        ("unanswered", "unanswered", ("raft silent", "pd unseen"), VIOLATED),
        ("unanswered", "unanswered", ("peers unseen", "pd silent"), VIOLATED),
        ("unanswered", "unanswered", ("others complain",), VIOLATED),
        ("unanswered", "refused", ("peers unseen",), UNKNOWN),
        ("unanswered", "unanswered", ("peers unseen", "new pd leader"), UNKNOWN),
        # What is planned, or was never there.
        ("refused", "refused", ("raft silent", "evicting"), UNKNOWN),
        ("refused", "refused", ("raft silent", "drained"), UNKNOWN),
        ("refused", "refused", ("raft silent", "drained", "slow before"), VIOLATED),
        ("answered", "answered", ("pd silent", "raft silent", "just started"), UNKNOWN),
        ("refused", "refused", ("raft silent", "never up"), UNKNOWN),
    ],
)
def test_a_store_is_unreachable_only_when_two_witnesses_agree(
    status: str, service: str, witnesses: tuple[str, ...], verdict: Verdict
) -> None:
    result = store_verdict(status, service, *witnesses)
    assert result.verdict is verdict, result.because


def test_an_orderly_stop_is_not_excused_for_ever() -> None:
    assert (
        store_verdict("refused", "refused", "raft silent", "pd silent for long", "drained", silent_for=299.0).verdict
        is UNKNOWN
    )
    assert (
        store_verdict("refused", "refused", "raft silent", "pd silent for long", "drained", silent_for=301.0).verdict
        is VIOLATED
    )


def test_a_planned_absence_ends() -> None:
    witnesses = ("pd silent for long", "raft silent", "evicting")
    assert store_verdict("refused", "refused", *witnesses, silent_for=299).verdict is UNKNOWN
    assert store_verdict("refused", "refused", *witnesses, silent_for=301).verdict is VIOLATED


def test_two_looks_with_a_second_witness_leave_nothing_to_wait_for() -> None:
    first = store_verdict("unanswered", "unanswered", "others complain", silent_for=2.0)
    second = store_verdict("unanswered", "unanswered", "others complain", silent_for=7.0)
    assert (first.grace, second.grace) == (None, NOW - NOW)


def test_silence_among_all_is_no_silence_of_one() -> None:
    scene = Scene()
    scene.doors("unanswered", "unanswered")
    for (signal, ref, toward), _ in list(scene.facts.items()):
        if signal == n.STORE_MESSAGES_FROM:
            scene.put(signal, ref, 0.0, toward)
    assert judge_store(scene.observation(), X).verdict is UNKNOWN, "an idle cluster hibernates"


@given(
    status=st.sampled_from([c.value for c in Contact]),
    service=st.sampled_from([c.value for c in Contact]),
    witnesses=st.sets(
        st.sampled_from(["pd silent", "others complain", "raft silent", "peers unseen", "pd unseen", "new pd leader"])
    ),
    silent_for=st.floats(0, 100),
)
def test_one_bad_look_that_proves_nothing_is_never_a_violation(
    status: str, service: str, witnesses: set[str], silent_for: float
) -> None:
    agreeing = witnesses & {"pd silent", "others complain", "raft silent"}
    result = store_verdict(status, service, *sorted(witnesses), silent_for=silent_for)
    proof = {status, service} <= {"refused", "silent"}
    if not agreeing and not proof and "new pd leader" not in witnesses:
        assert result.verdict is not VIOLATED
    if result.verdict is not HOLDS or result.because.count("answers ("):
        assert result.readings, "a verdict rests on something"


def member_verdict(
    contact: str,
    *,
    health: str | None,
    others: str = "answered",
    stores: str = "nothing",
    silent_for: float = 20.0,
    seen_up: float = 1.0,
) -> CheckResult:
    scene = Scene()
    scene.put(n.PD_CONTACT, pd_ref("pd1"), contact)
    scene.put(n.PD_HEALTH, pd_ref("pd1"), health)
    scene.put(n.PD_SILENT_FOR, pd_ref("pd1"), silent_for)
    scene.put(n.PD_SEEN_UP, pd_ref("pd1"), seen_up)
    if seen_up == 0:
        scene.put(n.CLUSTER_AGE, CLUSTER, 20.0)
    for name in ("pd0", "pd2"):
        scene.put(n.PD_CONTACT, pd_ref(name), others)
    answering = 2.0 * (others == "answered") + (contact == "answered")
    scene.put(n.PD_MEMBERS_ANSWERING, CLUSTER, answering)
    for ref in (A, X, B):
        match stores:
            case "lose pd":
                scene.put(n.STORE_PD_RECONNECT_FAILURES, ref, 1.0)
                scene.put(n.STORE_PD_ANSWERS, ref, 0.0)
            case "keep pd":
                scene.put(n.STORE_PD_ANSWERS, ref, 2.0)
            case _:
                scene.put(n.STORE_PD_RECONNECT_FAILURES, ref, None)
                scene.put(n.STORE_PD_ANSWERS, ref, None)
    return judge_member(scene.observation(), pd_ref("pd1"))


@pytest.mark.parametrize(
    ("contact", "health", "others", "stores", "verdict"),
    [
        ("answered", "healthy", "answered", "nothing", HOLDS),
        ("answered", "unhealthy", "answered", "nothing", HOLDS),
        ("refused", "unhealthy", "answered", "nothing", VIOLATED),
        ("silent", "unhealthy", "answered", "nothing", VIOLATED),
        ("unanswered", "unhealthy", "answered", "nothing", VIOLATED),
        ("refused", None, "answered", "nothing", VIOLATED),
        ("silent", None, "answered", "nothing", VIOLATED),
        ("unanswered", None, "answered", "nothing", UNKNOWN),
        ("refused", "healthy", "answered", "nothing", UNKNOWN),
        ("unanswered", "healthy", "answered", "nothing", UNKNOWN),
        ("garbled", "healthy", "answered", "nothing", UNKNOWN),
        ("refused", None, "refused", "nothing", UNKNOWN),
        ("refused", None, "refused", "lose pd", VIOLATED),
        ("refused", None, "refused", "keep pd", UNKNOWN),
        ("unanswered", None, "unanswered", "lose pd", VIOLATED),
        ("unanswered", None, "unanswered", "keep pd", UNKNOWN),
    ],
)
def test_a_pd_member_is_unreachable_only_when_two_witnesses_agree(
    contact: str, health: str | None, others: str, stores: str, verdict: Verdict
) -> None:
    result = member_verdict(contact, health=health, others=others, stores=stores)
    assert result.verdict is verdict, result.because


def test_a_cluster_that_is_being_started_has_no_lost_members() -> None:
    assert member_verdict("refused", health="unhealthy", seen_up=0.0).verdict is UNKNOWN


def test_the_healthy_scene_holds_everywhere() -> None:
    found = {j.key.invariant for i in INVARIANTS for j in i.judge(Scene().observation()) if j.verdict is VIOLATED}
    assert found == set()


def test_nothing_seen_is_unknown_and_never_healthy() -> None:
    blind = Observation(cluster=ClusterName("c"), number=1, at=NOW, components=Scene().observation().components)
    verdicts = {j.verdict for i in INVARIANTS for j in i.judge(blind)}
    assert verdicts == {UNKNOWN}
