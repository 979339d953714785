"""Which violations become one ticket: each way to fail one, two that have nothing to do with each other two."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from operator_core.judgements import Severity
from operator_core.tickets import TicketState

if TYPE_CHECKING:
    from conftest import Cluster, Script, Watch

Deed = Callable[["Cluster"], object]


def store(ident: int, state: str) -> Deed:
    return lambda c: c.set_store(ident, state)


def member(name: str, state: str) -> Deed:
    return lambda c: c.set_member(name, state)


def cut_from_pd(ident: int) -> Deed:
    return lambda c: setattr(c.stores[ident], "cut_from_pd_since", c.t)


def slow(ident: int) -> Deed:
    return lambda c: setattr(c.stores[ident], "append_s", 0.2)


def left(ident: int, gib: float) -> Deed:
    return lambda c: setattr(c.stores[ident], "available_gib", gib)


def lose_members(*names: str, state: str = "killed") -> Deed:
    def lose(c: Cluster) -> None:
        for name in names:
            c.set_member(name, state)

    return lose


def lose_stores(*idents: int, state: str = "killed") -> Deed:
    def lose(c: Cluster) -> None:
        for ident in idents:
            c.set_store(ident, state)

    return lose


def vanish(c: Cluster) -> None:
    for name in c.members:
        c.set_member(name, "cut")
    for ident in c.stores:
        c.set_store(ident, "cut")


ONE_OF_THE_CLUSTER: dict[str, tuple[Deed, set[str]]] = {
    "store killed": (store(4, "killed"), {"store-reachable of store 4", "regions-led of cluster"}),
    "store paused": (store(4, "paused"), {"store-reachable of store 4", "regions-led of cluster"}),
    "store isolated": (store(4, "cut"), {"store-reachable of store 4", "regions-led of cluster"}),
    "store cut from PD": (cut_from_pd(4), {"store-heard-by-pd of store 4"}),
    "two stores killed": (
        lose_stores(4, 5),
        {
            "store-reachable of store 4",
            "store-reachable of store 5",
            "raft-quorum of cluster",
            "regions-led of cluster",
        },
    ),
    "PD follower killed": (member("pd2", "killed"), {"pd-member-reachable of pd2"}),
    "PD leader killed": (member("pd0", "killed"), {"pd-member-reachable of pd0", "pd-has-leader of pd0"}),
    "PD leader paused": (member("pd0", "paused"), {"pd-member-reachable of pd0", "pd-has-leader of pd0"}),
    "PD leader and a follower killed": (
        lose_members("pd0", "pd1"),
        {
            "pd-has-leader of pd0",
            "pd-member-reachable of pd0",
            "pd-member-reachable of pd1",
            "pd-has-quorum of cluster",
        },
    ),
    "PD followers killed": (
        lose_members("pd1", "pd2"),
        {
            "pd-has-leader of pd0",
            "pd-member-reachable of pd1",
            "pd-member-reachable of pd2",
            "pd-has-quorum of cluster",
        },
    ),
    "all of PD killed": (
        lose_members("pd0", "pd1", "pd2"),
        {
            "pd-member-reachable of pd0",
            "pd-member-reachable of pd1",
            "pd-member-reachable of pd2",
            "pd-has-quorum of cluster",
        },
    ),
    "disk slow": (slow(4), {"append-quick of store 4", "commit-quick of store 4"}),
    "disk nearly full": (left(4, 100), {"disk-space of store 4"}),
    "disk full": (left(4, 20), {"disk-space of store 4", "store-takes-writes of store 4"}),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("deed", "holds"), list(ONE_OF_THE_CLUSTER.values()), ids=list(ONE_OF_THE_CLUSTER))
def test_each_way_to_fail_is_one_ticket(cluster: Cluster, watch: Watch, deed: Deed, holds: set[str]) -> None:
    desk = watch(cluster, [(36.0, deed)], until=240)
    (ticket,) = desk.of_the_cluster
    assert desk.keys(ticket) == holds
    assert desk.of_sight == []


OF_SIGHT: dict[str, Deed] = {
    "Prometheus killed": lambda c: setattr(c, "prometheus_state", "killed"),
    "Prometheus stale": lambda c: setattr(c, "prometheus_state", "stale"),
    "status port hangs": lambda c: setattr(c.stores[4], "status_hangs", True),
    "cut off from PD": lambda c: setattr(c, "observer_cut", True),
    "cut off from everything": vanish,
}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("deed", list(OF_SIGHT.values()), ids=list(OF_SIGHT))
def test_each_way_to_lose_sight_is_one_ticket_about_sight(cluster: Cluster, watch: Watch, deed: Deed) -> None:
    desk = watch(cluster, [(36.0, deed)], until=240, prometheus=True)
    assert (len(desk.of_sight), desk.of_the_cluster) == (1, [])


PAIRS: dict[str, tuple[Deed, Deed, str, str]] = {
    "store killed, PD follower killed": (
        store(4, "killed"),
        member("pd2", "killed"),
        "store-reachable of store 4",
        "pd-member-reachable of pd2",
    ),
    "store killed, PD leader killed": (
        store(4, "killed"),
        member("pd0", "killed"),
        "store-reachable of store 4",
        "pd-member-reachable of pd0",
    ),
    "store paused, PD leader killed": (
        store(4, "paused"),
        member("pd0", "killed"),
        "store-reachable of store 4",
        "pd-member-reachable of pd0",
    ),
    "store isolated, PD leader paused": (
        store(4, "cut"),
        member("pd0", "paused"),
        "store-reachable of store 4",
        "pd-member-reachable of pd0",
    ),
    "disk slow, PD follower killed": (
        slow(4),
        member("pd2", "killed"),
        "append-quick of store 4",
        "pd-member-reachable of pd2",
    ),
    "disk slow, PD leader killed": (
        slow(4),
        member("pd0", "killed"),
        "append-quick of store 4",
        "pd-member-reachable of pd0",
    ),
    "disk full, PD follower killed": (
        left(4, 20),
        member("pd2", "killed"),
        "store-takes-writes of store 4",
        "pd-member-reachable of pd2",
    ),
    "store cut from PD, PD follower killed": (
        cut_from_pd(4),
        member("pd2", "killed"),
        "store-heard-by-pd of store 4",
        "pd-member-reachable of pd2",
    ),
    "store cut from PD, PD leader killed": (
        cut_from_pd(4),
        member("pd0", "killed"),
        "store-heard-by-pd of store 4",
        "pd-member-reachable of pd0",
    ),
    "two stores killed, PD follower killed": (
        lose_stores(4, 5),
        member("pd2", "killed"),
        "raft-quorum of cluster",
        "pd-member-reachable of pd2",
    ),
    "store killed, PD followers killed": (
        store(4, "killed"),
        lose_members("pd1", "pd2"),
        "store-reachable of store 4",
        "pd-has-quorum of cluster",
    ),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("turned", "apart"), [(False, 0.0), (False, 90.0), (True, 90.0)])
@pytest.mark.parametrize(("one", "other", "here", "there"), list(PAIRS.values()), ids=list(PAIRS))
def test_two_that_have_nothing_to_do_with_each_other_are_two_tickets(
    cluster: Cluster, watch: Watch, one: Deed, other: Deed, here: str, there: str, *, turned: bool, apart: float
) -> None:
    first, second = (other, one) if turned else (one, other)
    desk = watch(cluster, [(36.0, first), (36.0 + apart, second)], until=260)
    assert len(desk.of_the_cluster) == 2
    (of_one,) = [t for t in desk.of_the_cluster if here in desk.keys(t)]
    (of_other,) = [t for t in desk.of_the_cluster if there in desk.keys(t)]
    assert of_one is not of_other
    kinds = [{v.key.component.kind for v in t.violations} for t in (of_one, of_other)]
    assert ("store" in kinds[0], "pd" in kinds[0], "store" in kinds[1], "pd" in kinds[1]) == (True, False, False, True)


def except_between(begin: float, end: float) -> Callable[[float], float]:
    """Looks every five seconds, and in between as seldom as a test of an hour must."""

    def every(t: float) -> float:
        return 20.0 if begin <= t < end else 5.0

    return every


def seldom(after: float) -> Callable[[float], float]:
    return except_between(after, 1e9)


@pytest.mark.sampled(0)
def test_what_comes_late_of_a_dead_store_joins_its_ticket_while_it_lasts(cluster: Cluster, watch: Watch) -> None:
    script: Script = [
        (36.0, store(4, "killed")),
        (54.0, lambda c: c.move_leaders(4)),
        (640.0, lambda c: setattr(c, "down_regions", 102)),
        (1840.0, lambda c: setattr(c, "miss_regions", 9)),
        (1860.0, lambda c: setattr(c, "down_regions", 50)),
    ]
    desk = watch(cluster, script, until=2400, every=seldom(120))
    (ticket,) = desk.of_the_cluster
    assert desk.keys(ticket) == {"store-reachable of store 4", "regions-replicated of cluster"}
    assert (ticket.is_open, ticket.severity, ticket.component.id) == (True, Severity.CRITICAL, "4")


def test_regions_without_their_peers_while_every_store_is_well_are_a_ticket_of_their_own(
    cluster: Cluster, watch: Watch
) -> None:
    script: Script = [
        (36.0, member("pd2", "killed")),
        (60.0, lambda c: setattr(c, "down_regions", 3)),
    ]
    desk = watch(cluster, script, until=150)
    assert [desk.keys(t) for t in desk.of_the_cluster] == [
        {"pd-member-reachable of pd2"},
        {"regions-replicated of cluster"},
    ]


def test_a_ticket_resolves_when_its_store_is_back_and_its_regions_are_whole(cluster: Cluster, watch: Watch) -> None:
    script: Script = [
        (36.0, store(4, "killed")),
        (54.0, lambda c: c.move_leaders(4)),
        (640.0, lambda c: setattr(c, "down_regions", 102)),
        (700.0, store(4, "up")),
        (730.0, lambda c: setattr(c, "down_regions", 0)),
    ]
    desk = watch(cluster, script, until=1000, every=seldom(120))
    (ticket,) = desk.of_the_cluster
    assert ticket.state is TicketState.RESOLVED
    assert desk.of_sight == []


@pytest.mark.sampled(0)
@pytest.mark.parametrize("prometheus", [False, True])
def test_a_store_that_is_removed_for_good_departs_and_its_ticket_ends(
    cluster: Cluster, watch: Watch, *, prometheus: bool
) -> None:
    for ident in (6, 7):
        cluster.stores[ident] = type(cluster.stores[1])(phase=float(ident))

    def bury(c: Cluster) -> None:
        c.stores[4].pd_state = "Tombstone"
        c.down_regions = 0

    script: Script = [
        (36.0, store(4, "killed")),
        (54.0, lambda c: c.move_leaders(4)),
        (640.0, lambda c: setattr(c, "down_regions", 102)),
        (700.0, lambda c: setattr(c.stores[4], "pd_state", "Offline")),
        (900.0, bury),
    ]
    desk = watch(cluster, script, until=890, every=seldom(120), prometheus=prometheus)
    (ticket,) = desk.of_the_cluster
    assert ticket.is_open, "it is still there"
    desk = watch(cluster, script[4:], begin=900, until=1250, every=seldom(0), desk=desk, prometheus=prometheus)
    (ticket,) = desk.of_the_cluster
    assert ticket.state is TicketState.RESOLVED
    assert [t.state for t in desk.of_sight] in ([], [TicketState.RESOLVED])


@pytest.mark.sampled(0)
def test_a_second_store_that_dies_an_hour_later_is_a_graver_incident_of_its_own(cluster: Cluster, watch: Watch) -> None:
    for ident in (6, 7):
        cluster.stores[ident] = type(cluster.stores[1])(phase=float(ident))
    script: Script = [
        (36.0, store(4, "killed")),
        (54.0, lambda c: c.move_leaders(4)),
        (3600.0, store(5, "killed")),
        (3618.0, lambda c: c.move_leaders(5)),
    ]
    desk = watch(cluster, script, until=3700, every=except_between(120, 3580))
    first, second = desk.of_the_cluster
    assert desk.keys(first) == {"store-reachable of store 4"}
    assert desk.keys(second) == {"store-reachable of store 5", "raft-quorum of cluster"}
    assert first.is_open
    assert second.severity is Severity.CRITICAL


@pytest.mark.sampled(0)
def test_a_disk_that_gets_slow_while_another_store_is_long_dead_is_a_ticket_of_its_own(
    cluster: Cluster, watch: Watch
) -> None:
    script: Script = [(36.0, store(5, "killed")), (54.0, lambda c: c.move_leaders(5)), (700.0, slow(4))]
    desk = watch(cluster, script, until=900, every=except_between(120, 680))
    assert [desk.keys(t) for t in desk.of_the_cluster] == [
        {"store-reachable of store 5"},
        {"append-quick of store 4", "commit-quick of store 4"},
    ]


def test_a_store_that_dies_while_anothers_disk_has_long_been_slow_is_a_ticket_of_its_own(
    cluster: Cluster, watch: Watch
) -> None:
    script: Script = [(36.0, slow(4)), (700.0, store(5, "killed")), (718.0, lambda c: c.move_leaders(5))]
    desk = watch(cluster, script, until=900, every=except_between(200, 680))
    assert [desk.keys(t) for t in desk.of_the_cluster] == [
        {"append-quick of store 4", "commit-quick of store 4"},
        {"store-reachable of store 5"},
    ]
