"""What is written into the ledger: one entry a fact, appended together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from operator_core.actions import Action
from operator_core.decide import SilenceViolation, Tracked
from operator_core.diagnosis import Diagnosis
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import Judgement, JudgementKey
from operator_core.readings import ClusterName, Observation, Reading, Unseen
from operator_core.silences import SilenceId, SilenceScope
from operator_core.tickets import TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationKept:
    """What was seen in one cycle."""

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
class CycleFellShort:
    """A cycle that failed, or took longer than the interval.

    Attributes:
        number: of its observation; 0 when it never came to look.
        took: on the cluster's clock.
        interval: the time that it had.
    """

    number: int
    at: datetime
    took: timedelta
    interval: timedelta
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTaken:
    """A monitor has begun to watch the cluster.

    Attributes:
        holder: who it is: host, process, and a word that no other has.
        instead_of: who had the watch before and let it lapse; None when nobody did.
    """

    at: datetime
    holder: str
    instead_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisMade:
    """A diagnosis, of a ticket or of what was happening."""

    diagnosis: Diagnosis


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAsked:
    """A read-only question that was put to the subject, and what came back.

    Attributes:
        number: unique within the cluster's record; the readings are ``p<number>.<n>``.
        by: which diagnoser asked.
        given: in the order in which the probe gave it.
        ticket: what it was asked for; None when it was about no ticket.
    """

    at: datetime
    number: int
    name: str
    arguments: Mapping[str, str]
    by: str
    given: tuple[Reading | Unseen, ...]
    ticket: TicketId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvestigationPaid:
    """What a model cost since the last such entry of the same investigation; the sum of them is what it cost.

    Attributes:
        at: on the wall clock, for money is spent by the day, however fast a cluster's clock runs.
        cluster: whose record it stands in.
        investigation: a word that no other investigation has.
        case: SHA-256 in hex of what was asked about; the same again need not be paid for again.
        attempts: HTTP requests, the repeated ones included.
        turns: answers of the model.
        tokens_in: that were neither read from nor written to the cache.
        usd: None when the model's price is not known.
        wall: how long it took.
        ended: how it ended, in a word; empty while it goes on.
    """

    at: datetime
    cluster: ClusterName
    investigation: str
    case: str
    diagnoser: str
    model: str
    attempts: int
    turns: int
    tokens_in: int
    tokens_out: int
    cache_read: int
    cache_written: int
    usd: Decimal | None
    wall: timedelta
    ended: str = ""
    ticket: TicketId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded:
    """What a person, or Operator itself, has to say about a ticket."""

    ticket: TicketId
    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceAdded:
    """A person expects certain violations until a time; the ledger gives the silence its id.

    Attributes:
        at: from when it counts.
        ends: the first instant at which it counts no more.
    """

    at: datetime
    ends: datetime
    scope: SilenceScope
    by: str
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEnded:
    """A person ends a silence before its time."""

    silence: SilenceId
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionApproved:
    """A person allows exactly this action at exactly this target."""

    ticket: TicketId
    at: datetime
    by: str
    action: Action
    until: datetime


class ActionStage(Enum):
    """How far an action has come."""

    STARTED = "started"
    DONE = "done"
    REFUSED = "refused"
    """The guard or the subject said no; nothing was changed."""
    INDETERMINATE = "indeterminate"
    """Sent, and the outcome was not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTaken:
    """What was done to a subject, and what came of it; written before and after."""

    ticket: TicketId
    at: datetime
    action: Action
    stage: ActionStage
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPruned:
    """Observations were thrown away whose place in the record, and whose digests, stay.

    Attributes:
        first, last: numbers of the first and the last observation of the range; some between may have been kept.
        observations: how many are gone.
        digest: SHA-256 in hex over the digests of what is gone, in order.
    """

    at: datetime
    by: str
    first: int
    last: int
    observations: int
    digest: str
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentImported:
    """What follows was recorded elsewhere and came in as a bundle.

    Attributes:
        cluster: its name there; likewise `ticket`.
        position, head: length and newest digest of the original's chain when the bundle was made.
        digest: SHA-256 in hex of the bundle's own chain.
        versions: of what wrote it, by name.
        redactions: what was masked, and how often.
    """

    at: datetime
    cluster: ClusterName
    ticket: TicketId
    position: int
    head: str
    digest: str
    versions: Mapping[str, str]
    redactions: Mapping[str, int]


Entry = (
    ObservationKept
    | JudgementChanged
    | Progress
    | CycleFellShort
    | WatchTaken
    | DiagnosisMade
    | ProbeAsked
    | InvestigationPaid
    | NoteAdded
    | OpenTicket
    | JoinTicket
    | EndInTicket
    | MoveTicket
    | HoldTicket
    | SilenceViolation
    | SilenceAdded
    | SilenceEnded
    | ActionApproved
    | ActionTaken
    | RecordPruned
    | IncidentImported
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An entry as it stands in the ledger.

    Attributes:
        sequence: rises from entry to entry within the ledger.
    """

    sequence: int
    cluster: ClusterName
    at: datetime
    entry: Entry
