"""An incident of a simulated TiKV cluster, taken to another ledger: it is reasoned about there as it was here."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from operator_chaos import Chaos, choose_target
from operator_cli.faults import commands_of
from operator_cli.use_cases.trouble import while_it_lasted
from operator_cli.wiring import diagnoser
from operator_core.actions import availability
from operator_core.components import AddressMap
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, Lease, Ledger
from operator_core.readings import ClusterName, Observation
from operator_core.record import DiagnosisMade, Entry, ObservationKept
from operator_core.redaction import redact
from operator_core.runtime import VirtualClock, run_virtual
from operator_core.tickets import Ticket
from operator_ledger import MemoryFaultJournal, MemoryLedger, SqlLedger
from operator_ledger.bundles import export_incident, import_bundle, write_bundle
from operator_monitor import Monitor
from operator_simulator import ClusterConfig, InProcessDeployment
from operator_tikv import TikvSubject, TikvTargets

NAME = ClusterName("demo")
SECRET = "hunter2hunter2"


class Careless(MemoryLedger):
    """A ledger to which every source tells the password with which it was asked."""

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        told = [
            ObservationKept(observation=_told(e.observation)) if isinstance(e, ObservationKept) else e for e in entries
        ]
        return await super().append(cluster, told, at=at, lease=lease)


def _told(seen: Observation) -> Observation:
    return replace(
        seen,
        readings=tuple(replace(r, source=f"{r.source} as http://root:{SECRET}@pd") for r in seen.readings),
        unseens=tuple(replace(u, detail=f"{u.detail} password={SECRET}") for u in seen.unseens),
        sources=tuple(replace(s, detail=f"{s.detail} Authorization: Bearer {SECRET}") for s in seen.sources),
    )


@dataclass(frozen=True, kw_only=True)
class Incident:
    """What was recorded of a fault from before it to after its cure."""

    ledger: MemoryLedger
    ticket: Ticket
    knowledge: Knowledge
    ended: datetime


async def _incident(command: str, seed: int) -> Incident:
    clock, ledger = VirtualClock(), Careless()
    deployment = InProcessDeployment(name=NAME, config=ClusterConfig(seed=seed), clock=clock)
    commands = {c.name: c for c in await commands_of(deployment)}
    await deployment.up(lambda _: None)
    endpoints = await deployment.endpoints()
    pd = tuple(f"http://{e.reachable}" for e in endpoints if e.component.kind == "pd")
    subject = TikvSubject(
        cluster=NAME,
        targets=TikvTargets(pd=pd, addresses=AddressMap.of(endpoints)),
        clock=clock,
        transport=deployment.network.transport,
        dialer=deployment.network.dialer,
    )
    chaos = Chaos(deployment=NAME, target=deployment, journal=MemoryFaultJournal(), clock=clock, expendable=True)
    monitor = Monitor(cluster=NAME, subject=subject, ledger=ledger, clock=clock, diagnoser=diagnoser())
    async with aclosing(monitor.cycles()) as cycles:
        number = 0
        async for report in cycles:
            number += 1
            seen, state = report.observation, availability(report.observation.refs(), report.judgements)
            if number == 12:
                target = choose_target(
                    commands[command], seen.components, groups=seen.groups, state=state, chance=random.Random(seed)
                )
                await chaos.inject(commands[command].on(target), groups=seen.groups, state=state)
            if number == 30:
                await chaos.heal()
            if number == 60:
                break
    knowledge = await subject.knowledge()
    await subject.close()
    await deployment.down(lambda _: None)
    (ticket,) = await ledger.tickets(NAME)
    return Incident(ledger=ledger, ticket=ticket, knowledge=knowledge, ended=clock.now())


async def case(ledger: Ledger, ticket: Ticket, known: Knowledge) -> Case:
    """What a person has reasoned about when he asks for a ticket's diagnosis."""
    observations = await while_it_lasted(ledger, ticket, known)
    return Case(
        cluster=ticket.cluster,
        at=observations[-1].at,
        observations=observations,
        knowledge=known,
        trouble_since=min(v.since for v in ticket.violations),
        ticket=ticket,
    )


@pytest.mark.sampled(0)
@pytest.mark.parametrize(("command", "seed"), [("kill-store", 100), ("isolate-store", 101), ("kill-pd-leader", 102)])
def test_an_incident_is_shown_and_diagnosed_elsewhere_as_here_without_its_secrets(
    command: str, seed: int, tmp_path: Path
) -> None:
    incident = run_virtual(_incident(command, seed))
    path = tmp_path / "incident.bundle"

    async def elsewhere() -> None:
        here = await case(incident.ledger, incident.ticket, incident.knowledge)
        assert SECRET in repr(here.observations)
        # Nothing else that a TiKV cluster says of itself, or that is known of it, looks like a secret.
        assert redact(await incident.ledger.history()).masked == {}
        assert redact(incident.knowledge.modes).masked == {}
        versions = {"knowledge": incident.knowledge.version}
        bundle = await export_incident(
            incident.ledger, incident.ticket.id, versions=versions, by="ada", at=incident.ended
        )
        await write_bundle(path, bundle)
        async with await SqlLedger.open(tmp_path / "elsewhere.sqlite") as ledger:
            ticket = await import_bundle(ledger, path, at=incident.ended)
            assert ticket == replace(incident.ticket, id=ticket.id, cluster=ticket.cluster)
            there = await case(ledger, ticket, incident.knowledge)
            history = [r.entry for r in await ledger.history(ticket=ticket.id)]
            assert (await ledger.verify()).holds
        clean = replace(here, observations=tuple(redact(o).value for o in here.observations))
        one, other = await diagnoser().diagnose(there), await diagnoser().diagnose(clean)
        assert one == replace(other, cluster=ticket.cluster, ticket=one.ticket)
        made = [e.diagnosis for e in history if isinstance(e, DiagnosisMade)]
        assert made
        original = [r.entry for r in await incident.ledger.history(ticket=incident.ticket.id)]
        assert made == [
            replace(redact(e.diagnosis).value, cluster=ticket.cluster, ticket=ticket.id)
            for e in original
            if isinstance(e, DiagnosisMade)
        ]
        assert len(history) == len(original)

    asyncio.run(elsewhere())
    assert SECRET.encode() not in gzip.decompress(path.read_bytes())
