"""What people do on purpose opens no ticket: restarts one by one, a new leader of PD, stores that come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Cluster, Desk, Script, Watch

Deed = Callable[["Cluster"], object]


def evict(ident: int, *, on: bool) -> Deed:
    return lambda c: setattr(c.stores[ident], "evicting", on)


def leaders_back(c: Cluster) -> None:
    for node in c.stores.values():
        node.leaders = 34


def start_and_catch_up(ident: int) -> Deed:
    """It works off what it missed: slow, busy, and heard by PD at its next heartbeat only."""

    def start(c: Cluster) -> None:
        c.set_store(ident, "up")
        c.stores[ident].append_s, c.stores[ident].busy = 0.4, True

    return start


def caught_up(ident: int) -> Deed:
    def calm(c: Cluster) -> None:
        c.stores[ident].append_s, c.stores[ident].busy = 0.002, False

    return calm


def restart_store(ident: int, at: float, *, away: float = 40.0, announced: bool = True) -> Script:
    """As TiUP does it: leaders are moved away, the process is stopped in order and started, leaders come back."""
    stop = at + 22
    back = stop + away
    drain: Script = [(at, evict(ident, on=True))] if announced else []
    undo: Script = [(back + 30, evict(ident, on=False))] if announced else []
    return [
        *drain,
        (at + 12, lambda c: c.move_leaders(ident)),
        (stop, lambda c: c.set_store(ident, "killed")),
        (back, start_and_catch_up(ident)),
        (back + 45, caught_up(ident)),
        *undo,
        (back + 50, leaders_back),
    ]


def restart_member(name: str, at: float, *, away: float = 18.0) -> Script:
    return [(at, lambda c: c.set_member(name, "killed")), (at + away, lambda c: c.set_member(name, "up"))]


def hand_over(name: str) -> Deed:
    """The leader resigns before it is stopped."""
    return lambda c: setattr(c, "leader", name)


def told(desk: Desk) -> list[set[str]]:
    return [desk.keys(t) for t in desk.tickets.values()]


@pytest.mark.sampled(0)
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("phase", [0.0, 1.3, 2.6, 3.9])
def test_a_rolling_restart_of_everything_opens_nothing(
    cluster: Cluster, watch: Watch, phase: float, *, announced: bool
) -> None:
    script: Script = [
        *restart_member("pd1", 60.0),
        *restart_member("pd2", 100.0),
        (140.0, hand_over("pd1")),
        *restart_member("pd0", 140.2),
        *restart_store(1, 200.0, announced=announced),
        *restart_store(4, 340.0, announced=announced),
        *restart_store(5, 480.0, announced=announced),
    ]
    desk = watch(cluster, script, begin=phase, until=680)
    assert told(desk) == []


def test_a_store_that_is_stopped_without_being_emptied_is_a_ticket(cluster: Cluster, watch: Watch) -> None:
    script: Script = [
        (60.0, lambda c: c.set_store(4, "killed")),
        (75.0, lambda c: c.move_leaders(4)),
        (100.0, lambda c: c.set_store(4, "up")),
    ]
    assert told(watch(cluster, script, until=160)) == [{"store-reachable of store 4"}]


def test_a_restart_that_never_ends_is_a_ticket(cluster: Cluster, watch: Watch) -> None:
    desk = watch(cluster, restart_store(4, 60.0, away=400.0)[:3], until=420)
    assert told(desk) == [{"store-reachable of store 4"}]


def test_a_second_store_that_goes_before_the_first_is_back_is_a_ticket(cluster: Cluster, watch: Watch) -> None:
    script: Script = [*restart_store(4, 60.0)[:3], (90.0, lambda c: c.set_store(5, "killed"))]
    desk = watch(cluster, script, until=140)
    assert {"store-reachable of store 5"} <= told(desk)[0]
    assert len(told(desk)) == 1


def test_a_store_that_stays_slow_after_its_restart_is_a_ticket(cluster: Cluster, watch: Watch) -> None:
    script = [(at, act) for at, act in restart_store(4, 60.0) if at != 60.0 + 22 + 40 + 45]
    calm: Script = [(170.0, lambda c: setattr(c.stores[4], "busy", False))]
    desk = watch(cluster, [*script, *calm], until=420)
    assert told(desk) == [{"append-quick of store 4", "commit-quick of store 4"}]


def test_a_transfer_of_the_pd_leader_opens_nothing(cluster: Cluster, watch: Watch) -> None:
    script: Script = [(60.0, hand_over("pd1")), (66.0, hand_over("pd2")), (120.0, hand_over("pd0"))]
    assert told(watch(cluster, script, until=200)) == []


def test_a_store_that_joins_and_fills_opens_nothing(cluster: Cluster, watch: Watch) -> None:
    cluster.stores[6] = type(cluster.stores[1])(
        phase=2.0, state="killed", registered=False, regions=0, leaders=0, started=0.0
    )

    def fill(c: Cluster) -> None:
        c.stores[6].regions, c.stores[6].leaders = 60, 20

    script: Script = [(60.0, lambda c: c.set_store(6, "up")), (150.0, fill)]
    assert told(watch(cluster, script, until=260)) == []


def test_a_store_that_is_emptied_removed_and_stopped_opens_nothing(cluster: Cluster, watch: Watch) -> None:
    cluster.stores[6] = type(cluster.stores[1])(phase=2.0)

    def empty(c: Cluster) -> None:
        c.move_leaders(6)
        c.stores[6].regions = 0

    script: Script = [
        (60.0, lambda c: setattr(c.stores[6], "pd_state", "Offline")),
        (150.0, empty),
        (160.0, lambda c: setattr(c.stores[6], "pd_state", "Tombstone")),
        (163.0, lambda c: c.set_store(6, "killed")),
    ]
    assert told(watch(cluster, script, until=560)) == []
