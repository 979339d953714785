"""``operator tickets list --watch``: what changes is told once, and a record that cannot be read changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from operator_cli.render.following import teller
from operator_cli.use_cases.following import Change, Seen, follow
from operator_cli.use_cases.tickets import Wanted
from operator_cli.wiring import Record
from operator_core.components import ComponentRef, Kind
from operator_core.errors import LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, MoveTicket, OpenTicket
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.readings import ClusterName
from operator_core.record import Entry
from operator_core.runtime import VirtualClock, run_virtual
from operator_core.tickets import Ticket, TicketId, TicketState, Violation
from operator_ledger import MemoryLedger

CUPS = ClusterName("cups")
T0 = datetime(2026, 1, 1, tzinfo=UTC)
KEY = JudgementKey(invariant=InvariantName("full"), component=ComponentRef(Kind("cup"), "1"))


def opens(cup: str) -> Entry:
    violation = Violation(
        key=JudgementKey(invariant=KEY.invariant, component=ComponentRef(Kind("cup"), cup)),
        since=T0,
        opened_at=T0,
        because=f"cup {cup} leaks",
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        readings=(),
    )
    return OpenTicket(cluster=CUPS, at=T0, violations=(violation,))


def moves(ticket: int, to: TicketState) -> Entry:
    return MoveTicket(ticket=TicketId(ticket), at=T0, to=to, by="anna")


class _Failing(MemoryLedger):
    fails = False

    async def tickets(self, *arguments: object, **terms: object) -> tuple[Ticket, ...]:
        if self.fails:
            raise LedgerError("the disk is gone")
        return await super().tickets(*arguments, **terms)  # pyright: ignore[reportArgumentType]


def looks(*steps: Entry | Callable[[_Failing], None] | None, wanted: Wanted | None = None) -> list[Seen]:
    """What is seen at first, and after each step."""

    async def watch() -> list[Seen]:
        clock = VirtualClock(T0)
        ledger = _Failing()
        await ledger.append(CUPS, [opens("1")], at=T0)
        seen: list[Seen] = []
        record = Record(ledger=ledger, clock=lambda _: clock)
        async with aclosing(follow(record, wanted or Wanted(), every=timedelta(seconds=2), clock=clock)) as following:
            seen.append(await anext(following))
            for step in steps:
                if callable(step):
                    step(ledger)
                elif step is not None:
                    await ledger.append(CUPS, [step], at=T0)
                seen.append(await anext(following))
        return seen

    return run_virtual(watch())


def news(seen: Seen) -> list[tuple[Change, int, TicketState]]:
    return [(c.change, c.ticket.id, c.ticket.state) for c in seen.changes]


def test_what_changes_is_told_once_and_with_what_came_of_it() -> None:
    first, *later = looks(
        None,
        opens("2"),
        None,
        HoldTicket(ticket=TicketId(1), at=T0, hold=True, by="anna"),
        moves(2, TicketState.ESCALATED),
        EndInTicket(ticket=TicketId(1), at=T0, key=KEY),
        moves(1, TicketState.RESOLVED),
        None,
    )
    assert news(first) == [(Change.THERE, 1, TicketState.OPEN)]
    assert [news(seen) for seen in later] == [
        [],
        [(Change.OPENED, 2, TicketState.OPEN)],
        [],
        [(Change.HELD, 1, TicketState.OPEN)],
        [(Change.MOVED, 2, TicketState.ESCALATED)],
        [(Change.GREW, 1, TicketState.OPEN)],
        [(Change.MOVED, 1, TicketState.RESOLVED)],
        [],
    ]


def test_a_record_that_cannot_be_read_closes_no_ticket() -> None:
    def fails(ledger: _Failing) -> None:
        ledger.fails = True

    def recovers(ledger: _Failing) -> None:
        ledger.fails = False

    _, failed, again = looks(fails, recovers)
    assert (failed.failed, failed.changes) == ("the disk is gone", ())
    assert [t.id for t in failed.listed.tickets] == [1], "what was read before is still shown"
    assert (again.failed, again.changes) == (None, ())


def test_a_ticket_that_newer_ones_push_out_has_not_ended() -> None:
    _, after = looks(opens("2"), wanted=Wanted(newest=1))
    assert news(after) == [(Change.OPENED, 2, TicketState.OPEN)]
    _, after = looks(moves(1, TicketState.ESCALATED), wanted=Wanted(states=frozenset({TicketState.OPEN})))
    assert news(after) == [(Change.MOVED, 1, TicketState.ESCALATED)]


def test_where_there_is_no_terminal_each_change_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(ledger: _Failing) -> None:
        ledger.fails = True

    seen = looks(opens("2"), moves(1, TicketState.RESOLVED), fails, None)
    with teller(Wanted(), as_json=False) as tell:
        for each in seen:
            tell(each)
    said = capsys.readouterr()
    assert [line.split()[1:4] for line in said.out.splitlines()] == [
        ["there", "ticket", "1"],
        ["opened", "ticket", "2"],
        ["resolved", "ticket", "1"],
    ]
    assert said.err == "operator: the disk is gone\n", "once, however often it is asked"
    with teller(Wanted(), as_json=True) as tell:
        for each in seen:
            tell(each)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {d["schema"] for d in documents} == {"operator.ticket-change/1"}
    assert [(d["result"]["change"], d["result"]["ticket"]["id"]) for d in documents] == [
        ("there", 1),
        ("opened", 2),
        ("moved", 1),
    ]
