"""What a person does to tickets is recorded with who and why; what may not be is refused, and changes nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from operator_cli.use_cases.handling import Deed, handle
from operator_cli.wiring import Record
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError, LedgerError
from operator_core.incidents import EndInTicket, MoveTicket, OpenTicket
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from operator_core.record import Entry
from operator_core.runtime import VirtualClock
from operator_core.tickets import TRANSITIONS, Ticket, TicketId, TicketState, Violation
from operator_ledger import MemoryLedger

Run = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., None]
Opens = Callable[..., None]

T0 = datetime(2026, 1, 1, tzinfo=UTC)
CUPS = ClusterName("cups")


def states(operator: Run) -> list[str]:
    found = json.loads(operator("tickets", "list", "--all", "--json").stdout)["result"]
    return [t["state"] + (", held" if t["hold"] else "") for t in found]


def decided(operator: Run, number: str) -> list[tuple[str, str]]:
    moves = json.loads(operator("tickets", "show", number, "--json").stdout)["result"]["moves"]
    return [(m["by"], m["because"]) for m in moves]


def test_a_ticket_goes_through_a_persons_hands(operator: Run, opens: Opens) -> None:
    opens("disk-space")

    def do(*arguments: str) -> str:
        done = operator("tickets", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "ticket 1  warning  open (held)" in do("hold", "1", "--because", "disk is on its way")
    assert "(was held)" in do("unhold", "1", "--because", "it came", "--by", "bert")
    assert "escalated" in do("escalate", "1", "--because", "it does not fit")
    assert "ticket 1  warning  open" in do("reopen", "1", "--because", "it does")
    assert "(was open)" in do("resolve", "1", "--because", "done")
    assert states(operator) == ["resolved"]
    assert decided(operator, "1") == [
        ("anna", "disk is on its way"),
        ("bert", "it came"),
        ("anna", "it does not fit"),
        ("anna", "it does"),
        ("anna", "done"),
    ]


def test_who_signs_is_the_setting_when_nobody_is_named(
    operator: Run, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens("disk-space")
    monkeypatch.setenv("OPERATOR_USER", "the night shift")
    operator("tickets", "hold", "1", "--because", "x")
    assert decided(operator, "1") == [("the night shift", "x")]


def test_resolving_what_lasts_is_done_and_said(operator: Run, opens: Opens) -> None:
    opens("disk-space")
    done = operator("tickets", "resolve", "1", "--because", "will be")
    assert done.returncode == 0
    assert "disk-space of store 4 still lasts" in done.stderr
    assert "before it has ended once" in done.stderr


def test_what_ended_before_it_was_resolved_is_not_warned_of_and_comes_back_held(operator: Run, incident: Path) -> None:
    del incident
    done = operator("tickets", "reopen", "1", "--because", "look at it once more")
    assert "open (held)" in done.stdout
    assert "unhold 1" in done.stderr, "why, and how to give it back"
    done = operator("tickets", "resolve", "1", "--because", "seen enough")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("before", "deed", "words"),
    [
        ((), "unhold", ("ticket 1 is not held", "possible: resolve, escalate, hold, note")),
        ((), "reopen", ("ticket 1 is open already",)),
        (("hold",), "hold", ("ticket 1 is held already", "unhold")),
        (("escalate",), "escalate", ("ticket 1 is escalated already", "resolve, reopen, hold, note")),
        (("resolve",), "resolve", ("ticket 1 is resolved already", "possible: reopen, note")),
        (("resolve",), "escalate", ("ticket 1 is resolved and may not become escalated", "possible: reopen, note")),
        (("resolve",), "hold", ("ticket 1 is resolved", "nothing to hold")),
        (("resolve",), "unhold", ("ticket 1 is resolved", "nothing to hold")),
    ],
)
def test_what_may_not_be_is_refused_with_what_may(
    operator: Run, refused: Refused, opens: Opens, before: tuple[str, ...], deed: str, words: tuple[str, ...]
) -> None:
    opens("disk-space")
    for step in before:
        assert operator("tickets", step, "1", "--because", "x").returncode == 0
    there = states(operator)
    refused(["tickets", deed, "1", "--because", "x"], *words)
    assert states(operator) == there


def test_of_several_all_are_looked_at_before_the_first_is_touched(
    operator: Run, refused: Refused, opens: Opens
) -> None:
    opens("disk-space", "append-quick", "commit-quick")
    operator("tickets", "resolve", "3", "--because", "x")
    refused(["tickets", "resolve", "1", "2", "3", "--because", "x"], "ticket 3 is resolved already")
    refused(["tickets", "resolve", "1", "41", "--because", "x"], "there is no ticket 41")
    assert states(operator) == ["open", "open", "resolved"]
    done = operator("tickets", "resolve", "1", "2", "1", "--because", "x", "--json")
    assert [(t["id"], t["state"]) for t in json.loads(done.stdout)["result"]] == [(1, "resolved"), (2, "resolved")]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("resolve", "1"), ("--because",)),
        (("resolve", "1", "--because", " "), ("--because",)),
        (("hold", "1", "--because", "x", "--by", ""), ("--by",)),
        (("hold", "1", "--because", "x", "--by", "monitor"), ("--by", "monitor")),
        (("hold", "1", "--because", "x", "--by", "y" * 101), ("--by", "101")),
        (("note", "1", ""), ("the note",)),
        (("note", "1", "x" * 20_001), ("the note", "20,001")),
        (("resolve", "1", "two", "--because", "x"), ("ticket", "'two'")),
        (("note", "one", "x"), ("ticket", "'one'")),
        (("note", "41", "x"), ("ticket 41",)),
        (("note", "1", "-"), ("standard input",)),
    ],
)
def test_what_cannot_be_recorded_is_refused_by_name(
    operator: Run, refused: Refused, opens: Opens, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    opens("disk-space")
    refused(["tickets", *arguments], *words)
    assert decided(operator, "1") == []


def test_a_service_that_is_called_as_the_program_must_say_who_it_is(
    refused: Refused, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens("disk-space")
    monkeypatch.setenv("OPERATOR_USER", "monitor")
    refused(["tickets", "hold", "1", "--because", "x"], "setting user", "monitor", "--by")


def test_a_note_comes_from_standard_input_as_it_is(operator: Run, refused: Refused, opens: Opens) -> None:
    opens("disk-space")
    text = "größe: 4 TiB\n\x1b[31mred\x1b[0m\n  indented\n"
    done = operator("tickets", "note", "1", "-", "--json", stdin=text.encode())
    assert json.loads(done.stdout)["result"]["text"] == text.strip()
    shown = operator("tickets", "show", "1").stdout
    assert "größe: 4 TiB" in shown
    assert "\x1b" not in shown
    refused(["tickets", "note", "1", "-"], "UTF-8", stdin=b"\xff\xfe")
    refused(["tickets", "note", "1", "-"], "more than 20,000", stdin=b"x" * 100_000)


class _Interrupted(MemoryLedger):
    """Somebody else gets in before an append; what he does is done only once."""

    def __init__(self, instead: Callable[[MemoryLedger], Entry] | LedgerError, *, at_append: int) -> None:
        super().__init__()
        self._instead = instead
        self._left = at_append

    async def append(
        self,
        cluster: ClusterName,
        entries: Sequence[Entry],
        *,
        at: datetime,
        lease: Lease | None = None,
    ) -> tuple[Ticket, ...]:
        self._left -= 1
        if self._left == 0:
            if isinstance(self._instead, LedgerError):
                raise self._instead
            await super().append(cluster, [self._instead(self)], at=at)
        return await super().append(cluster, entries, at=at, lease=lease)


KEY = JudgementKey(invariant=InvariantName("full"), component=ComponentRef(Kind("cup"), "1"))


async def opened(ledger: MemoryLedger, *ids: str) -> Record:
    for ident in ids:
        key = JudgementKey(invariant=KEY.invariant, component=ComponentRef(Kind("cup"), ident))
        violation = Violation(
            key=key,
            since=T0,
            opened_at=T0,
            because="it leaks",
            severity=Severity.WARNING,
            concern=Concern.SUBJECT,
            readings=(),
        )
        await ledger.append(CUPS, [OpenTicket(cluster=CUPS, at=T0, violations=(violation,))], at=T0)
    return Record(ledger=ledger, clock=lambda _: VirtualClock(T0))


def resolved_by_another(_: MemoryLedger) -> Entry:
    return MoveTicket(ticket=TicketId(1), at=T0, to=TicketState.RESOLVED, by="bert")


async def test_whoever_comes_second_is_refused_as_if_he_had_looked_later() -> None:
    record = await opened(_Interrupted(resolved_by_another, at_append=2), "1")
    with pytest.raises(ConfigurationError, match="ticket 1 is resolved already; possible: reopen, note"):
        await handle(record, [1], Deed.RESOLVE, by="anna", because="x")


async def test_what_was_done_before_it_failed_is_said() -> None:
    record = await opened(_Interrupted(LedgerError("disk full"), at_append=5), "1", "2", "3")
    with pytest.raises(LedgerError, match=r"^disk full; done before: 1; not tried: 3$"):
        await handle(record, [1, 2, 3], Deed.RESOLVE, by="anna", because="x")
    assert [t.state for t in await record.ledger.tickets()] == [
        TicketState.RESOLVED,
        TicketState.OPEN,
        TicketState.OPEN,
    ]


async def test_a_ticket_whose_trouble_is_in_another_by_now_is_not_reopened() -> None:
    ledger = MemoryLedger()
    record = await opened(ledger, "1")
    await handle(record, [1], Deed.RESOLVE, by="anna", because="x")
    await opened(ledger, "1")
    with pytest.raises(ConfigurationError, match="full of cup 1 lasts in ticket 2"):
        await handle(record, [1], Deed.REOPEN, by="anna", because="x")
    await ledger.append(CUPS, [EndInTicket(ticket=TicketId(2), at=T0, key=KEY)], at=T0)
    (done,) = await handle(record, [1], Deed.REOPEN, by="anna", because="x")
    assert (done.ticket.is_open, done.ticket.hold) == (True, False), "something of it lasts: the monitor lets it be"


async def test_nothing_happens_to_a_ticket_before_what_happened_already() -> None:
    ledger = MemoryLedger()
    await opened(ledger, "1")
    early = Record(ledger=ledger, clock=lambda _: VirtualClock(datetime(2020, 1, 1, tzinfo=UTC)))
    (done,) = await handle(early, [1], Deed.RESOLVE, by="anna", because="x")
    assert done.ticket.resolved_at == T0


@pytest.mark.parametrize("state", TicketState)
async def test_a_person_may_do_what_the_table_of_states_allows_and_nothing_else(state: TicketState) -> None:
    for deed in (Deed.RESOLVE, Deed.ESCALATE, Deed.REOPEN):
        ledger = MemoryLedger()
        record = await opened(ledger, "1")
        for step in _WAY[state]:
            await ledger.append(CUPS, [MoveTicket(ticket=TicketId(1), at=T0, to=step, by="bert")], at=T0)
        allowed = deed.to in TRANSITIONS[state]
        try:
            await handle(record, [1], deed, by="anna", because="x")
        except ConfigurationError:
            assert not allowed, (state, deed)
        else:
            assert allowed, (state, deed)


_WAY = {
    TicketState.OPEN: (),
    TicketState.DIAGNOSED: (TicketState.DIAGNOSED,),
    TicketState.ACTING: (TicketState.DIAGNOSED, TicketState.ACTING),
    TicketState.VERIFYING: (TicketState.DIAGNOSED, TicketState.ACTING, TicketState.VERIFYING),
    TicketState.ESCALATED: (TicketState.ESCALATED,),
    TicketState.RESOLVED: (TicketState.RESOLVED,),
}
