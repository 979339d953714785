from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from operator_core.components import CLUSTER
from operator_core.errors import ConfigurationError
from operator_core.ports import Probe
from operator_core.readings import Cause, Reading, Unseen
from operator_core.runtime import run_virtual
from operator_tikv import names as n

if TYPE_CHECKING:
    from conftest import Cluster

NAMES = {
    *("stores", "store", "knock", "write-path", "raft-talk", "region-on-store"),
    *("pd-members", "regions-check", "region", "schedulers", "operators", "config"),
}


def ask(
    cluster: Cluster, name: str, arguments: Mapping[str, str], *, looks: float = 15
) -> tuple[Reading | Unseen, ...]:
    async def main() -> tuple[Reading | Unseen, ...]:
        subject = cluster.subject()
        await cluster.looks(subject, looks)
        await cluster.clock.sleep(timedelta(seconds=2))
        (probe,) = [p for p in await subject.probes() if p.name == name]
        return await probe.ask(arguments, number=99)

    return run_virtual(main())


def readings(answer: tuple[Reading | Unseen, ...]) -> dict[tuple[str, str], object]:
    return {(str(r.signal), str(r.component)): r.value for r in answer if isinstance(r, Reading)}


async def _probes(cluster: Cluster) -> list[Probe]:
    return list(await cluster.subject().probes())


def test_there_are_probes_with_names_words_and_described_parameters(cluster: Cluster) -> None:
    probes = run_virtual(_probes(cluster))
    assert {p.name for p in probes} == NAMES
    for probe in probes:
        assert probe.describes
        assert all(p.describes for p in probe.parameters)


ARGUMENTS: dict[str, dict[str, str]] = {
    "store": {"store": "4"},
    "knock": {"component": "store/4"},
    "write-path": {"store": "4"},
    "region-on-store": {"store": "4", "region": "2"},
    "regions-check": {"check": "miss-peer"},
    "region": {"region": "2"},
    "config": {"section": "schedule"},
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_probe_answers_with_ids_of_its_own_number(cluster: Cluster, name: str) -> None:
    answer = ask(cluster, name, ARGUMENTS.get(name, {}))
    ids = [r.id for r in answer if isinstance(r, Reading)]
    assert ids or name == "region-on-store", "the small cluster has no such page"
    assert ids == [f"o99.{i}" for i in range(1, len(ids) + 1)]
    assert answer


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_probe_of_a_dead_cluster_says_what_it_could_not_have(cluster: Cluster, name: str) -> None:
    async def main() -> tuple[Reading | Unseen, ...]:
        subject = cluster.subject()
        await cluster.looks(subject, 15)
        for member in cluster.members:
            cluster.set_member(member, "killed")
        for store in cluster.stores:
            cluster.set_store(store, "killed")
        (probe,) = [p for p in await subject.probes() if p.name == name]
        return await probe.ask(ARGUMENTS.get(name, {}), number=99)

    answer = run_virtual(main())
    assert any(isinstance(r, Unseen) for r in answer) or name == "knock"


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("store", {}, "needs store"),
        ("store", {"store": "99"}, "there is no store '99'; stores: 1, 4, 5"),
        ("store", {"store": "x"}, "there is no store 'x'"),
        ("store", {"store": "4", "color": "red"}, "no parameter 'color'"),
        ("knock", {"component": "tiflash/1"}, "of kind 'tiflash'"),
        ("knock", {"component": "pd/pd9"}, "there is no PD member 'pd9'; members: pd0, pd1, pd2"),
        ("regions-check", {"check": "odd-peer"}, "one of miss-peer"),
        ("region", {"region": "-1"}, "a whole number"),
        ("region", {"region": "7"}, "PD knows no region '7'"),
        ("config", {"section": "secrets"}, "one of schedule"),
        ("stores", {"store": "4"}, "it takes none"),
    ],
)
def test_a_wrong_argument_is_named(cluster: Cluster, name: str, arguments: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError) as e:
        ask(cluster, name, arguments, looks=5)
    assert says in str(e.value)


def test_what_probes_tell(cluster: Cluster) -> None:
    cluster.stores[4].evicting = True
    assert readings(ask(cluster, "schedulers", {}))["store.evicting", "store 4"] == 1
    assert readings(ask(cluster, "knock", {"component": "pd1"})) == {("pd.contact", "pd1"): "answered"}
    assert readings(ask(cluster, "region", {"region": "2"}))["region.leader", "cluster"] == "store 1"
    config = ask(cluster, "config", {"section": "schedule", "key": "max-store-down-time"})
    assert [r.value for r in config if isinstance(r, Reading)] == ["30m0s"]
    path = readings(ask(cluster, "write-path", {"store": "store 4"}))
    assert path["store.appends", "store 4"] == pytest.approx(50, rel=0.1)
    talk = ask(cluster, "raft-talk", {})
    pairs = {(r.component, r.toward) for r in talk if isinstance(r, Reading) and r.signal == n.STORE_MESSAGES_FROM}
    assert len(pairs) == 6
    (missing,) = ask(cluster, "config", {"section": "schedule", "key": "nonsense"})
    assert isinstance(missing, Unseen)
    assert (missing.cause, missing.component) == (Cause.ABSENT, CLUSTER)


def test_a_knock_at_a_dead_store_is_refused(cluster: Cluster) -> None:
    cluster.stores[5].state = "killed"
    found = readings(ask(cluster, "knock", {"component": "5"}, looks=5))
    assert set(found.values()) == {"refused"}


def test_probes_work_before_the_first_look(cluster: Cluster) -> None:
    async def main() -> tuple[Reading | Unseen, ...]:
        (probe,) = [p for p in await cluster.subject().probes() if p.name == "write-path"]
        return await probe.ask({"store": "4"}, number=1)

    answer = run_virtual(main())
    assert any(isinstance(r, Unseen) and r.cause is Cause.TOO_EARLY for r in answer)
