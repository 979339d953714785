"""What is written into the ledger: one entry a fact, appended together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from operator_core.decide import EndInTicket, JoinTicket, MoveTicket, OpenTicket, Tracked
from operator_core.diagnosis import Diagnosis
from operator_core.judgements import Judgement, JudgementKey
from operator_core.readings import ClusterName, Observation
from operator_core.tickets import TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationKept:
    """An observation worth keeping whole: something cites it."""

    observation: Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementChanged:
    """A verdict that is not the one of the observation before."""

    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a cluster's monitor has come: a state that replaces the one before, not a fact of its own."""

    number: int
    at: datetime
    tracked: Mapping[JudgementKey, Tracked]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisMade:
    """A diagnosis, of a ticket or of what was happening."""

    diagnosis: Diagnosis


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded:
    """What a person, or Operator itself, has to say about a ticket."""

    ticket: TicketId
    at: datetime
    by: str
    text: str


Entry = (
    ObservationKept
    | JudgementChanged
    | Progress
    | DiagnosisMade
    | NoteAdded
    | OpenTicket
    | JoinTicket
    | EndInTicket
    | MoveTicket
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An entry as it stands in the ledger."""

    sequence: int
    cluster: ClusterName
    at: datetime
    entry: Entry
