"""What every ledger does with what a person says: holds, silences, escalations, approvals."""

from collections.abc import Callable
from datetime import datetime

import pytest
from operator_core.actions import Action, ActionName, RiskClass
from operator_core.components import ComponentRef, Kind
from operator_core.decide import SilenceViolation
from operator_core.errors import LedgerError
from operator_core.incidents import HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import InvariantName
from operator_core.ports import Ledger
from operator_core.readings import ClusterName
from operator_core.record import (
    ActionApproved,
    ActionStage,
    ActionTaken,
    CycleFellShort,
    Entry,
    IncidentImported,
    RecordPruned,
    SilenceAdded,
    SilenceEnded,
    WatchTaken,
)
from operator_core.silences import Silence, SilenceId, SilenceScope
from operator_core.tickets import PROGRAM, Ticket, TicketId, TicketState, Violation

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
NODE = ComponentRef(Kind("node"), "1")
At = Callable[[float], datetime]
Make = Callable[..., Violation]


async def opened(ledger: Ledger, at: datetime, violation: Violation) -> Ticket:
    (ticket,) = await ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=at, violations=(violation,))], at=at)
    return ticket


class TestEveryLedger:
    async def test_a_held_ticket_is_resolved_by_a_person_and_not_by_the_program(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        ticket = await opened(ledger, t(10), violation())
        hold = HoldTicket(ticket=ticket.id, at=t(11), hold=True, by="Ada", because="we look into it")
        (held,) = await ledger.append(NORTH, [hold], at=t(11))
        assert (held.hold, held.state) == (True, TicketState.OPEN)
        assert await ledger.append(NORTH, [hold], at=t(12)) == ()  # twice is no change
        over = TicketState.RESOLVED
        with pytest.raises(LedgerError, match="is held; only a person ends that"):
            await ledger.append(NORTH, [MoveTicket(ticket=ticket.id, at=t(13), to=over, by=PROGRAM)], at=t(13))
        assert await ledger.ticket(ticket.id) == held
        (after,) = await ledger.append(NORTH, [MoveTicket(ticket=ticket.id, at=t(14), to=over, by="Ada")], at=t(14))
        assert after.state is over
        with pytest.raises(LedgerError, match="nothing to hold"):
            await ledger.append(NORTH, [hold], at=t(15))
        assert [r.entry for r in await ledger.history(ticket=ticket.id)][1:3] == [hold, hold]

    async def test_a_ticket_given_back_is_the_programs_again(self, ledger: Ledger, t: At, violation: Make) -> None:
        ticket = await opened(ledger, t(10), violation())
        for hold in (True, False):
            await ledger.append(NORTH, [HoldTicket(ticket=ticket.id, at=t(11), hold=hold, by="Ada")], at=t(11))
        over = MoveTicket(ticket=ticket.id, at=t(13), to=TicketState.RESOLVED, by=PROGRAM)
        (after,) = await ledger.append(NORTH, [over], at=t(13))
        assert not after.is_open

    async def test_an_escalation_is_ended_by_a_person_and_not_by_the_program(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        ticket = await opened(ledger, t(10), violation())
        up = MoveTicket(ticket=ticket.id, at=t(11), to=TicketState.ESCALATED, by=PROGRAM)
        await ledger.append(NORTH, [up], at=t(11))
        for to in (TicketState.RESOLVED, TicketState.OPEN):
            with pytest.raises(LedgerError, match="is escalated; only a person ends that"):
                await ledger.append(NORTH, [MoveTicket(ticket=ticket.id, at=t(12), to=to, by=PROGRAM)], at=t(12))
        join = JoinTicket(ticket=ticket.id, at=t(13), violation=violation("2"))
        await ledger.append(NORTH, [join], at=t(13))  # it still grows
        back = MoveTicket(ticket=ticket.id, at=t(14), to=TicketState.OPEN, by="Ada")
        (after,) = await ledger.append(NORTH, [back], at=t(14))
        assert after.state is TicketState.OPEN

    async def test_a_silence_gets_an_id_and_lasts_until_its_end(self, ledger: Ledger, t: At) -> None:
        scopes = (SilenceScope(), SilenceScope(component=NODE, invariant=InvariantName("node-answers")))
        said = [
            SilenceAdded(at=t(n), ends=t(n + 60), scope=s, by="Ada", because="repair") for n, s in enumerate(scopes)
        ]
        for entry, cluster in zip(said, (NORTH, SOUTH), strict=True):
            assert await ledger.append(cluster, [entry], at=entry.at) == ()
        expected = [
            Silence(id=SilenceId(n + 1), cluster=c, scope=s, starts=t(n), ends=t(n + 60), by="Ada", because="repair")
            for n, (c, s) in enumerate(zip((NORTH, SOUTH), scopes, strict=True))
        ]
        assert await ledger.silences() == tuple(expected)
        assert await ledger.silences(SOUTH) == (expected[1],)
        assert [r.entry for r in await ledger.history(NORTH)] == [said[0]]

    async def test_a_silence_is_ended_once_and_only_in_its_cluster(self, ledger: Ledger, t: At) -> None:
        said = SilenceAdded(at=t(0), ends=t(60), scope=SilenceScope(), by="Ada")
        await ledger.append(NORTH, [said, said], at=t(0))
        first, second = await ledger.silences(NORTH)
        end = SilenceEnded(silence=first.id, at=t(20), by="Bob")
        with pytest.raises(LedgerError, match=f"no silence {first.id} of cluster 'south'"):
            await ledger.append(SOUTH, [end], at=t(20))
        with pytest.raises(LedgerError, match="no silence 9 of cluster 'north'"):
            await ledger.append(NORTH, [SilenceEnded(silence=SilenceId(9), at=t(20), by="Bob")], at=t(20))
        await ledger.append(NORTH, [end], at=t(20))
        await ledger.append(NORTH, [SilenceEnded(silence=first.id, at=t(30), by="Bob")], at=t(30))
        await ledger.append(NORTH, [SilenceEnded(silence=second.id, at=t(70), by="Bob")], at=t(70))  # over by itself
        assert [s.ended_at for s in await ledger.silences(NORTH)] == [t(20), None]

    async def test_a_silence_that_ends_before_it_begins_is_refused(self, ledger: Ledger, t: At) -> None:
        with pytest.raises(LedgerError, match="cannot end at"):
            await ledger.append(NORTH, [SilenceAdded(at=t(9), ends=t(9), scope=SilenceScope(), by="Ada")], at=t(9))
        assert (await ledger.silences(), await ledger.history()) == ((), ())

    async def test_everything_else_is_kept_as_it_was_said(self, ledger: Ledger, t: At, violation: Make) -> None:
        ticket = await opened(ledger, t(10), violation())
        action = Action(
            name=ActionName("restart"), target=NODE, risk=RiskClass.LOW, takes_away=True, dry_run="POST /restart",
            parameters={"after": "5s"},
        )  # fmt: skip
        of_it: list[Entry] = [
            ActionApproved(ticket=ticket.id, at=t(11), by="Ada", action=action, until=t(99)),
            ActionTaken(ticket=ticket.id, at=t(12), action=action, stage=ActionStage.INDETERMINATE, because="lost"),
        ]
        others: list[Entry] = [
            CycleFellShort(number=3, at=t(13), took=t(9) - t(0), interval=t(5) - t(0), because="slow"),
            WatchTaken(at=t(14), holder="a:1:x", instead_of="b:2:y"),
            SilenceViolation(at=t(15), silence=SilenceId(4), violation=violation("7")),
            IncidentImported(
                at=t(17), cluster=SOUTH, ticket=TicketId(44), position=900, head="cd" * 32, digest="ef" * 32,
                versions={"operator": "0.2.0"}, redactions={"address": 3},
            ),
        ]  # fmt: skip
        await ledger.append(NORTH, [*of_it, *others], at=t(20))
        pruned = RecordPruned(at=t(16), by="Ada", first=1, last=9, observations=8, digest="ab" * 32)
        with pytest.raises(LedgerError, match="told by whoever prunes"):
            await ledger.append(NORTH, [pruned], at=t(20))
        assert [r.entry for r in await ledger.history(NORTH)][1:] == [*of_it, *others]
        assert [r.entry for r in await ledger.history(ticket=ticket.id)][1:] == of_it
        assert await ledger.silences() == ()
