"""Eyes for whoever investigates: probes of the live subject, each kept in the record before anybody sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.components import CLUSTER_KIND
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Clock, Investigations, Probe, Subject
from operator_core.readings import ClusterName, Observation, Reading, Unseen
from operator_core.record import ProbeAsked
from operator_core.runtime import RealClock
from operator_core.tickets import Ticket, TicketId

from operator_cli.use_cases.log_probe import LogProbe
from operator_cli.use_cases.logs_at_hand import LogsAtHand
from operator_cli.wiring import Watched, log_reader, meant_by, watch

if TYPE_CHECKING:
    from operator_cli.settings import Loaded

ANSWERS_WITHIN = timedelta(seconds=10)
"""How long a cluster may take to show that it is there at all."""

BEFORE = timedelta(minutes=2)
"""How long before a trouble logs are told: what was normal tells most."""

BY = "claude"


class RecordedProber:
    """Puts probes to a subject, and keeps what they gave before it hands it on.

    Args:
        probes: what can be asked.
        ledger: where it is kept.
        cluster: whose record.
        clock: of the cluster.
        ticket: what it is asked for; None when it is about no ticket.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        *,
        ledger: Investigations,
        cluster: ClusterName,
        clock: Clock,
        ticket: TicketId | None,
    ) -> None:
        self._probes = tuple(probes)
        self._ledger = ledger
        self._cluster = cluster
        self._clock = clock
        self._ticket = ticket

    @property
    def probes(self) -> Sequence[Probe]:
        return self._probes

    async def ask(self, name: str, arguments: Mapping[str, str]) -> tuple[Reading | Unseen, ...]:
        probe = next((p for p in self._probes if p.name == name), None)
        if probe is None:
            known = ", ".join(p.name for p in self._probes) or "none"
            raise ConfigurationError(f"there is no probe {name!r}; probes: {known}")
        given = await probe.ask(arguments, number=0)
        now = self._clock.now()
        asked = ProbeAsked(
            at=now, number=0, name=name, arguments=dict(arguments), by=BY, given=given, ticket=self._ticket
        )
        return (await self._ledger.keep_probe(self._cluster, asked, at=now)).given


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Whether the cluster itself can be asked.

    Attributes:
        prober: None when it cannot.
        because: why not, for a person.
    """

    prober: RecordedProber | None = None
    because: str = ""


@asynccontextmanager
async def sight_of(ticket: Ticket, loaded: Loaded, ledger: Investigations) -> AsyncGenerator[Sight]:
    """The probes of a ticket's cluster, while the ticket is open and the cluster answers.

    Of a trouble that is over, or that came in as a file, the cluster could only tell what is now.
    """
    from operator_ledger.bundles import is_imported

    meant = None if is_imported(ticket.cluster) else meant_by(ticket.cluster, loaded)
    if meant is None:
        why = "it was imported" if is_imported(ticket.cluster) else f"how to reach {ticket.cluster} is not known here"
        yield Sight(because=why)
        return
    if not ticket.is_open:
        yield Sight(because="it is over")
        return
    async with AsyncExitStack() as stack:
        try:
            watched = await stack.enter_async_context(watch(meant))
        except (ConfigurationError, DeploymentError) as e:
            yield Sight(because=str(e))
            return
        look = await _look(watched.subject)
        if look is None:
            yield Sight(because=f"{ticket.cluster} does not answer")
            return
        since = min(v.since for v in ticket.violations)
        yield Sight(prober=await prober_of(watched, loaded, ledger, look, since=since, ticket=ticket.id))


async def prober_of(
    watched: Watched,
    loaded: Loaded,
    ledger: Investigations,
    seen: Observation,
    *,
    since: datetime,
    ticket: TicketId | None = None,
) -> RecordedProber:
    """The subject's own probes, and one of its components' logs where there may be any.

    Args:
        seen: the components that there are.
        since: when the trouble began.
        ticket: what it is asked for.
    """
    probes = list(await watched.subject.probes())
    logs = LogsAtHand(loaded=loaded, reader=log_reader())
    if logs.may_have(watched.cluster):
        components = [c for c in seen.components if c.ref.kind != CLUSTER_KIND]
        probes.append(
            LogProbe(logs, cluster=watched.cluster, components=components, since=since - BEFORE, clock=watched.clock)
        )
    return RecordedProber(probes, ledger=ledger, cluster=watched.cluster, clock=watched.clock, ticket=ticket)


async def _look(subject: Subject) -> Observation | None:
    """A look of which any source has answered."""
    try:
        async with RealClock().deadline(ANSWERS_WITHIN):
            look = await subject.observe(0)
    except TimeoutError:
        return None
    return look if any(s.failure is None for s in look.sources) else None
