"""The ports: what the rooms in the middle need of each other. The command line hands them in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol, runtime_checkable

from operator_core.claims import Interval
from operator_core.components import ComponentRef, Endpoint
from operator_core.decide import Tracked
from operator_core.diagnosis import Diagnosis
from operator_core.faults import Fault, FaultCapability, FaultId, JournalEntry, Undo
from operator_core.judgements import JudgementKey, Severity
from operator_core.knowledge import Knowledge
from operator_core.readings import ClusterName, Contact, Observation, Reading, ReadingId, Unseen
from operator_core.record import Entry, InvestigationPaid, ProbeAsked, Recorded
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId


class Clock(Protocol):
    """Time, as the cluster under watch has it."""

    def now(self) -> datetime:
        """The instant, aware."""
        ...

    async def sleep(self, duration: timedelta) -> None: ...

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        """A block that raises TimeoutError when it takes longer than this."""
        ...


class Dialer(Protocol):
    """Knocks at a door below HTTP."""

    async def dial(self, host: str, port: int, hello: bytes, *, within: timedelta) -> tuple[Contact, bytes]:
        """Connect, send, and wait for the first bytes that come back.

        Returns:
            ANSWERED with the bytes; else REFUSED, UNANSWERED (never connected within the time), SILENT
            (connected, nothing came back within the time) with no bytes. It does not raise for any of these.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeParameter:
    """One argument of a probe.

    Attributes:
        choices: the only values that are taken, when the set is closed.
    """

    name: str
    describes: str
    required: bool = True
    choices: tuple[str, ...] = ()


class Probe(Protocol):
    """A read-only question that can be put to a subject; the same object serves rules, models and people."""

    @property
    def name(self) -> str: ...

    @property
    def describes(self) -> str: ...

    @property
    def parameters(self) -> tuple[ProbeParameter, ...]: ...

    async def ask(self, arguments: Mapping[str, str], *, number: int) -> tuple[Reading | Unseen, ...]:
        """Put the question; what could not be had comes back as Unseen.

        Args:
            number: the observation number under which the readings get their ids.

        Raises:
            ConfigurationError: an argument is unknown, missing, or names nothing that exists.
        """
        ...


class Prober(Protocol):
    """Puts probes, and keeps what they gave in the record before anybody sees it."""

    @property
    def probes(self) -> Sequence[Probe]:
        """What can be asked; empty when nothing can be."""
        ...

    async def ask(self, name: str, arguments: Mapping[str, str]) -> tuple[Reading | Unseen, ...]:
        """Put a probe by its name; what comes back stands in the record already, under ids of its own.

        Raises:
            ConfigurationError: no such probe, or an argument that is unknown, missing, or names nothing that exists.
            LedgerError: it could not be kept, so it is not shown either.
        """
        ...


@runtime_checkable
class Subject(Protocol):
    """A distributed system under watch."""

    async def observe(self, number: int) -> Observation:
        """Look at everything once. A source that fails is in the observation, it is not an exception."""
        ...

    async def knowledge(self) -> Knowledge:
        """What is known about such a subject, as data."""
        ...

    async def probes(self) -> Sequence[Probe]:
        """The read-only questions that can be asked."""
        ...

    async def locate(self, labels: Mapping[str, str]) -> ComponentRef | None:
        """The component that a foreign label set speaks of, or None when it is none of ours."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class ServiceHealth(Enum):
    """How one service of a deployment is."""

    RUNNING = "running"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    PAUSED = "paused"
    STOPPED = "stopped"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """One service of a deployment, also one that does not run.

    Attributes:
        since: when it came into this state, as far as the engine tells.
        image: what it runs, in the engine's words; None where there are no images.
        restarts: how often the engine itself has started it again; None where it does not count.
    """

    name: str
    health: ServiceHealth
    component: ComponentRef | None = None
    addresses: tuple[str, ...] = ()
    since: datetime | None = None
    detail: str = ""
    image: str | None = None
    restarts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """Every service that should be there, and how it is."""

    name: str
    services: tuple[ServiceStatus, ...]

    @property
    def is_up(self) -> bool:
        return any(s.health is not ServiceHealth.MISSING for s in self.services)

    @property
    def is_healthy(self) -> bool:
        return bool(self.services) and all(s.health is ServiceHealth.RUNNING for s in self.services)


Progressed = Callable[[str], None]
"""Told in plain words what is being done or waited for."""


class Deployment(Protocol):
    """How a subject's processes are run. Every method but `clock` raises DeploymentError when the engine says no."""

    async def up(self, progressed: Progressed) -> None:
        """Bring every service up and wait until they answer; one that is up already is left alone."""
        ...

    async def down(self, progressed: Progressed) -> None:
        """Take everything away; nothing there is no error."""
        ...

    async def status(self) -> DeploymentStatus: ...

    def logs(self, service: str | None, *, follow: bool, tail: int | None) -> AsyncIterator[str]:
        """Log lines, of one service or of all; a service that does not exist is a ConfigurationError."""
        ...

    async def restart(self, service: str | None, progressed: Progressed) -> None: ...

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """For each component's doors the address it advertises and the one that can be reached from here."""
        ...

    def clock(self) -> Clock:
        """The cluster's time."""
        ...


