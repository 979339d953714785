"""A ledger in the dumbest way: a dictionary of tickets, a list of silences, and the rules once more in plain words.

It shares nothing with the real ledgers but the entries themselves, so where the two agree it is not because they have
the same mistake. What it refuses it refuses with one word.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import JudgementKey
from operator_core.readings import ClusterName
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    DiagnosisMade,
    Entry,
    NoteAdded,
    ObservationKept,
    Recorded,
    SilenceAdded,
    SilenceEnded,
)
from operator_core.sight import LOST_SIGHT
from operator_core.silences import Silence
from operator_core.tickets import Ticket, Violation

MOVES = {
    "open": ("diagnosed", "escalated", "resolved"),
    "diagnosed": ("acting", "escalated", "resolved"),
    "acting": ("verifying", "escalated"),
    "verifying": ("diagnosed", "escalated", "resolved"),
    "escalated": ("open", "resolved"),
    "resolved": ("open",),
}
_RANK = {"info": 0, "warning": 1, "critical": 2}


class Refused(Exception):
    """The model says no; the word tells why."""


@dataclass
class Wound:
    """A violation in a ticket."""

    key: JudgementKey
    since: datetime
    because: str
    severity: str
    ended: datetime | None

    @classmethod
    def of(cls, violation: Violation) -> Wound:
        return cls(violation.key, violation.since, violation.because, violation.severity.value, violation.ended_at)


@dataclass
class Sheet:
    """A ticket."""

    cluster: ClusterName
    opened: datetime
    wounds: list[Wound]
    state: str = "open"
    hold: bool = False
    resolved: datetime | None = None

    def lasting(self) -> list[JudgementKey]:
        return [w.key for w in self.wounds if w.ended is None]

    def shown(self) -> tuple[object, ...]:
        """What a person sees of it."""
        worst = self.wounds[0]
        for wound in self.wounds[1:]:
            if _RANK[wound.severity] > _RANK[worst.severity]:
                worst = wound
            elif wound.severity == worst.severity:
                # What ails the subject names a ticket before what is not seen of it; then the earlier does.
                worst = min(worst, wound, key=lambda w: (w.key.invariant == LOST_SIGHT, w.since))
        others = sorted({str(w.key.component) for w in self.wounds if str(w.key.component) != str(worst.key.component)})
        title = worst.because if not others else f"{worst.because} (also {', '.join(others)})"
        wounds = [(str(w.key), w.since, w.because, w.severity, w.ended) for w in self.wounds]
        return (
            self.cluster, self.opened, self.state, self.hold, self.resolved, title, str(worst.key.component),
            worst.severity, wounds,
        )  # fmt: skip


def shown(ticket: Ticket) -> tuple[object, ...]:
    """A real ticket as the model shows one."""
    wounds = [(str(v.key), v.since, v.because, v.severity.value, v.ended_at) for v in ticket.violations]
    return (
        ticket.cluster, ticket.opened_at, ticket.state.value, ticket.hold, ticket.resolved_at, ticket.title,
        str(ticket.component), ticket.severity.value, wounds,
    )  # fmt: skip


@dataclass
class Hush:
    """A silence."""

    cluster: ClusterName
    added: SilenceAdded
    ended: datetime | None = None

    def shown(self) -> tuple[object, ...]:
        a = self.added
        return (self.cluster, a.scope, a.at, a.ends, a.by, a.because, self.ended)


def hush_shown(silence: Silence) -> tuple[object, ...]:
    """A real silence as the model shows one."""
    return (
        silence.cluster, silence.scope, silence.starts, silence.ends, silence.by, silence.because, silence.ended_at,
    )  # fmt: skip


def about(entry: Entry) -> int | None:
    """The ticket that an entry may change."""
    match entry:
        case JoinTicket() | EndInTicket() | MoveTicket() | HoldTicket():
            return entry.ticket
        case DiagnosisMade():
            return entry.diagnosis.ticket
        case _:
            return None


@dataclass
class Model:
    """Everything there is.

    Attributes:
        sheets: by number.
        hushes: by number.
    """

    sheets: dict[int, Sheet] = field(default_factory=dict[int, Sheet])
    hushes: dict[int, Hush] = field(default_factory=dict[int, Hush])
    looks: dict[tuple[ClusterName, int], str] = field(default_factory=dict[tuple[ClusterName, int], str])

    def refusal(self, cluster: ClusterName, entries: Sequence[Entry]) -> str | None:
        """Why an append would be refused now; None when it would not."""
        numbers = {n for entry in entries if (n := about(entry)) is not None}
        trial = Model(
            sheets={n: copy.deepcopy(s) if n in numbers else s for n, s in self.sheets.items()},
            hushes=dict(self.hushes),
            looks=dict(self.looks),
        )
        try:
            for entry in entries:
                trial.write(cluster, entry, ticket=max(trial.sheets, default=0) + 1, silence=0)
        except Refused as e:
            return str(e)
        return None

    def write(self, cluster: ClusterName, entry: Entry, *, ticket: int, silence: int) -> None:
        """Do what an entry says.

        Args:
            ticket: number of the ticket that it opens, if it opens one; likewise `silence`.

        Raises:
            Refused: it cannot be done.
        """
        match entry:
            case OpenTicket():
                if not entry.violations:
                    raise Refused("empty")
                sheet = Sheet(cluster, entry.at, [Wound.of(v) for v in entry.violations])
                self._check_single(cluster, sheet, None)
                self.sheets[ticket] = sheet
            case JoinTicket():
                sheet = self._sheet(cluster, entry.ticket)
                if sheet.state == "resolved":
                    raise Refused("resolved")
                wound = Wound.of(entry.violation)
                self._check_single(cluster, Sheet(cluster, sheet.opened, [*sheet.wounds, wound]), entry.ticket)
                sheet.wounds.append(wound)
            case EndInTicket():
                sheet = self._sheet(cluster, entry.ticket)
                found = [w for w in sheet.wounds if w.key == entry.key and w.ended is None]
                if not found:
                    raise Refused("not lasting")
                for wound in found:
                    wound.ended = entry.at
            case MoveTicket():
                self._move(cluster, entry)
            case HoldTicket():
                sheet = self._sheet(cluster, entry.ticket)
                if sheet.state == "resolved":
                    raise Refused("resolved")
                sheet.hold = entry.hold
            case DiagnosisMade() if entry.diagnosis.ticket is not None:
                sheet = self._sheet(cluster, entry.diagnosis.ticket)
                if sheet.state == "open":
                    sheet.state = "diagnosed"
            case NoteAdded() | ActionApproved() | ActionTaken():
                self._sheet(cluster, entry.ticket)
            case SilenceAdded():
                if entry.ends <= entry.at:
                    raise Refused("ends before it begins")
                self.hushes[silence] = Hush(cluster, entry)
            case SilenceEnded():
                self._end_hush(cluster, entry)
            case ObservationKept():
                place = (cluster, entry.observation.number)
                if self.looks.setdefault(place, repr(entry)) != repr(entry):
                    raise Refused("another observation")
            case _:
                pass

    def _sheet(self, cluster: ClusterName, number: int) -> Sheet:
        sheet = self.sheets.get(number)
        if sheet is None or sheet.cluster != cluster:
            raise Refused("no ticket")
        return sheet

    def _move(self, cluster: ClusterName, entry: MoveTicket) -> None:
        sheet = self._sheet(cluster, entry.ticket)
        to = entry.to.value
        if to not in MOVES[sheet.state]:
            raise Refused("may not become")
        if entry.by == "monitor" and sheet.state == "escalated":
            raise Refused("escalated")
        if entry.by == "monitor" and sheet.hold and to == "resolved":
            raise Refused("held")
        if sheet.state == "resolved":
            self._check_single(cluster, sheet, entry.ticket)
        sheet.state = to
        sheet.resolved = entry.at if to == "resolved" else None

    def _end_hush(self, cluster: ClusterName, entry: SilenceEnded) -> None:
        hush = self.hushes.get(entry.silence)
        if hush is None or hush.cluster != cluster:
            raise Refused("no silence")
        if hush.ended is None and entry.at < hush.added.ends:
            self.hushes[entry.silence] = Hush(cluster, hush.added, entry.at)

    def _check_single(self, cluster: ClusterName, sheet: Sheet, number: int | None) -> None:
        mine = sheet.lasting()
        if len(set(mine)) < len(mine):
            raise Refused("taken")
        others = [s for n, s in self.sheets.items() if n != number and s.cluster == cluster and s.state != "resolved"]
        if any(set(mine) & set(there.lasting()) for there in others):
            raise Refused("taken")

    def replay(self, record: Iterable[Recorded], tickets: dict[int, int], silences: dict[int, int]) -> None:
        """Do what a record says, in its order.

        Args:
            tickets: number of the ticket that the entry of a sequence opened.
            silences: likewise of the silence that it stated.
        """
        for recorded in record:
            self.write(
                recorded.cluster,
                recorded.entry,
                ticket=tickets.get(recorded.sequence, 0),
                silence=silences.get(recorded.sequence, 0),
            )


def numbered(record: Iterable[Recorded], tickets: Iterable[Ticket], silences: Iterable[Silence]) -> Numbers:
    """Which ticket or silence each entry of a record brought into being: those of one cluster have one order."""
    opened = [r for r in record if isinstance(r.entry, OpenTicket)]
    stated = [r for r in record if isinstance(r.entry, SilenceAdded)]
    return Numbers(
        tickets=_paired(opened, [(t.cluster, t.id) for t in tickets]),
        silences=_paired(stated, [(s.cluster, s.id) for s in silences]),
    )


@dataclass(frozen=True)
class Numbers:
    """Numbers that a ledger gave, by the sequence of the entry.

    Attributes:
        tickets: of tickets.
        silences: of silences.
    """

    tickets: dict[int, int]
    silences: dict[int, int]


def _paired(entries: list[Recorded], there: list[tuple[ClusterName, int]]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    for cluster in sorted({name for name, _ in there} | {r.cluster for r in entries}):
        mine = [r.sequence for r in entries if r.cluster == cluster]
        numbers = sorted(number for name, number in there if name == cluster)
        assert len(mine) == len(numbers), f"{len(mine)} entries of {cluster!r} made {len(numbers)} of these"
        pairs.update(zip(mine, numbers, strict=True))
    return pairs
