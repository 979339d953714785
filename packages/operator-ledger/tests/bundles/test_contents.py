"""An incident leaves one ledger as a file and comes into another: the same to look at and to reason about."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from operator_core.actions import RiskClass
from operator_core.claims import Claim, Comparison, Interval, Struck
from operator_core.components import ComponentRef, Kind
from operator_core.decide import SilenceViolation
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Option, Standing
from operator_core.errors import ConfigurationError, LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE, Knowledge, SignName
from operator_core.ports import Case
from operator_core.readings import ClusterName, Observation, ReadingId, SignalName, Unit
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    CycleFellShort,
    DiagnosisMade,
    Entry,
    IncidentImported,
    JudgementChanged,
    NoteAdded,
    SilenceAdded,
    SilenceEnded,
)
from operator_core.redaction import redact
from operator_core.silences import SilenceScope
from operator_core.tickets import Ticket, TicketId, Violation
from operator_ledger import MemoryLedger, SqlLedger
from operator_ledger.bundles import (
    Bundle,
    Destination,
    HasHead,
    export_incident,
    import_bundle,
    imported_name,
    is_imported,
    read_bundle,
    write_bundle,
)

NORTH = ClusterName("north")
NODE = ComponentRef(Kind("node"), "1")
OWN = TicketId(2)
VERSIONS = {"operator": "0.2.0", "knowledge": "toy-1", "python": "3.11"}
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = START + timedelta(days=2)

Look = Callable[..., Observation]
Story = Callable[..., list[Entry]]
Record = Callable[..., Awaitable[None]]
MakeViolation = Callable[..., Violation]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def claim(*readings: str) -> Claim:
    return Claim(
        component=NODE,
        signal=SignalName("delay"),
        comparison=Comparison.ABOVE,
        value=0.1,
        unit=Unit("s"),
        interval=Interval(start=at(0), end=at(600)),
        readings=tuple(ReadingId(r) for r in readings),
        toward=ComponentRef(Kind("node"), "2"),
    )


class ToyDiagnoser:
    """Reasons, in its way, from all that it is shown."""

    name = "toy"

    async def diagnose(self, case: Case) -> Diagnosis:
        readings = [r for o in case.observations for r in o.readings]
        words = sorted({str(r.value) for r in readings} | {r.source for r in readings})
        evidence = Evidence(
            standing=Standing.FOR,
            sign=SignName("slow"),
            statement="it is slow: " + ", ".join(words),
            claims=(claim(*(r.id for r in readings)),),
            weight=0.7,
        )
        return Diagnosis(
            cluster=case.cluster,
            at=case.at,
            diagnoser=self.name,
            knowledge=case.knowledge.version,
            summary=f"{len(readings)} readings since {case.trouble_since}",
            hypotheses=(
                Hypothesis(
                    mode=UNKNOWN_MODE, title="unknown", components=(NODE,), probability=1.0, evidence=(evidence,)
                ),
            ),
            path=(CausalStep(says="it began", claims=(claim("o1.1"),)),),
            options=(Option(name=DO_NOTHING, does="Do nothing.", gains="", costs="", risk=RiskClass.SAFE),),
            recommended=DO_NOTHING,
            because="nothing is known",
            struck=(Struck(claim=claim("o2.1"), why="no"),),
            ticket=None if case.ticket is None else case.ticket.id,
        )


KNOWLEDGE = Knowledge(version="toy-1", kinds=(), signals=(), invariants=(), signs=(), modes=(), unknown=())


@pytest.fixture
async def busy(ledger: Destination, story: Story, record: Record) -> Destination:
    """A ledger with an incident that had everything, between others."""
    await record(ledger, story())
    return ledger


async def exported(ledger: Destination, path: Path, ident: TicketId = OWN) -> Bundle:
    bundle = await export_incident(ledger, ident, versions=VERSIONS, by="ada", at=LATER)
    await write_bundle(path, bundle)
    return bundle


def elsewhere_name(ticket: Ticket, imported: Ticket) -> Ticket:
    """A ticket as it is called in another ledger."""
    return replace(ticket, id=imported.id, cluster=imported.cluster)


class TestEveryLedger:
    async def test_a_bundle_holds_what_belongs_to_the_incident_and_nothing_else(
        self, busy: Destination, tmp_path: Path
    ) -> None:
        bundle = await exported(busy, tmp_path / "a.bundle")
        assert [o.number for o in bundle.observations] == [2, 3, *range(8, 16)]  # o2.1 and o3.1 are cited
        told = [t.entry for t in bundle.told]
        assert {type(e) for e in told} == {
            OpenTicket, JoinTicket, EndInTicket, MoveTicket, HoldTicket, JudgementChanged, DiagnosisMade, NoteAdded,
            ActionApproved, ActionTaken, SilenceAdded, SilenceEnded, SilenceViolation, CycleFellShort,
        }  # fmt: skip
        assert [e.text for e in told if isinstance(e, NoteAdded)] == ["it is the disk again"]
        assert [e.because for e in told if isinstance(e, SilenceAdded)] == ["disk is changed"]
        assert [e.judgement.at for e in told if isinstance(e, JudgementChanged)] == [at(600), at(620)]
        assert [t.sequence for t in bundle.told] == sorted(t.sequence for t in bundle.told)
        assert (bundle.cluster, bundle.ticket, bundle.versions) == (NORTH, OWN, VERSIONS)

    @pytest.mark.sampled(2)
    async def test_it_shows_the_same_elsewhere(self, busy: Destination, elsewhere: Destination, tmp_path: Path) -> None:
        await exported(busy, tmp_path / "a.bundle")
        there = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
        here = await busy.ticket(OWN)
        assert here is not None
        assert there == elsewhere_name(here, there)
        assert await elsewhere.ticket(there.id) == there
        assert is_imported(there.cluster)
        if isinstance(elsewhere, SqlLedger):
            assert (await elsewhere.verify()).holds
        assert not is_imported(NORTH)

        def about(entry: Entry) -> Entry:
            """The original's entry as it is to stand elsewhere."""
            match entry:
                case OpenTicket():
                    return replace(entry, cluster=there.cluster)
                case DiagnosisMade():
                    return DiagnosisMade(diagnosis=replace(entry.diagnosis, cluster=there.cluster, ticket=there.id))
                case JudgementChanged():
                    return entry
                case _:
                    return replace(cast("NoteAdded", entry), ticket=there.id)

        original = [about(r.entry) for r in await busy.history(ticket=OWN)]
        assert [r.entry for r in await elsewhere.history(ticket=there.id)] == original
        (silence,) = await elsewhere.silences()
        assert (silence.because, silence.ended_at, silence.cluster) == ("disk is changed", at(615), there.cluster)
        everything = [r.entry for r in await elsewhere.history(there.cluster)]
        assert [e.silence for e in everything if isinstance(e, SilenceViolation)] == [silence.id]

        looks = await elsewhere.observations(there.cluster)
        assert [replace(o, cluster=NORTH) for o in looks] == [
            o for o in await busy.observations(NORTH) if o.number in {p.number for p in looks}
        ]
        cited = [ReadingId(i) for i in ("o2.1", "o12.1", "o11.2")]
        assert await elsewhere.readings(there.cluster, cited) == await busy.readings(NORTH, cited)

    async def test_it_begins_with_where_it_came_from(
        self, busy: Destination, elsewhere: Destination, tmp_path: Path
    ) -> None:
        bundle = await exported(busy, tmp_path / "a.bundle")
        assert (bundle.position, bundle.head) == (await busy.head(NORTH) if isinstance(busy, HasHead) else (0, ""))
        file = await read_bundle(tmp_path / "a.bundle")
        there = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
        first = (await elsewhere.history(there.cluster))[0].entry
        assert first == IncidentImported(
            at=LATER,
            cluster=NORTH,
            ticket=OWN,
            position=bundle.position,
            head=bundle.head,
            digest=file.digest,
            versions=VERSIONS,
            redactions={},
        )
        assert there.cluster == imported_name(NORTH, file.digest) == f"imported:north:{file.digest[:8]}"

    async def test_a_second_import_gives_the_same_ticket_and_changes_nothing(
        self, busy: Destination, elsewhere: Destination, tmp_path: Path
    ) -> None:
        await exported(busy, tmp_path / "a.bundle")
        once = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
        before = (await elsewhere.tickets(), await elsewhere.history(), await elsewhere.silences())
        assert await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER + timedelta(hours=1)) == once
        assert (await elsewhere.tickets(), await elsewhere.history(), await elsewhere.silences()) == before

    @pytest.mark.sampled(1)
    async def test_all_who_import_the_same_at_once_get_one_ticket(
        self, busy: Destination, elsewhere: Destination, tmp_path: Path
    ) -> None:
        await exported(busy, tmp_path / "a.bundle")
        async with asyncio.TaskGroup() as tg:
            tasks = [tg.create_task(import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)) for _ in range(16)]
        assert len({t.result() for t in tasks}) == 1
        assert len(await elsewhere.tickets()) == 1
        assert sum(isinstance(r.entry, IncidentImported) for r in await elsewhere.history()) == 1

    async def test_an_import_that_was_abandoned_hinders_no_other(
        self, busy: Destination, elsewhere: Destination, tmp_path: Path
    ) -> None:
        await exported(busy, tmp_path / "a.bundle")
        name = imported_name(NORTH, (await read_bundle(tmp_path / "a.bundle")).digest)
        await elsewhere.take(name, holder="gone", patience=timedelta(hours=1), over=None)
        assert (await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)).cluster == name
        assert await elsewhere.lease(name) is None

    @pytest.mark.sampled(2)
    async def test_numbers_of_the_other_ledger_stay_as_they_are(
        self, busy: Destination, elsewhere: Destination, record: Record, violation: MakeViolation, tmp_path: Path
    ) -> None:
        opens = [OpenTicket(cluster=NORTH, at=at(n), violations=(violation(str(n)),)) for n in range(3)]
        await record(elsewhere, opens)
        await elsewhere.append(NORTH, [SilenceAdded(at=at(1), ends=at(9), scope=SilenceScope(), by="bob")], at=at(1))
        before = (await elsewhere.tickets(NORTH), await elsewhere.silences(NORTH))
        await exported(busy, tmp_path / "a.bundle")
        there = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
        assert there.id == 4
        assert (await elsewhere.tickets(NORTH), await elsewhere.silences(NORTH)) == before

    async def test_it_is_diagnosed_elsewhere_as_the_original_is_without_its_secrets(
        self,
        ledger: Destination,
        elsewhere: Destination,
        story: Story,
        record: Record,
        observation: Look,
        tmp_path: Path,
    ) -> None:
        def secretive(number: int, **more: float) -> Observation:
            look = observation(number, **more)
            return replace(
                look, readings=tuple(replace(r, source=f"GET http://u:s3cret{number}@h/") for r in look.readings)
            )

        await record(ledger, story(secretive))
        await exported(ledger, tmp_path / "a.bundle")
        there = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
        looks = await elsewhere.observations(there.cluster)
        originals = [o for o in await ledger.observations(NORTH) if o.number in {p.number for p in looks}]
        here = await ledger.ticket(OWN)
        cases = [
            Case(
                cluster=ticket.cluster,
                at=at(620),
                observations=tuple(seen),
                knowledge=KNOWLEDGE,
                trouble_since=at(600),
                ticket=ticket,
            )
            for ticket, seen in ((there, looks), (redact(here).value, [redact(o).value for o in originals]))
            if ticket is not None
        ]
        one, other = [await ToyDiagnoser().diagnose(case) for case in cases]
        assert one == replace(other, cluster=there.cluster, ticket=there.id)
        assert "s3cret" not in str(one)
        assert "s3cret" in str(originals)

    async def test_an_open_ticket_is_exported_with_all_that_was_seen_until_now(
        self, busy: Destination, elsewhere: Destination, tmp_path: Path
    ) -> None:
        bundle = await exported(busy, tmp_path / "a.bundle", TicketId(3))
        assert bundle.observations[-1].number == 30
        there = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
        assert (there.is_open, there.title) == (True, "node 8 does not answer")

    @pytest.mark.sampled(1)
    async def test_an_imported_incident_can_be_exported_again(
        self, busy: Destination, elsewhere: Destination, tmp_path: Path
    ) -> None:
        bundle = await exported(busy, tmp_path / "a.bundle")
        there = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
        again = await exported(elsewhere, tmp_path / "b.bundle", there.id)
        assert [replace(o, cluster=NORTH) for o in again.observations] == list(bundle.observations)
        assert len(again.told) == len(bundle.told)
        third = await import_bundle(MemoryLedger(), tmp_path / "b.bundle", at=LATER)
        assert third == elsewhere_name(there, third)

    async def test_a_ticket_that_is_not_there_is_a_persons_mistake(self, ledger: Destination, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="there is no ticket 7"):
            await exported(ledger, tmp_path / "a.bundle", TicketId(7))


