"""Probes at work: what they gave stands in the record before it is handed on."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from operator_cli.use_cases.probing import RecordedProber
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError, LedgerError
from operator_core.ports import ProbeParameter
from operator_core.readings import Cause, ClusterName, Reading, ReadingId, SignalName, Unit, Unseen
from operator_core.record import ProbeAsked
from operator_core.runtime import VirtualClock, run_virtual
from operator_ledger import MemoryLedger

NORTH = ClusterName("north")
AT = datetime(2026, 3, 1, tzinfo=UTC)
NODE = ComponentRef(Kind("node"), "1")


class Delay:
    """A probe that gives a reading and an unseen, under whatever number."""

    name = "node-delay"
    describes = "how late a node answers"
    parameters = (ProbeParameter(name="node", describes="which"),)

    async def ask(self, arguments: Mapping[str, str], *, number: int) -> tuple[Reading | Unseen, ...]:
        if "node" not in arguments:
            raise ConfigurationError("probe node-delay needs node")
        signal, source = SignalName("delay"), "GET /delay"
        return (
            Reading(
                id=ReadingId(f"o{number}.1"),
                component=NODE,
                signal=signal,
                value=0.5,
                unit=Unit("s"),
                at=AT,
                source=source,
            ),
            Unseen(component=NODE, signal=signal, cause=Cause.SILENT, detail="", at=AT, source=source),
        )


class Full(MemoryLedger):
    """A ledger that takes nothing."""

    async def keep_probe(self, cluster: ClusterName, asked: ProbeAsked, *, at: datetime) -> ProbeAsked:
        raise LedgerError("no room")


def prober(ledger: MemoryLedger) -> RecordedProber:
    return RecordedProber([Delay()], ledger=ledger, cluster=NORTH, clock=VirtualClock(), ticket=None)


def test_what_is_handed_on_is_what_the_record_has() -> None:
    async def story() -> None:
        ledger = MemoryLedger()
        asking = prober(ledger)
        async with asyncio.TaskGroup() as tasks:
            both = [tasks.create_task(asking.ask("node-delay", {"node": "1"})) for _ in range(2)]
        given = [sight for task in both for sight in task.result()]
        ids = [g.id for g in given if isinstance(g, Reading)]
        assert sorted(ids) == ["p1.1", "p2.1"]
        assert set(await ledger.readings(NORTH, ids)) == {g for g in given if isinstance(g, Reading)}
        entries = [r.entry for r in await ledger.history(NORTH)]
        assert [(e.name, e.arguments, e.by) for e in entries if isinstance(e, ProbeAsked)] == [
            ("node-delay", {"node": "1"}, "claude")
        ] * 2

    run_virtual(story())


def test_what_cannot_be_asked_is_refused_and_nothing_is_kept() -> None:
    async def story() -> None:
        ledger = MemoryLedger()
        with pytest.raises(ConfigurationError, match="there is no probe 'drop-node'; probes: node-delay"):
            await prober(ledger).ask("drop-node", {})
        with pytest.raises(ConfigurationError, match="needs node"):
            await prober(ledger).ask("node-delay", {})
        assert await ledger.history(NORTH) == ()

    run_virtual(story())


def test_what_cannot_be_kept_is_not_shown() -> None:
    async def story() -> None:
        with pytest.raises(LedgerError, match="no room"):
            await prober(Full()).ask("node-delay", {"node": "1"})

    run_virtual(story())
