"""What every ledger keeps of investigations: what probes gave, under ids of their own, and what it cost."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import pytest
from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.ports import Investigations, Leases, Ledger
from operator_core.readings import ClusterName, Observation, Reading, ReadingId, Unseen
from operator_core.record import InvestigationPaid, ObservationKept, ProbeAsked
from operator_core.tickets import TicketId, Violation
from operator_ledger import SqlLedger
from operator_ledger.bundles import export_incident, import_bundle, write_bundle

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
At = Callable[[float], datetime]
Look = Callable[..., Observation]


class Book(Ledger, Leases, Investigations, Protocol):
    """All ports in one object, as every ledger here is."""


def asked(look: Observation, *, name: str = "node-delay", ticket: TicketId | None = None) -> ProbeAsked:
    """A probe that gave what an observation has; its ids are whatever the subject called them."""
    return ProbeAsked(
        at=look.at,
        number=0,
        name=name,
        arguments={"node": "1"},
        by="claude",
        given=(*look.readings[:1], *look.unseens, *look.readings[1:]),
        ticket=ticket,
    )


def paid(at: datetime, *, usd: str | None = "0.12", ended: str = "", cluster: ClusterName = NORTH) -> InvestigationPaid:
    return InvestigationPaid(
        at=at,
        cluster=cluster,
        investigation="a",
        case="5f" * 32,
        diagnoser="claude",
        model="a-model",
        attempts=2,
        turns=1,
        tokens_in=1200,
        tokens_out=340,
        cache_read=9000,
        cache_written=80,
        usd=None if usd is None else Decimal(usd),
        wall=timedelta(seconds=7.5),
        ended=ended,
    )


@pytest.fixture
async def ticket(ledger: Book, violation: Callable[..., Violation], t: At) -> TicketId:
    (opened,) = await ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=t(0), violations=(violation(),))], at=t(0))
    return opened.id


class TestProbes:
    async def test_what_one_gave_is_found_again_under_ids_that_no_observation_has(
        self, ledger: Book, observation: Look, t: At
    ) -> None:
        await ledger.append(NORTH, [ObservationKept(observation=observation(1, value=0.1))], at=t(0))
        first = await ledger.keep_probe(NORTH, asked(observation(1, value=0.2)), at=t(1))
        second = await ledger.keep_probe(NORTH, asked(observation(1, value=0.3)), at=t(2))
        ids = [g.id for probe in (first, second) for g in probe.given if isinstance(g, Reading)]
        assert ids == ["p1.1", "p1.2", "p2.1", "p2.2"]
        assert [type(g) for g in first.given] == [Reading, Unseen, Reading]
        found = await ledger.readings(NORTH, [*map(ReadingId, ids), ReadingId("o1.1"), ReadingId("p9.1")])
        assert [(r.id, r.value) for r in found] == [
            ("o1.1", 0.1),
            ("p1.1", 0.2),
            ("p1.2", "3"),
            ("p2.1", 0.3),
            ("p2.2", "3"),
        ]
        assert await ledger.readings(SOUTH, list(map(ReadingId, ids))) == ()
        assert [r.entry for r in await ledger.history(NORTH)] == [first, second]

    async def test_many_at_once_never_have_the_same_number(self, ledger: Book, observation: Look, t: At) -> None:
        async with asyncio.TaskGroup() as tg:
            tasks = [
                tg.create_task(ledger.keep_probe(NORTH, asked(observation(1), name=f"probe-{n}"), at=t(n)))
                for n in range(12)
            ]
        kept = {task.result().number: task.result() for task in tasks}
        assert sorted(kept) == list(range(1, 13))
        history = [r.entry for r in await ledger.history(NORTH)]
        assert history == [kept[n] for n in range(1, 13)]

    async def test_each_cluster_counts_for_itself(self, ledger: Book, observation: Look, t: At) -> None:
        for cluster in (NORTH, SOUTH):
            kept = await ledger.keep_probe(cluster, asked(observation(1)), at=t(0))
            assert kept.number == 1

    async def test_it_is_told_with_its_ticket_and_leaves_that_as_it_is(
        self, ledger: Book, ticket: TicketId, observation: Look, t: At
    ) -> None:
        before = await ledger.ticket(ticket)
        kept = await ledger.keep_probe(NORTH, asked(observation(1), ticket=ticket), at=t(1))
        await ledger.keep_probe(NORTH, asked(observation(1)), at=t(2))
        assert await ledger.ticket(ticket) == before
        assert [r.entry for r in await ledger.history(ticket=ticket)][1:] == [kept]
        with pytest.raises(LedgerError, match="there is no ticket 99"):
            await ledger.keep_probe(NORTH, asked(observation(1), ticket=TicketId(99)), at=t(3))

    async def test_one_whose_number_is_taken_or_whose_readings_are_called_otherwise_is_refused(
        self, ledger: Book, observation: Look, t: At
    ) -> None:
        kept = await ledger.keep_probe(NORTH, asked(observation(1)), at=t(0))
        await ledger.append(SOUTH, [kept], at=t(1))  # as a bundle brings it
        with pytest.raises(LedgerError, match="another probe 1 of cluster 'north' is kept already"):
            await ledger.append(NORTH, [replace(kept, name="other")], at=t(1))
        for number in (0, 2):
            with pytest.raises(LedgerError, match=f"probe {number} .node-delay.: its readings are not called"):
                await ledger.append(NORTH, [replace(kept, number=number)], at=t(1))
        assert len(await ledger.history(NORTH)) == 1


class TestWhatItCost:
    async def test_it_is_found_by_cluster_and_instant(self, ledger: Book, t: At) -> None:
        first, second = paid(t(10)), paid(t(20), usd=None, ended="closed")
        third = paid(t(15), usd="1.0000001", cluster=SOUTH)
        await ledger.append(NORTH, [first], at=t(900))
        await ledger.append(SOUTH, [third], at=t(901))
        await ledger.append(NORTH, [second], at=t(902))
        with pytest.raises(LedgerError, match="is about cluster 'south' and was appended to 'north'"):
            await ledger.append(NORTH, [third], at=t(903))
        assert await ledger.paid() == (first, second, third)
        assert await ledger.paid(since=t(15)) == (second, third)
        assert await ledger.paid(since=t(15), cluster=SOUTH) == (third,)
        assert await ledger.paid(cluster=ClusterName("east")) == ()
        assert sum(p.usd for p in await ledger.paid() if p.usd is not None) == Decimal("1.1200001")

    async def test_it_is_no_part_of_a_bundle_and_what_probes_gave_is(
        self, ledger: Book, ticket: TicketId, observation: Look, tmp_path: Path, t: At
    ) -> None:
        kept = await ledger.keep_probe(NORTH, asked(observation(1), ticket=ticket), at=t(1))
        await ledger.append(NORTH, [replace(paid(t(2)), ticket=ticket)], at=t(2))
        bundle = await export_incident(ledger, ticket, versions={}, by="ada", at=t(3))
        assert [type(told.entry) for told in bundle.told] == [OpenTicket, ProbeAsked]
        file = await write_bundle(tmp_path / "a.bundle", bundle)
        there = await import_bundle(ledger, file.path, at=t(4))
        ids = [ReadingId("p1.1"), ReadingId("p1.2")]
        assert await ledger.readings(there.cluster, ids) == await ledger.readings(NORTH, ids)
        assert (await ledger.history(ticket=there.id))[-1].entry == replace(kept, ticket=there.id)
        assert len(await ledger.paid()) == 1


async def test_it_all_outlives_the_program_and_pruning(
    place: str, observation: Look, violation: Callable[..., Violation], t: At
) -> None:
    async with await SqlLedger.open(place) as ledger:
        looks = [ObservationKept(observation=observation(n, at=n)) for n in range(1, 90)]
        await ledger.append(NORTH, looks, at=t(90))
        kept = await ledger.keep_probe(NORTH, asked(observation(1, value=0.7)), at=t(91))
        await ledger.append(NORTH, [paid(t(92))], at=t(92))
    async with await SqlLedger.open(place) as ledger:
        pruned = await ledger.prune(at=t(9000), by="ada", older_than=t(9000))
        assert pruned.clusters
        assert await ledger.readings(NORTH, [ReadingId("o1.1")]) == ()
        (first, _) = await ledger.readings(NORTH, [ReadingId("p1.1"), ReadingId("p1.2")])
        assert first == kept.given[0]
        assert await ledger.paid() == (paid(t(92)),)
        assert (await ledger.verify()).holds
        assert (await ledger.keep_probe(NORTH, asked(observation(2)), at=t(9001))).number == 2
