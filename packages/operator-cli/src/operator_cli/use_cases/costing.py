"""What Claude has cost: investigation by investigation, model by model, from the record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from operator_core.ports import Investigations
from operator_core.readings import ClusterName
from operator_core.record import InvestigationPaid
from operator_core.tickets import TicketId

CUT_OFF = "cut off"
"""How an investigation ended that was never written down as ended: its process was killed, or it still goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one investigation cost, or several.

    Attributes:
        investigations: how many.
        unpriced: of so many it is not known what they cost.
    """

    investigations: int = 0
    unpriced: int = 0
    attempts: int = 0
    turns: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    cache_written: int = 0
    usd: Decimal = Decimal(0)
    wall: timedelta = timedelta(0)

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            investigations=self.investigations + other.investigations,
            unpriced=self.unpriced + other.unpriced,
            attempts=self.attempts + other.attempts,
            turns=self.turns + other.turns,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            cache_read=self.cache_read + other.cache_read,
            cache_written=self.cache_written + other.cache_written,
            usd=self.usd + other.usd,
            wall=self.wall + other.wall,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation:
    """One investigation, by what it cost.

    Attributes:
        began, ended_at: the first and the last that was written down of it.
        ended: how it ended.
    """

    began: datetime
    ended_at: datetime
    cluster: ClusterName
    ticket: TicketId | None
    model: str
    ended: str
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """All of them, oldest first, and their sums."""

    investigations: tuple[Investigation, ...]
    by_model: dict[str, Cost]
    total: Cost


def _cost(entries: Iterable[InvestigationPaid]) -> Cost:
    total = Cost()
    is_unpriced = False
    for e in entries:
        is_unpriced = is_unpriced or e.usd is None
        total += Cost(
            attempts=e.attempts,
            turns=e.turns,
            tokens_in=e.tokens_in,
            tokens_out=e.tokens_out,
            cache_read=e.cache_read,
            cache_written=e.cache_written,
            usd=e.usd or Decimal(0),
            wall=e.wall,
        )
    return replace(total, investigations=1, unpriced=int(is_unpriced))


def costs_of(entries: Iterable[InvestigationPaid]) -> Costs:
    """The entries, put together by their investigations."""
    together: defaultdict[str, list[InvestigationPaid]] = defaultdict(list)
    for entry in entries:
        together[entry.investigation].append(entry)
    investigations = [
        Investigation(
            began=min(e.at for e in own),
            ended_at=max(e.at for e in own),
            cluster=own[0].cluster,
            ticket=own[0].ticket,
            model=own[0].model,
            ended=next((e.ended for e in own if e.ended), CUT_OFF),
            cost=_cost(own),
        )
        for own in together.values()
    ]
    investigations.sort(key=lambda i: i.began)
    by_model: defaultdict[str, Cost] = defaultdict(Cost)
    for each in investigations:
        by_model[each.model] += each.cost
    return Costs(
        investigations=tuple(investigations),
        by_model=dict(sorted(by_model.items())),
        total=sum((i.cost for i in investigations), Cost()),
    )


async def costs(ledger: Investigations, *, since: datetime | None = None) -> Costs:
    """What was spent at an instant or later; of an investigation that began before, only that part."""
    return costs_of(await ledger.paid(since=since))
