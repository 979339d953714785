"""What every ledger does with entries about what their own append brings into being."""

from collections.abc import Callable
from datetime import datetime

import pytest
from operator_core.decide import SilenceViolation
from operator_core.errors import LedgerError
from operator_core.incidents import JoinTicket, MoveTicket, OpenTicket
from operator_core.ports import Ledger
from operator_core.readings import ClusterName
from operator_core.record import Entry, NoteAdded, SilenceAdded, SilenceEnded
from operator_core.silences import SilenceId, SilenceScope
from operator_core.tickets import TicketId, TicketState, Violation

NORTH = ClusterName("north")
At = Callable[[float], datetime]
Make = Callable[..., Violation]


def note(ticket: int, at: datetime, text: str = "seen") -> NoteAdded:
    return NoteAdded(ticket=TicketId(ticket), at=at, by="ada", text=text)


def opens(at: datetime, violation: Violation) -> OpenTicket:
    return OpenTicket(cluster=NORTH, at=at, violations=(violation,))


class TestEveryLedger:
    async def test_an_append_may_speak_of_the_tickets_that_it_opens(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        await ledger.append(NORTH, [opens(t(0), violation("9"))], at=t(0))
        entries: list[Entry] = [
            opens(t(1), violation("1")),
            note(-1, t(1), "of the first"),
            opens(t(1), violation("2")),
            JoinTicket(ticket=TicketId(-1), at=t(2), violation=violation("3")),
            MoveTicket(ticket=TicketId(-2), at=t(3), to=TicketState.ESCALATED, by="ada"),
        ]
        first, second = await ledger.append(NORTH, entries, at=t(4))
        assert ([len(x.violations) for x in (first, second)], second.state) == ([2, 1], TicketState.ESCALATED)
        about = [r.entry for r in await ledger.history(ticket=first.id)]
        assert about == [
            entries[0],
            note(first.id, t(1), "of the first"),
            JoinTicket(ticket=first.id, at=t(2), violation=violation("3")),
        ]

    async def test_likewise_of_the_silences_that_it_states(self, ledger: Ledger, t: At, violation: Make) -> None:
        other = SilenceAdded(at=t(0), ends=t(99), scope=SilenceScope(), by="ada")
        await ledger.append(NORTH, [other], at=t(0))
        entries: list[Entry] = [
            other,
            SilenceAdded(at=t(1), ends=t(50), scope=SilenceScope(), by="bob"),
            SilenceViolation(at=t(2), silence=SilenceId(-1), violation=violation()),
            SilenceEnded(silence=SilenceId(-2), at=t(5), by="bob"),
        ]
        await ledger.append(NORTH, entries, at=t(5))
        one, two, three = await ledger.silences(NORTH)
        assert [s.ended_at for s in (one, two, three)] == [None, None, t(5)]
        assert [r.entry for r in await ledger.history(NORTH)][3:] == [
            SilenceViolation(at=t(2), silence=two.id, violation=violation()),
            SilenceEnded(silence=three.id, at=t(5), by="bob"),
        ]

    @pytest.mark.parametrize("place", [-1, -2])
    async def test_what_it_does_not_open_before_is_refused_as_a_whole(
        self, ledger: Ledger, t: At, violation: Make, place: int
    ) -> None:
        entries: list[Entry] = [note(place, t(0)), opens(t(0), violation())]
        with pytest.raises(LedgerError, match=f"ticket {place} is meant"):
            await ledger.append(NORTH, entries, at=t(0))
        assert (await ledger.tickets(), await ledger.history()) == ((), ())
