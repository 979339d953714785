from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from operator_core.components import CLUSTER, Address, AddressMap, ComponentRef
from operator_core.errors import ConfigurationError
from operator_core.ports import Subject
from operator_core.readings import Cause, ClusterName, Observation, SignalName
from operator_core.runtime import VirtualClock, run_virtual
from operator_tikv import TikvSubject, TikvTargets
from operator_tikv import names as n
from operator_tikv.names import pd_ref, store_ref

if TYPE_CHECKING:
    from conftest import Cluster


def failing(observation: Observation) -> dict[str, Cause]:
    return {s.source: s.failure for s in observation.sources if s.failure is not None}


def value(observation: Observation, signal: SignalName, ref: ComponentRef) -> object:
    reading = observation.reading(signal, ref)
    return None if reading is None else reading.value


def test_a_healthy_cluster_is_seen_whole(cluster: Cluster) -> None:
    async def main() -> Observation:
        return (await cluster.looks(cluster.subject(), 15))[-1]

    seen = run_virtual(main())
    assert failing(seen) == {}
    assert [c.key for c in seen.refs()] == ["pd/pd0", "pd/pd1", "pd/pd2", "store/1", "store/4", "store/5"]
    assert [(g.name, len(g.members), g.needed) for g in seen.groups] == [("raft", 3, 2), ("pd", 3, 2)]
    assert [c.ref.id for c in seen.components if n.LEADER in c.roles] == ["pd0"]
    for ref in (store_ref(1), store_ref(4), store_ref(5)):
        assert value(seen, n.STORE_STATE, ref) == "Up"
        assert value(seen, n.STORE_STATUS_CONTACT, ref) == "answered"
        assert value(seen, n.STORE_SERVICE_CONTACT, ref) == "answered"
        assert value(seen, n.STORE_SILENT_FOR, ref) == 0
        assert value(seen, n.STORE_APPENDS, ref) == pytest.approx(50, rel=0.05)
    talk = seen.reading(n.STORE_MESSAGES_FROM, store_ref(1), store_ref(4))
    assert talk is not None
    assert talk.value == pytest.approx(20, rel=0.05)
    assert value(seen, n.PD_ANSWER, CLUSTER) == "answer"
    assert value(seen, n.REGIONS_COUNT, CLUSTER) == 102
    assert len({r.id for r in seen.readings}) == len(seen.readings)
    assert seen.readings[0].id == "o3.1"


def test_it_is_a_subject(cluster: Cluster) -> None:
    assert isinstance(cluster.subject(), Subject)


@pytest.mark.parametrize(
    "bad", ["", "ftp://pd0:2379", "http://pd 0:2379", "http://pd0:notaport", "http://u:p@pd0:2379"]
)
def test_an_address_that_cannot_be_asked_is_named(bad: str) -> None:
    with pytest.raises(ConfigurationError, match="URL") as e:
        TikvSubject(cluster=ClusterName("c"), targets=TikvTargets(pd=(bad,)), clock=VirtualClock())
    assert repr(bad) in str(e.value)


def test_no_address_at_all_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no PD URL"):
        TikvSubject(cluster=ClusterName("c"), targets=TikvTargets(pd=()), clock=VirtualClock())


@pytest.mark.parametrize("state", ["paused", "cut", "killed"])
def test_a_pd_that_fails_does_not_hide_the_metrics(cluster: Cluster, state: str) -> None:
    async def main() -> tuple[Observation, float]:
        subject = cluster.subject()
        await cluster.looks(subject, 10)
        for name in cluster.members:
            cluster.set_member(name, state)
        began = cluster.t
        seen = await subject.observe(3)
        return seen, cluster.t - began

    seen, took = run_virtual(main())
    assert took <= 4.5
    assert failing(seen)["pd"] is {"paused": Cause.SILENT, "cut": Cause.SILENT, "killed": Cause.REFUSED}[state]
    assert not any(s.startswith("metrics of store") for s in failing(seen))
    assert seen.refs("store") == (store_ref(1), store_ref(4), store_ref(5))
    for ref in seen.refs("store"):
        assert value(seen, n.STORE_LISTED, ref) == "earlier"
        assert value(seen, n.STORE_APPENDS, ref) == pytest.approx(50, rel=0.05)
        assert value(seen, n.STORE_STATE, ref) is None
        assert seen.unseen(n.STORE_STATE, ref) is not None