class FaultTarget(Protocol):
    """What faults can be done to. The catalogue, the guard, the journal and the timing belong to chaos."""

    async def capabilities(self) -> tuple[FaultCapability, ...]: ...

    async def plan(self, fault: Fault) -> Undo:
        """How the fault would be taken back; only reads.

        Raises:
            ConfigurationError: there is no such component, or the fault cannot be done to it.
        """
        ...

    async def inject(self, fault: Fault, undo: Undo) -> None: ...

    async def undo(self, undo: Undo) -> None:
        """Take a fault back; doing it twice, or after the target is gone, is no error."""
        ...


class FaultJournal(Protocol):
    """The record of faults and their truth. No diagnoser, probe or bundle is ever given it."""

    async def plan(self, deployment: str, fault: Fault, undo: Undo, at: datetime) -> FaultId:
        """Write the undo down, durably, before the fault is done."""
        ...

    async def injected(self, ident: FaultId, at: datetime) -> None: ...

    async def healed(self, ident: FaultId, at: datetime) -> None: ...

    async def entries(self, deployment: str | None = None, *, unhealed_only: bool = False) -> tuple[JournalEntry, ...]:
        """Entries in the order in which they were planned."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """From where a monitor goes on after a restart."""

    last_number: int
    tracked: Mapping[JudgementKey, Tracked]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to watch a cluster, or to reason about a ticket: one does it, the others leave it alone.

    Whoever holds it beats; who has not beaten for its patience is taken to be gone. No clock is compared with another:
    a lapse is what somebody else has seen with its own clock.

    Attributes:
        ticket: None for the watch.
        holder: who it is; two processes never have the same word.
        term: rises each time somebody takes it; an append under an older term is refused.
        beat: rises with each sign of life.
        patience: how long others have to see no new beat before they may take it.
    """

    cluster: ClusterName
    holder: str
    term: int
    beat: int
    patience: timedelta
    ticket: TicketId | None = None