async def test_the_head_of_the_originals_chain_is_named_where_there_is_one(story: Story, record: Record) -> None:
    class Chained(MemoryLedger):
        async def head(self, cluster: ClusterName) -> tuple[int, str]:
            return 12, f"digest of {cluster}"

    ledger = Chained()
    await record(ledger, story())
    bundle = await export_incident(ledger, OWN, versions={}, by="ada", at=LATER)
    assert (bundle.position, bundle.head) == (12, "digest of north")
    plain = MemoryLedger()
    await record(plain, story())
    bundle = await export_incident(plain, OWN, versions={}, by="ada", at=LATER)
    assert (bundle.position, bundle.head) == (0, "")


async def test_a_ticket_that_changes_while_it_is_read_is_read_anew(
    violation: MakeViolation, story: Story, record: Record
) -> None:
    class Restless(MemoryLedger):
        changes = 2

        async def history(self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None):  # noqa: ANN202
            found = await super().history(cluster, ticket=ticket)
            if self.changes and ticket is not None:
                self.changes -= 1
                await self.append(
                    NORTH, [JoinTicket(ticket=ticket, at=at(9), violation=violation(f"x{self.changes}"))], at=at(9)
                )
            return found

    ledger = Restless()
    await record(ledger, story())
    bundle = await export_incident(ledger, TicketId(3), versions={}, by="ada", at=LATER)
    assert len(bundle.replayed().violations) == 3
    ledger.changes = 99
    with pytest.raises(LedgerError, match="changes faster than it can be read"):
        await export_incident(ledger, TicketId(3), versions={}, by="ada", at=LATER)