def test_whatever_hangs_a_look_ends_in_time(cluster: Cluster) -> None:
    async def main() -> list[float]:
        subject = cluster.subject(prometheus=True)
        took: list[float] = []
        for number in range(6):
            if number == 2:
                cluster.set_store(4, "cut")
                cluster.set_member("pd0", "paused")
                cluster.prometheus_state = "paused"
            if number == 4:
                for name in cluster.members:
                    cluster.set_member(name, "paused")
                for store in cluster.stores:
                    cluster.set_store(store, "paused")
            began = cluster.t
            await subject.observe(number)
            took.append(cluster.t - began)
        return took

    took = run_virtual(main())
    assert max(took[:2]) < 0.1
    assert max(took) <= 4.5


def test_a_first_look_at_a_dead_cluster_says_so_and_knows_nothing(cluster: Cluster) -> None:
    async def main() -> Observation:
        for name in cluster.members:
            cluster.set_member(name, "killed")
        return await cluster.subject().observe(1)

    seen = run_virtual(main())
    assert seen.components == ()
    assert failing(seen) == {"pd": Cause.REFUSED}
    assert value(seen, n.PD_ANSWER, CLUSTER) == "unreachable"


def test_the_metrics_of_one_store_may_hang_without_hiding_anything_else(cluster: Cluster) -> None:
    async def main() -> Observation:
        subject = cluster.subject()
        await cluster.looks(subject, 10)
        cluster.stores[4].status_hangs = True
        return await subject.observe(3)

    seen = run_virtual(main())
    assert failing(seen) == {"metrics of store 4": Cause.SILENT}
    assert value(seen, n.STORE_SERVICE_CONTACT, store_ref(4)) == "answered"
    assert value(seen, n.STORE_STATUS_CONTACT, store_ref(4)) == "silent"
    assert value(seen, n.STORE_METRICS_CONTACT, store_ref(4)) == "silent"


def test_everything_that_pd_tells_goes_through_the_address_map(cluster: Cluster) -> None:
    names = [f"{m}:2379" for m in cluster.members] + [f"tikv{s}:{p}" for s in cluster.stores for p in (20160, 20180)]
    addresses = AddressMap({Address(a): Address(f"10.0.0.{i + 1}:{a.partition(':')[2]}") for i, a in enumerate(names)})
    at = {addresses.reachable(Address(a)).partition(":")[0]: a.partition(":")[0] for a in names}

    async def main() -> tuple[Observation, ComponentRef | None]:
        plain_node_at = cluster.node_at
        cluster.node_at = lambda host: plain_node_at(at[host]) if host in at else None
        subject = cluster.subject(addresses=addresses, pd=(f"http://{addresses.reachable(Address('pd1:2379'))}",))
        seen = (await cluster.looks(subject, 10))[-1]
        return seen, await subject.locate({"job": "tikv", "instance": addresses.reachable(Address("tikv4:20180"))})

    seen, located = run_virtual(main())
    assert failing(seen) == {}
    assert not any("pd0" in url or "tikv" in url for url in cluster.asked), "an advertised address was asked"
    assert located == store_ref(4)
    assert dict(next(c.addresses for c in seen.components if c.ref == store_ref(4)))["status"] == "tikv4:20180"


@pytest.mark.parametrize(("ahead", "age"), [(None, 6.0), (0.0, 6.0), (40.0, 6.0), (-40.0, 6.0), (-3600.0, 6.0)])
def test_a_date_header_that_lies_does_not_spoil_the_age_of_heartbeats(
    cluster: Cluster, ahead: float | None, age: float
) -> None:
    async def main() -> Observation:
        cluster.date_ahead_s = ahead
        await cluster.clock.sleep(timedelta(seconds=17))
        return await cluster.subject().observe(1)

    seen = run_virtual(main())
    assert value(seen, n.STORE_HEARTBEAT_AGE, store_ref(1)) == pytest.approx(age, abs=1.6)


