"""A cluster that comes up opens no ticket; one that is broken, or does not come up, does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from operator_core.tickets import Ticket, TicketState

if TYPE_CHECKING:
    from conftest import Cluster, Desk, Script, Watch


def empty(c: Cluster) -> None:
    """Nothing runs, and nothing ever has."""
    c.leader, c.bootstrapped, c.regions, c.miss_regions = None, False, 1, 0
    for name in c.members:
        c.set_member(name, "killed")
    for node in c.stores.values():
        node.state, node.registered, node.heard_before = "killed", False, None
        node.started, node.leaders, node.regions = c.t, 0, 0


def start_member(name: str) -> Callable[[Cluster], None]:
    """It listens, and answers nothing until there is a quorum."""

    def start(c: Cluster) -> None:
        c.set_member(name, "up")
        c.set_member(name, "paused")

    return start


def quorum(c: Cluster) -> None:
    for name, node in c.members.items():
        if node.state == "paused":
            c.set_member(name, "up")


def lead(name: str | None) -> Callable[[Cluster], None]:
    return lambda c: setattr(c, "leader", name)


def start_store(ident: int, *, regions: int = 0) -> Callable[[Cluster], None]:
    def start(c: Cluster) -> None:
        c.bootstrapped = True
        c.set_store(ident, "up")
        c.stores[ident].regions = regions
        c.stores[ident].status_hangs = True

    return start


def measured(ident: int) -> Callable[[Cluster], None]:
    return lambda c: setattr(c.stores[ident], "status_hangs", False)


def replicas(count: int, *, missing: int) -> Callable[[Cluster], None]:
    """The one region has so many peers, and is led from the first store."""

    def place(c: Cluster) -> None:
        for index, node in enumerate(c.stores.values()):
            node.regions, node.leaders = int(index < count), int(index == 0)
        c.miss_regions = missing

    return place


def no_leader(c: Cluster) -> None:
    for node in c.stores.values():
        node.leaders = 0


def split(c: Cluster) -> None:
    for node in c.stores.values():
        node.regions, node.leaders = 102, 34
    c.regions = None


def birth(pace: float) -> Script:
    """A cluster's first minute or two, as slowly as the pace says."""
    steps: Script = [
        (0.0, empty),
        (0.1, start_member("pd0")),
        (3.0, start_member("pd1")),
        (4.0, start_member("pd2")),
        (6.0, quorum),
        (9.0, lead("pd0")),
        (20.0, start_store(1, regions=1)),
        (20.1, replicas(1, missing=1)),
        (24.0, measured(1)),
        (26.0, start_store(4)),
        (29.0, no_leader),
        (31.0, start_store(5)),
        (33.0, measured(4)),
        (35.0, replicas(2, missing=1)),
        (37.0, measured(5)),
        (45.0, replicas(3, missing=0)),
        (60.0, split),
    ]
    return [(at * pace, act) for at, act in steps]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("begin", "pace", "prometheus"),
    [
        *((begin, 1.0, False) for begin in (0.2, 1.5, 4.5, 7.0, 10.0, 20.5, 27.0, 32.0, 61.0)),
        *((begin, 3.0, False) for begin in (0.2, 7.0, 10.0, 20.5, 32.0)),
        *((0.2, pace, True) for pace in (1.0, 3.0)),
    ],
)
def test_a_cluster_that_is_born_opens_nothing_whenever_we_begin_to_look(
    cluster: Cluster, watch: Watch, begin: float, pace: float, *, prometheus: bool
) -> None:
    desk = watch(cluster, birth(pace), begin=begin * pace, until=130 + 65 * pace, prometheus=prometheus)
    assert list(desk.tickets.values()) == []


def test_in_a_cluster_that_is_born_nothing_is_even_called_violated_but_a_region_short_of_peers(
    cluster: Cluster, watch: Watch
) -> None:
    desk = watch(cluster, birth(1.0), begin=0.2, until=120)
    health = {k.invariant for k in desk.violated if k.invariant != "lost-sight"}
    assert health <= {"regions-replicated"}


def kill_all(c: Cluster) -> None:
    for name in c.members:
        c.set_member(name, "killed")
    for ident in c.stores:
        c.set_store(ident, "killed")


def forget_leaders(c: Cluster) -> None:
    """PD, started anew, knows of no leader until it is told."""
    c.regions = 102
    for node in c.stores.values():
        node.leaders = 0


