"""What an actor tells of each thing that it did to a ledger: what it asked, when, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from operator_core.readings import ClusterName
from operator_core.record import CycleFellShort, Entry, Progress
from operator_core.tickets import Ticket
from operator_ledger.codec import FORMAT, Written, from_json, read, tag_of, to_json, written


def marker_of(entry: Entry) -> str | None:
    """The name of the append that an entry begins; None when it begins none."""
    return entry.because if isinstance(entry, CycleFellShort) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that was done.

    Attributes:
        actor, number: who did it, and the how manieth of his doings it was.
        doing: "append", or what was done to the lease: "take", "beat", "release".
        term: of the lease that it was done under, or that it gave; 0 for none.
        began, ended: on the machine's monotonic clock, in seconds; it came into force in between.
        outcome: "ok"; "none" for a lease that was not given; else why it was refused.
        entries: of an append.
        tickets: that it gave, as they were then.
    """

    actor: str
    number: int
    cluster: ClusterName
    doing: str
    term: int
    began: float
    ended: float
    outcome: str
    entries: tuple[Entry, ...] = ()
    tickets: tuple[Ticket, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.outcome == "ok"

    def line(self) -> str:
        """One line of text."""
        entries = [(tag_of(e), written(e).text.decode()) for e in self.entries]
        return json.dumps(
            [
                self.actor, self.number, self.cluster, self.doing, self.term, self.began, self.ended, self.outcome,
                entries, [to_json(t) for t in self.tickets],
            ]
        )  # fmt: skip

    @classmethod
    def parse(cls, line: str) -> Told:
        """Read what :meth:`line` wrote."""
        actor, number, cluster, doing, term, began, ended, outcome, entries, tickets = json.loads(line)
        return cls(
            actor=actor,
            number=number,
            cluster=ClusterName(cluster),
            doing=doing,
            term=term,
            began=began,
            ended=ended,
            outcome=outcome,
            entries=tuple(
                read(Written(tag=tag, format=FORMAT, coding="json", body=body.encode())) for tag, body in entries
            ),
            tickets=tuple(from_json(Ticket, text) for text in tickets),
        )


def without_progress(entries: Sequence[Entry]) -> list[Entry]:
    """What of some entries stands in the record as an entry of its own."""
    return [e for e in entries if not isinstance(e, Progress)]