def test_an_empty_cluster_is_not_healthy(cluster: Cluster) -> None:
    async def main() -> Observation:
        cluster.bootstrapped = False
        return await cluster.subject().observe(1)

    seen = run_virtual(main())
    assert failing(seen) == {}, "that no store has joined is an answer"
    assert value(seen, n.CLUSTER_BOOTSTRAPPED, CLUSTER) == 0
    assert seen.refs("store") == ()
    assert seen.refs("pd") == (pd_ref("pd0"), pd_ref("pd1"), pd_ref("pd2"))
    assert value(seen, n.STORES_UP, CLUSTER) is None


@pytest.mark.parametrize("ahead", [-45.0, 45.0])
def test_heartbeats_are_compared_with_the_clock_of_pd_and_not_with_ours(cluster: Cluster, ahead: float) -> None:
    """The whole cluster's clock is off against ours; PD's Date tells."""

    async def main() -> Observation:
        plain = cluster.last_heartbeat
        cluster.last_heartbeat = lambda store: plain(store) + ahead
        cluster.date_ahead_s = ahead
        await cluster.clock.sleep(timedelta(seconds=17))
        return await cluster.subject().observe(1)

    seen = run_virtual(main())
    assert value(seen, n.STORE_HEARTBEAT_AGE, store_ref(1)) == pytest.approx(6, abs=1.6)


def test_load_and_latency_of_the_whole_come_from_every_store_that_answers(cluster: Cluster) -> None:
    async def main() -> tuple[Observation, Observation, Observation]:
        subject = cluster.subject()
        all_well = (await cluster.looks(subject, 65))[-1]
        cluster.set_store(4, "killed")
        one_dead = (await cluster.looks(subject, 65, first=20))[-1]
        cluster.stores[5].status_hangs = True
        one_unread = (await cluster.looks(subject, 10, first=40))[-1]
        return all_well, one_dead, one_unread

    all_well, one_dead, one_unread = run_virtual(main())
    assert value(all_well, n.CLUSTER_REQUESTS, CLUSTER) == pytest.approx(300, rel=0.02)
    assert value(one_dead, n.CLUSTER_REQUESTS, CLUSTER) == pytest.approx(200, rel=0.02)
    assert value(one_unread, n.CLUSTER_REQUESTS, CLUSTER) is None, "a part is not the whole"
    assert one_unread.unseen(n.CLUSTER_REQUESTS, CLUSTER) is not None
    assert value(all_well, n.CLUSTER_WRITE_P99, CLUSTER) == value(all_well, n.STORE_WRITE_P99, store_ref(1))


def test_a_cluster_is_as_old_as_its_oldest_process_that_answers(cluster: Cluster) -> None:
    async def main() -> list[Observation]:
        for name, node in cluster.members.items():
            node.started = -100.0 if name == "pd0" else -50.0
        for ident, store in cluster.stores.items():
            store.started = -500.0 if ident == 4 else -20.0
        subject = cluster.subject()
        seen = [await subject.observe(1), await subject.observe(2)]
        cluster.set_store(4, "killed")
        return [*seen, await subject.observe(3)]

    first, second, third = run_virtual(main())
    for seen, age in ((first, 500), (second, 500), (third, 100)):
        assert value(seen, n.CLUSTER_AGE, CLUSTER) == pytest.approx(age, abs=1.5)


def test_the_age_of_a_pd_that_names_no_member_is_told_by_those_we_were_given(cluster: Cluster) -> None:
    async def main() -> Observation:
        cluster.leader = None
        return await cluster.subject().observe(1)

    seen = run_virtual(main())
    assert seen.refs() == ()
    assert value(seen, n.CLUSTER_AGE, CLUSTER) == pytest.approx(3600, abs=10)
    assert value(seen, n.PD_LEADER, CLUSTER) == n.NO_LEADER