class Leases(Protocol):
    """Who watches which cluster. Every method raises LedgerError when the store says no."""

    async def lease(self, cluster: ClusterName) -> Lease | None:
        """The lease as it stands; None when nobody holds it."""
        ...

    async def take(self, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
        """Take it when it still stands as it was seen; None when somebody was faster, or its holder lives.

        Args:
            over: the lease that was seen; None when nobody held it.
        """
        ...

    async def beat(self, lease: Lease) -> Lease | None:
        """Show a sign of life; None when somebody else has taken it."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give it up; one that is lost already is left alone."""
        ...


class TicketLeases(Protocol):
    """Who reasons about which ticket, by the same rules; every method raises LedgerError when the store says no."""

    async def ticket_lease(self, cluster: ClusterName, ticket: TicketId) -> Lease | None:
        """The lease as it stands; None when nobody holds it."""
        ...

    async def take_ticket(
        self, cluster: ClusterName, ticket: TicketId, *, holder: str, patience: timedelta, over: Lease | None
    ) -> Lease | None:
        """Take it when it still stands as it was seen; None when somebody was faster, or its holder lives.

        Raises:
            LedgerError: also when the cluster has no such ticket.
        """
        ...

    async def beat(self, lease: Lease) -> Lease | None:
        """Show a sign of life; None when somebody else has taken it."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give it up; one that is lost already is left alone."""
        ...


class Investigations(Protocol):
    """What a ledger keeps of investigations beside their diagnoses. Every method raises LedgerError when it says no."""

    async def keep_probe(self, cluster: ClusterName, asked: ProbeAsked, *, at: datetime) -> ProbeAsked:
        """Write down what a probe gave; gives it back as it stands in the record.

        Args:
            cluster: whose record.
            asked: its number and the ids of its readings are not looked at: the record gives both.
            at: when it is written.
        """
        ...

    async def paid(
        self, *, since: datetime | None = None, cluster: ClusterName | None = None
    ) -> tuple[InvestigationPaid, ...]:
        """What investigations cost, cluster by cluster, each in the order in which it was written.

        Args:
            since: only what was paid at this instant or later.
            cluster: of this one alone.
        """
        ...


class Ledger(Protocol):
    """The durable, append-only record. Every method raises LedgerError when the store says no."""

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        """Write all of it or nothing; gives the tickets that were opened or changed, as they are now.

        An entry may speak of a ticket that the same append opens before it: -1 is the first of them, -2 the second;
        likewise of silences. What is recorded has the numbers that the ledger gave.

        Args:
            lease: under which a monitor or an agent writes; a person writes without.

        Raises:
            LeaseLost: somebody else has taken the watch, or the ticket.
            LedgerError: also when a ticket may not move as an entry says.
        """
        ...

    async def standpoint(self, cluster: ClusterName) -> Standpoint: ...

    async def ticket(self, ident: TicketId) -> Ticket | None: ...

    async def tickets(
        self,
        cluster: ClusterName | None = None,
        *,
        open_only: bool = False,
        resolved_since: datetime | None = None,
        at_least: Severity | None = None,
        component: ComponentRef | None = None,
        newest: int | None = None,
    ) -> tuple[Ticket, ...]:
        """Tickets in the order in which they were opened.

        Args:
            resolved_since: with `open_only`, also those that were resolved at this instant or later.
            at_least: of this severity or worse.
            component: with a violation of this component.
            newest: only so many, those opened last.
        """
        ...

    async def silences(self, cluster: ClusterName | None = None) -> tuple[Silence, ...]:
        """All that were ever stated, in that order."""
        ...

    async def history(
        self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None
    ) -> tuple[Recorded, ...]:
        """What was appended, in order, without observations and Progress; for a ticket, what is about it."""
        ...

    async def observations(
        self, cluster: ClusterName, *, span: Interval | None = None, newest: int | None = None
    ) -> tuple[Observation, ...]:
        """Recorded observations by their numbers; those that were pruned are left out.

        Args:
            span: only those made in this time, both ends included.
            newest: only so many, the last ones.
        """
        ...

    async def readings(self, cluster: ClusterName, ids: Iterable[ReadingId]) -> tuple[Reading, ...]:
        """The recorded readings of these ids; one that is not in the record is left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a diagnoser is given: observations and knowledge, and nothing about faults.

    Attributes:
        observations: oldest first; the last is the newest look.
        trouble_since: when the first violation was first seen; None when there is none.
        ticket: the ticket it is about, or None for "what is happening now".
    """

    cluster: ClusterName
    at: datetime
    observations: tuple[Observation, ...]
    knowledge: Knowledge
    trouble_since: datetime | None = None
    ticket: Ticket | None = None


class Diagnoser(Protocol):
    """Reasons from readings to causes and options."""

    @property
    def name(self) -> str: ...

    async def diagnose(self, case: Case) -> Diagnosis:
        """Always gives a diagnosis, if only "unknown".

        Raises:
            DiagnoserError: it could not finish.
            ConfigurationError: the case has no observation.
        """
        ...
