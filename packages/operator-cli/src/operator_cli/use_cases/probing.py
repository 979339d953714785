"""Eyes for whoever investigates: probes of the live subject, each kept in the record before anybody sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Clock, Investigations, Probe, Subject
from operator_core.readings import ClusterName, Reading, Unseen
from operator_core.record import ProbeAsked
from operator_core.runtime import RealClock
from operator_core.tickets import Ticket, TicketId

from operator_cli.wiring import Attached, Meant, cluster_name, deployments_up, watch

if TYPE_CHECKING:
    from operator_cli.settings import Loaded

ANSWERS_WITHIN = timedelta(seconds=10)
"""How long a cluster may take to show that it is there at all."""

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


def meant_by(cluster: ClusterName, loaded: Loaded) -> Meant | None:
    """Where a cluster of the record can be reached; None when neither the settings nor this machine know."""
    settings = loaded.settings.clusters.get(cluster)
    if settings is not None:
        return Attached(name=cluster, settings=settings)
    return next((d for d in deployments_up(loaded.settings.state_directory) if cluster_name(d) == cluster), None)


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
        if not await answers(watched.subject):
            yield Sight(because=f"{ticket.cluster} does not answer")
            return
        yield Sight(
            prober=RecordedProber(
                await watched.subject.probes(),
                ledger=ledger,
                cluster=ticket.cluster,
                clock=watched.clock,
                ticket=ticket.id,
            )
        )


async def answers(subject: Subject) -> bool:
    """Whether any source of a subject answers."""
    try:
        async with RealClock().deadline(ANSWERS_WITHIN):
            look = await subject.observe(0)
    except TimeoutError:
        return False
    return any(s.failure is None for s in look.sources)
