"""Who must agree before a store or a PD member is called unreachable: the truth tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.components import CLUSTER, Component, ComponentRef
from operator_core.judgements import CheckResult, Judgement, Severity, Verdict, judge
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
    members: tuple[str, ...] = ("pd0", "pd1", "pd2")

    def __post_init__(self) -> None:
        for ref in (A, X, B):
            self.put(n.STORE_STATUS_CONTACT, ref, "answered")
            self.put(n.STORE_SERVICE_CONTACT, ref, "answered")
            self.put(n.STORE_SILENT_FOR, ref, 0.0)
            self.put(n.STORE_HEARD_AGO, ref, 0.0)
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
        for name in self.members:
            self.put(n.PD_CONTACT, pd_ref(name), "answered")
            self.put(n.PD_HEALTH, pd_ref(name), "healthy")
            self.put(n.PD_HEARD_AGO, pd_ref(name), 0.0)
            self.put(n.PD_SILENT_FOR, pd_ref(name), 0.0)
        self.put(n.PD_MEMBERS_ANSWERING, CLUSTER, float(len(self.members)))
        self.put(n.PD_ANSWER, CLUSTER, "answer")
        self.put(n.PD_LEADER, CLUSTER, "pd0")
        self.put(n.PD_LAST_LEADER, CLUSTER, "pd0")
        self.put(n.REPLICAS_MAX, CLUSTER, 3.0)
        self.put(n.CLUSTER_AGE, CLUSTER, 3600.0)
        self.put(n.WATCHED_FOR, CLUSTER, 600.0)

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
        self.put(n.STORE_HEARD_AGO, X, silent_for + 4.0)

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
                    self.put(n.STORE_HEARD_AGO, X, None)
                case "nobody answers":
                    for ref in (A, B):
                        self.put(n.STORE_STATUS_CONTACT, ref, "refused")
                        self.put(n.STORE_SERVICE_CONTACT, ref, "refused")
                    for name in ("pd0", "pd1", "pd2"):
                        self.put(n.PD_CONTACT, pd_ref(name), "refused")
                case "never up":
                    self.put(n.STORE_SEEN_UP, X, "nobody")
                    self.put(n.STORE_HEARD_AGO, X, None)
                case _:
                    raise AssertionError(witness)

    def observation(self) -> Observation:
        return Observation(
            cluster=ClusterName("c"),
            number=1,
            at=NOW,
            components=tuple(Component(ref=r) for r in (*map(pd_ref, self.members), A, X, B)),
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
    scene.put(n.PD_HEARD_AGO, pd_ref("pd1"), silent_for + 4.0)
    if seen_up == 0:
        scene.put(n.PD_HEARD_AGO, pd_ref("pd1"), None)
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


def judged(scene: Scene, invariant: str, ref: ComponentRef) -> Judgement:
    return next(
        j for j in judge(INVARIANTS, scene.observation()) if (j.key.invariant, j.key.component) == (invariant, ref)
    )


@pytest.mark.parametrize(
    ("replicas", "also_away", "regions", "severity"),
    [
        (3.0, (), 100.0, Severity.CRITICAL),
        (5.0, (), 100.0, Severity.WARNING),
        (5.0, (A,), 100.0, Severity.CRITICAL),
        (1.0, (), 100.0, Severity.CRITICAL),
        (None, (), 100.0, Severity.CRITICAL),
        (3.0, (), 0.0, Severity.WARNING),
        (5.0, (A,), 0.0, Severity.WARNING),
    ],
)
def test_a_lost_store_is_as_grave_as_what_the_next_loss_would_cost(
    replicas: float | None, also_away: tuple[ComponentRef, ...], regions: float, severity: Severity
) -> None:
    scene = Scene()
    scene.doors("refused", "refused")
    scene.apply("raft silent", "pd silent")
    scene.put(n.REPLICAS_MAX, CLUSTER, replicas)
    scene.put(n.STORE_REGIONS, X, regions)
    for ref in also_away:
        for door in (n.STORE_STATUS_CONTACT, n.STORE_SERVICE_CONTACT):
            scene.put(door, ref, "unanswered")
    found = judged(scene, "store-reachable", X)
    assert (found.verdict, found.severity, found.takes_away) == (VIOLATED, severity, True)


@pytest.mark.parametrize(
    ("members", "severity"), [(1, Severity.CRITICAL), (3, Severity.CRITICAL), (5, Severity.WARNING)]
)
def test_a_lost_member_is_as_grave_as_what_the_next_loss_would_cost(members: int, severity: Severity) -> None:
    scene = Scene(members=tuple(f"pd{i}" for i in range(members)))
    lost = pd_ref(f"pd{members - 1}")
    scene.put(n.PD_CONTACT, lost, "refused")
    scene.put(n.PD_HEALTH, lost, "unhealthy")
    if members == 1:
        scene.put(n.PD_MEMBERS_ANSWERING, CLUSTER, 0.0)
        for ref in (A, X, B):
            scene.put(n.STORE_PD_RECONNECT_FAILURES, ref, 1.0)
    found = judged(scene, "pd-member-reachable", lost)
    assert (found.verdict, found.severity, found.takes_away) == (VIOLATED, severity, True)


GIB = 1024.0**3


@pytest.mark.parametrize(
    ("left_gib", "rejected", "has_room", "takes_writes"),
    [
        (600.0, 0.0, HOLDS, HOLDS),
        (150.0, 0.0, VIOLATED, HOLDS),
        (40.0, 0.0, VIOLATED, VIOLATED),
        (600.0, 2.0, HOLDS, VIOLATED),
        (600.0, None, HOLDS, HOLDS),
        (None, None, UNKNOWN, UNKNOWN),
        (None, 2.0, UNKNOWN, VIOLATED),
    ],
)
def test_little_room_is_a_warning_and_a_full_disk_takes_the_store_away(
    left_gib: float | None, rejected: float | None, has_room: Verdict, takes_writes: Verdict
) -> None:
    scene = Scene()
    scene.put(n.STORE_CAPACITY, X, 1024 * GIB)
    scene.put(n.STORE_AVAILABLE, X, None if left_gib is None else left_gib * GIB)
    scene.put(n.STORE_ERRORS_DISK_FULL, X, rejected)
    room, writes = judged(scene, "disk-space", X), judged(scene, "store-takes-writes", X)
    assert (room.verdict, room.severity, room.takes_away) == (has_room, Severity.WARNING, False)
    assert (writes.verdict, writes.severity, writes.takes_away) == (takes_writes, Severity.CRITICAL, True)


@pytest.mark.parametrize(("replicas", "severity"), [(3.0, Severity.CRITICAL), (5.0, Severity.WARNING)])
def test_a_silent_peer_is_as_grave_as_what_the_next_loss_would_cost(replicas: float, severity: Severity) -> None:
    scene = Scene()
    scene.put(n.REPLICAS_MAX, CLUSTER, replicas)
    scene.put(n.REGIONS_DOWN, CLUSTER, 4.0)
    scene.put(n.REGIONS_MISS, CLUSTER, 0.0)
    assert judged(scene, "regions-replicated", CLUSTER).severity is severity
    scene.put(n.REGIONS_DOWN, CLUSTER, 0.0)
    scene.put(n.REGIONS_MISS, CLUSTER, 4.0)
    assert judged(scene, "regions-replicated", CLUSTER).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("led_by_pd", "own_words", "age", "verdict"),
    [
        (100.0, None, 3600.0, HOLDS),
        (60.0, None, 3600.0, VIOLATED),
        (60.0, (34.0, 33.0, 33.0), 3600.0, HOLDS),
        (60.0, (30.0, 0.0, 30.0), 3600.0, VIOLATED),
        (60.0, None, 90.0, UNKNOWN),
    ],
)
def test_regions_are_led_when_pd_or_the_stores_say_so(
    led_by_pd: float, own_words: tuple[float, ...] | None, age: float, verdict: Verdict
) -> None:
    scene = Scene()
    scene.put(n.REGIONS_COUNT, CLUSTER, 100.0)
    scene.put(n.REGIONS_LED, CLUSTER, led_by_pd)
    scene.put(n.CLUSTER_AGE, CLUSTER, age)
    for ref, own in zip((A, X, B), own_words or (), strict=False):
        scene.put(n.STORE_LEADERS_LOCAL, ref, own)
    assert judged(scene, "regions-led", CLUSTER).verdict is verdict


def test_the_word_of_a_store_that_is_lost_counts_no_leaders() -> None:
    scene = Scene()
    scene.put(n.REGIONS_COUNT, CLUSTER, 100.0)
    scene.put(n.REGIONS_LED, CLUSTER, 66.0)
    for ref in (A, X, B):
        scene.put(n.STORE_LEADERS_LOCAL, ref, 34.0)
    scene.doors("silent", "silent")
    scene.apply("raft silent", "pd silent")
    assert judged(scene, "regions-led", CLUSTER).verdict is VIOLATED


@pytest.mark.parametrize(
    ("started_ago", "busy", "verdict"),
    [
        (3600.0, 0.0, VIOLATED),
        (3600.0, 1.0, VIOLATED),
        (60.0, 0.0, UNKNOWN),
        (300.0, 1.0, UNKNOWN),
        (300.0, 0.0, VIOLATED),
    ],
)
def test_a_store_that_catches_up_is_not_called_slow(started_ago: float, busy: float, verdict: Verdict) -> None:
    scene = Scene()
    for ref in (A, X, B):
        scene.put(n.STORE_APPENDS, ref, 50.0)
        scene.put(n.STORE_APPEND_P99, ref, 0.002)
    scene.put(n.STORE_APPEND_P99, X, 0.4)
    scene.put(n.STORE_BUSY, X, busy)
    scene.put(n.STORE_PROCESS_START, X, NOW.timestamp() - started_ago)
    assert judged(scene, "append-quick", X).verdict is verdict


def coming(**facts: float | str | None) -> Verdict:
    """Whether a store that refuses us is unreachable, in a cluster of an age."""
    scene = Scene()
    scene.doors("refused", "refused", silent_for=30.0)
    scene.apply("peers unseen", "pd silent for long")
    for name, value in facts.items():
        signal, ref = {
            "age": (n.CLUSTER_AGE, CLUSTER),
            "heartbeat_age": (n.STORE_HEARTBEAT_AGE, X),
            "seen_by": (n.STORE_SEEN_UP, X),
            "heard_ago": (n.STORE_HEARD_AGO, X),
            "started": (n.STORE_START, X),
        }[name]
        scene.put(signal, ref, value)
    return judge_store(scene.observation(), X).verdict


def test_what_has_not_been_up_since_the_clusters_start_is_coming() -> None:
    assert coming(age=25.0) is UNKNOWN, "we lost it before the oldest process was started"
    assert coming(age=45.0) is VIOLATED, "it answered us after that"
    assert coming(age=25.0, heartbeat_age=15.0) is VIOLATED, "PD heard it after that"
    assert coming(age=33.0) is UNKNOWN, (
        "the oldest process was started between our last good look and the first bad one"
    )
    assert coming(age=119.0, heard_ago=None) is UNKNOWN
    assert coming(age=121.0, heard_ago=None) is VIOLATED, "it does not come"
    assert coming(age=None, heard_ago=None, seen_by="pd") is VIOLATED


def test_what_has_registered_and_was_never_heard_is_not_waited_for_for_ever() -> None:
    started = NOW.timestamp()
    assert coming(seen_by="nobody", heard_ago=None, heartbeat_age=None, started=started - 299) is UNKNOWN
    assert coming(seen_by="nobody", heard_ago=None, heartbeat_age=None, started=started - 301) is VIOLATED


@pytest.mark.parametrize("watched", [5.0, 14.0, 16.0])
def test_pds_word_alone_waits_while_its_leader_may_be_new(watched: float) -> None:
    scene = Scene()
    scene.doors("refused", "refused", silent_for=5.0)
    scene.apply("peers unseen", "pd silent for long", "not by us")
    scene.put(n.WATCHED_FOR, CLUSTER, watched)
    found = judge_store(scene.observation(), X)
    assert found.verdict is VIOLATED
    assert found.grace == timedelta(seconds=15 if watched < 15 else 0)
    scene.apply("others complain")
    assert judge_store(scene.observation(), X).grace == timedelta(0), "another witness agrees"


@pytest.mark.parametrize(("watched", "grace"), [(5.0, 15), (60.0, 0)])
def test_a_lost_majority_is_as_sure_as_the_least_sure_of_the_losses(watched: float, grace: int) -> None:
    scene = Scene()
    scene.apply("peers unseen")
    scene.put(n.STORE_MESSAGES_FROM, X, None, A)
    scene.put(n.WATCHED_FOR, CLUSTER, watched)
    for ref in (X, B):
        scene.put(n.STORE_MESSAGES_FROM, X, None, ref)
        for door in (n.STORE_STATUS_CONTACT, n.STORE_SERVICE_CONTACT):
            scene.put(door, ref, "refused")
        scene.put(n.STORE_SEEN_UP, ref, "pd")
        scene.put(n.STORE_HEARTBEAT_AGE, ref, 400.0)
        scene.put(n.STORE_SILENT_FOR, ref, 5.0)
        scene.put(n.STORE_HEARD_AGO, ref, None)
    found = judged(scene, "raft-quorum", CLUSTER)
    assert (found.verdict, found.grace) == (VIOLATED, timedelta(seconds=grace))