def restart_all(dark: float) -> Script:
    """Everything is killed at once, and comes up again after some seconds of darkness."""
    up = 66.0 + dark
    return [
        (66.0, kill_all),
        (up, start_member("pd0")),
        (up + 1, start_member("pd2")),
        (up + 2, start_member("pd1")),
        (up + 3, quorum),
        (up + 3, lead(None)),
        (up + 3, forget_leaders),
        (up + 15, lead("pd2")),
        (up + 18, start_store(5, regions=102)),
        (up + 20, start_store(1, regions=102)),
        (up + 24, measured(1)),
        (up + 25, measured(5)),
        (up + 35, start_store(4, regions=102)),
        (up + 38, measured(4)),
        (up + 100, split),
    ]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("phase", [0.0, 1.3, 2.6, 3.9])
@pytest.mark.parametrize("dark", [1.0, 6.0, 15.0])
def test_a_cluster_that_is_restarted_as_a_whole_opens_nothing(
    cluster: Cluster, watch: Watch, dark: float, phase: float
) -> None:
    desk = watch(cluster, restart_all(dark), begin=phase, until=240)
    assert list(desk.tickets.values()) == []


@pytest.mark.sampled(0)
def test_a_member_that_comes_up_a_minute_after_the_others_opens_nothing(cluster: Cluster, watch: Watch) -> None:
    late: Script = [(140.0, lambda c: c.set_member("pd1", "up"))]
    desk = watch(cluster, [*without(restart_all(6.0), 74.0), *late], until=240)
    assert list(desk.tickets.values()) == []


@pytest.mark.sampled(0)
def test_a_cluster_that_stays_dark_for_long_is_lost_sight_until_it_is_seen_again(
    cluster: Cluster, watch: Watch
) -> None:
    desk = watch(cluster, restart_all(90.0), until=400)
    assert desk.of_the_cluster == []
    assert [t.state for t in desk.of_sight] == [TicketState.RESOLVED]


def only(desk: Desk) -> Ticket:
    (ticket,) = desk.tickets.values()
    return ticket


START = datetime(2026, 1, 1, tzinfo=UTC)


def opened_at(ticket: Ticket) -> float:
    """The second on the cluster's clock."""
    return (ticket.opened_at - START).total_seconds()


def without(script: Script, *at: float) -> Script:
    """The same, but for what happens from or at those seconds on."""
    return [step for step in script if step[0] not in at]


def test_a_store_that_does_not_come_back_from_a_restart_of_all_is_told_two_minutes_after_it(
    cluster: Cluster, watch: Watch
) -> None:
    desk = watch(cluster, without(restart_all(6.0), 107.0, 110.0), until=300)
    assert "store-reachable of store 4" in desk.keys(only(desk))
    assert 72 + 120 <= opened_at(only(desk)) <= 72 + 130


def test_a_member_that_does_not_come_back_from_a_restart_of_all_is_told(cluster: Cluster, watch: Watch) -> None:
    desk = watch(cluster, without(restart_all(6.0), 74.0), until=300)
    assert desk.keys(only(desk)) == {"pd-member-reachable of pd1"}
    assert opened_at(only(desk)) <= 72 + 120 + 35


def test_stores_that_do_not_come_back_at_all_are_one_ticket(cluster: Cluster, watch: Watch) -> None:
    gone = (90.0, 92.0, 96.0, 97.0, 107.0, 110.0)
    desk = watch(cluster, without(restart_all(6.0), *gone, 172.0), until=300)
    assert {"raft-quorum of cluster", "store-reachable of store 1"} <= desk.keys(only(desk))
    assert opened_at(only(desk)) <= 72 + 130


def test_pd_that_nobody_ever_sees_is_lost_sight_after_two_minutes(cluster: Cluster, watch: Watch) -> None:
    desk = watch(cluster, [(0.0, empty), (0.1, start_member("pd0"))], begin=0.2, until=150)
    assert desk.of_the_cluster == []
    assert 120 <= opened_at(only(desk)) <= 130


def test_pd_that_gets_no_leader_is_told_two_minutes_after_its_start(cluster: Cluster, watch: Watch) -> None:
    desk = watch(cluster, birth(1.0)[:5], begin=0.2, until=200)
    assert [desk.keys(t) for t in desk.of_the_cluster] == [{"pd-has-leader of cluster"}]
    (ticket,) = desk.of_the_cluster
    assert 120 <= opened_at(ticket) <= 140


