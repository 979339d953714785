"""What the simulated cluster's logs tell whoever reads them as TiKV's: a restart in order is no crash, a kill is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from operator_core.components import ComponentRef
from operator_core.faults import Fault, FaultName
from operator_core.log_events import LogEvent
from operator_core.readings import ClusterName
from operator_core.runtime import VirtualClock, run_virtual
from operator_simulator import ClusterConfig, InProcessDeployment
from operator_tikv import read_log

UNTOLD = "it starts, and nothing before tells of an orderly stop: it was killed, or it crashed"


def quietly(_: str) -> None:
    pass


async def lived(*, restart: bool, kill: str | None) -> tuple[Sequence[LogEvent], ComponentRef]:
    """What all logs tell of eight minutes, and which store was killed."""
    clock = VirtualClock()
    deployment = InProcessDeployment(name=ClusterName("demo"), config=ClusterConfig(seed=11), clock=clock)
    await deployment.up(quietly)
    await clock.sleep(timedelta(minutes=2))
    if restart:
        await deployment.restart(None, quietly)
    victim = next(s.component for s in (await deployment.status()).services if s.name == "tikv1")
    assert victim is not None
    if kill:
        fault = Fault(name=FaultName(kill), target=victim)
        undo = await deployment.plan(fault)
        await deployment.inject(fault, undo)
        await clock.sleep(timedelta(minutes=1))
        await deployment.undo(undo)
    await clock.sleep(timedelta(minutes=2))
    found: list[LogEvent] = []
    for service in (await deployment.status()).services:
        assert service.component is not None
        lines = [line async for line in deployment.logs(service.name, follow=False, tail=None)]
        found += read_log(service.component, [lines]).events
    return found, victim


def test_a_healthy_cluster_writes_nothing_worse_than_starts() -> None:
    found, _ = run_virtual(lived(restart=False, kill=None))
    assert {e.name for e in found} <= {"start", "ready", "leads", "follows", "member-back", "store-registered"}
    assert UNTOLD not in {e.says for e in found}


def test_a_restart_in_order_is_told_by_every_process_and_is_no_crash() -> None:
    found, _ = run_virtual(lived(restart=True, kill=None))
    assert len({e.component for e in found if e.name == "orderly-stop"}) == 6
    assert UNTOLD not in {e.says for e in found}


def test_a_store_that_was_killed_is_told_by_its_own_start_and_by_the_others() -> None:
    found, victim = run_virtual(lived(restart=False, kill="kill"))
    assert {e.component for e in found if e.says == UNTOLD} == {victim}
    about = {e.component for e in found if e.name == "connect-timeout" and str(victim) in e.says}
    assert len(about) == 2
    assert victim not in about
    assert {e.component for e in found if e.name == "election"} <= about