def test_a_cluster_that_no_store_joins_is_told_five_minutes_after_its_start(cluster: Cluster, watch: Watch) -> None:
    desk = watch(cluster, birth(1.0)[:6], begin=0.2, until=330)
    assert desk.keys(only(desk)) == {"cluster-has-stores of cluster"}
    assert 300 <= opened_at(only(desk)) <= 310


def test_a_cluster_that_a_store_joins_late_is_well_again(cluster: Cluster, watch: Watch) -> None:
    late: Script = [(320.0, start_store(1, regions=1)), (320.1, replicas(1, missing=0)), (321.0, measured(1))]
    desk = watch(cluster, [*birth(1.0)[:6], *late], begin=0.2, until=400)
    assert only(desk).state is TicketState.RESOLVED


@pytest.mark.sampled(0)
def test_regions_that_stay_short_of_peers_are_told_after_five_minutes(cluster: Cluster, watch: Watch) -> None:
    desk = watch(cluster, without(birth(1.0), 31.0, 37.0, 45.0, 60.0), begin=0.2, until=400)
    assert desk.keys(only(desk)) == {"regions-replicated of cluster"}
    assert opened_at(only(desk)) >= 320


def test_a_store_that_has_come_up_and_dies_while_the_rest_still_comes_is_told_at_once(
    cluster: Cluster, watch: Watch
) -> None:
    script: Script = [*without(birth(1.0), 60.0), (52.0, lambda c: c.set_store(4, "killed"))]
    desk = watch(cluster, script, begin=0.2, until=90)
    assert desk.keys(only(desk)) == {"store-reachable of store 4"}
    assert opened_at(only(desk)) - 52 <= 15


BROKEN: dict[str, tuple[Callable[[Cluster], object], set[str]]] = {
    "a store": (lambda c: c.set_store(4, "killed"), {"store-reachable of store 4"}),
    "a store that is cut off": (lambda c: c.set_store(4, "cut"), {"store-reachable of store 4"}),
    "two stores": (
        lambda c: (c.set_store(4, "killed"), c.set_store(5, "paused")),
        {"store-reachable of store 4", "store-reachable of store 5", "raft-quorum of cluster"},
    ),
    "PD's quorum": (
        lambda c: (c.set_member("pd0", "killed"), c.set_member("pd1", "killed")),
        {"pd-has-leader of cluster"},
    ),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("deed", "holds"), list(BROKEN.values()), ids=list(BROKEN))
def test_what_is_broken_when_we_begin_to_look_is_one_ticket_within_30_seconds(
    cluster: Cluster, watch: Watch, deed: Callable[[Cluster], object], holds: set[str]
) -> None:
    desk = watch(cluster, [(0.0, deed)], begin=7200.0, until=7230.0)
    (ticket,) = desk.of_the_cluster
    assert holds <= desk.keys(ticket)
    assert desk.of_sight == []


@pytest.mark.parametrize("after", [0.5, 3.0, 8.0])
def test_a_pd_leader_that_is_new_when_we_begin_to_look_opens_nothing(
    cluster: Cluster, watch: Watch, after: float
) -> None:
    def transfer(c: Cluster) -> None:
        c.leader = "pd1"
        c.pd_leader()

    desk = watch(cluster, [(100.0, transfer)], begin=100.0 + after, until=220)
    assert list(desk.tickets.values()) == []


def test_pd_started_anew_beside_stores_that_live_opens_nothing_about_regions(cluster: Cluster, watch: Watch) -> None:
    """PD knows few leaders for the first minute; the stores know better."""

    def few_known(c: Cluster) -> None:
        c.regions = 102
        for ident in c.stores:
            c.known_leaders[ident] = 2

    def all_known(c: Cluster) -> None:
        c.known_leaders.clear()

    script: Script = [(60.0, few_known), (180.0, all_known)]
    desk = watch(cluster, script, until=240)
    assert list(desk.tickets.values()) == []


def test_regions_that_pd_and_the_stores_know_no_leader_of_are_told(cluster: Cluster, watch: Watch) -> None:
    script: Script = [(60.0, forget_leaders)]
    desk = watch(cluster, script, until=180)
    assert desk.keys(only(desk)) == {"regions-led of cluster"}
