"""TiKV as a subject under watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from operator_core.components import CLUSTER, Address, Component, ComponentRef, RedundancyGroup
from operator_core.errors import SubjectError
from operator_core.knowledge import Knowledge
from operator_core.ports import Clock, Dialer, Probe
from operator_core.readings import Cause, ClusterName, Observation, SourceLook

from operator_tikv import measured, told
from operator_tikv import names as n
from operator_tikv.dialer import AsyncioDialer
from operator_tikv.http import Http
from operator_tikv.knowing import KNOWLEDGE
from operator_tikv.looks import Looked, Looker, answers, locator_of
from operator_tikv.memory import Memory
from operator_tikv.metrics.prometheus import Prometheus
from operator_tikv.names import pd_ref, store_ref
from operator_tikv.pd.client import PdClient, PdNotBootstrapped, Told
from operator_tikv.probes import probes_of
from operator_tikv.report import Report
from operator_tikv.targets import TikvTargets
from operator_tikv.whole import report_cluster, report_totals

if TYPE_CHECKING:
    import httpx

_log = structlog.get_logger(__name__)


class TikvSubject:
    """One TiKV cluster: PD, stores, and a Prometheus server when there is one.

    It remembers its looks (who was there, who answered when, the last scrapes), so one instance watches one
    cluster, one look after the other.

    Args:
        clock: the cluster's time; every deadline is counted by it.
        transport: carries every HTTP request; real connections when left out.
        dialer: knocks at doors; real sockets when left out.

    Raises:
        ConfigurationError: an address or a TLS file cannot be used; the message names it.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        targets: TikvTargets,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        dialer: Dialer | None = None,
    ) -> None:
        pd_urls, prometheus_url = targets.pd_urls(), targets.prometheus_url()
        self._cluster = cluster
        self._targets = targets
        self._clock = clock
        self._http = Http(clock, transport=transport, tls=targets.tls)
        self._pd = PdClient(self._http, clock, [u.base for u in pd_urls])
        self._prometheus = (
            None
            if prometheus_url is None
            else Prometheus(self._http, prometheus_url.base, labels=targets.prometheus_labels)
        )
        self._memory = Memory()
        self._looker = Looker(
            clock=clock,
            http=self._http,
            dialer=dialer or AsyncioDialer(clock, targets.tls),
            pd=self._pd,
            prometheus=self._prometheus,
            targets=targets,
            scheme="http" if targets.tls is None else "https",
        )

    async def observe(self, number: int) -> Observation:
        """Look at everything once. A source that fails is in the observation, it is not an exception."""
        looked = await self._looker.look(self._memory)
        at = self._clock.now()
        told.remember(self._memory, looked, at)
        measured.remember_scrapes(self._memory, looked)
        observation = self._observation(number, looked, at)
        failed = [s.source for s in observation.sources if s.failure is not None]
        _log.debug("look.done", cluster=self._cluster, number=number, readings=len(observation.readings), failed=failed)
        return observation

    def _observation(self, number: int, looked: Looked, at: datetime) -> Observation:
        memory, report = self._memory, Report(number=number, at=at)
        view = None
        if looked.prometheus is not None and not isinstance(looked.prometheus, SubjectError):
            view = measured.PrometheusView(looked.prometheus, locator_of(memory, self._targets.addresses))
        stores = sorted(memory.stores.values(), key=lambda s: s.id)
        members = sorted(memory.members)
        report_cluster(report, memory, looked)
        leader = looked.members.value.leader if isinstance(looked.members, Told) else None
        measured.report_leader_metrics(report, memory, looked, None if leader is None else pd_ref(leader))
        measured.report_prometheus(report, memory, looked, view)
        for name in members:
            told.report_member(report, memory, looked, name)
            measured.report_member_metrics(report, memory, looked, pd_ref(name))
        for store in stores:
            told.report_store(report, memory, looked, store)
            measured.report_store_metrics(report, memory, looked, store_ref(store.id), view)
        report_totals(report)
        return Observation(
            cluster=self._cluster,
            number=number,
            at=at,
            components=self._components(leader),
            groups=self._groups(),
            readings=tuple(report.readings),
            unseens=tuple(report.unseens),
            sources=tuple(self._sources(looked, view)),
        )

    def _components(self, leader: str | None) -> tuple[Component, ...]:
        memory = self._memory
        members = [
            Component(
                ref=pd_ref(m.name),
                addresses={"client": Address(m.client_urls[0].partition("://")[2])} if m.client_urls else {},
                roles=frozenset({n.LEADER}) if m.name == leader else frozenset(),
                version=m.version or None,
            )
            for m in sorted(memory.members.values(), key=lambda m: m.name)
        ]
        stores = [
            Component(
                ref=store_ref(s.id),
                addresses={
                    "service": s.address,
                    **({"status": s.status_address} if s.status_address is not None else {}),
                },
                version=s.version or None,
            )
            for s in sorted(memory.stores.values(), key=lambda s: s.id)
        ]
        return (*members, *stores)

    def _groups(self) -> tuple[RedundancyGroup, ...]:
        """Who must survive together.

        Any two stores may hold two peers of one region, so of all stores only as many may be lost as of one region's
        replicas: (replicas - 1) // 2. With replicas unknown, three are assumed, which is TiKV's default.
        """
        groups: list[RedundancyGroup] = []
        if self._memory.stores:
            stores = tuple(store_ref(s) for s in sorted(self._memory.stores))
            spare = ((self._memory.max_replicas or 3) - 1) // 2
            groups.append(RedundancyGroup(name="raft", members=stores, needed=max(1, len(stores) - spare)))
        if self._memory.members:
            members = tuple(pd_ref(m) for m in sorted(self._memory.members))
            groups.append(RedundancyGroup(name="pd", members=members, needed=len(members) // 2 + 1))
        return tuple(groups)

    def _sources(self, looked: Looked, view: measured.PrometheusView | None) -> list[SourceLook]:
        unseen = [o for o in (looked.members, looked.stores) if isinstance(o, SubjectError)]
        hidden = next((e for e in unseen if not isinstance(e, PdNotBootstrapped)), None)  # "no store yet" is an answer
        sources = [_source(n.PD_SOURCE, CLUSTER, hidden, required=True)]
        if view is not None:
            sources.append(_prometheus_source(view))
        elif isinstance(looked.prometheus, SubjectError):
            sources.append(_source(n.PROMETHEUS_SOURCE, CLUSTER, looked.prometheus))
        for ref, at_member in sorted(looked.at_member.items()):
            failure = at_member.status if isinstance(at_member.status, SubjectError) else None
            if failure is not None and answers(at_member.contact) and failure.cause is Cause.DENIED:
                failure = None
            sources.append(_source(n.member_source(ref), ref, failure))
            scraped = at_member.scraped if isinstance(at_member.scraped, SubjectError) else None
            sources.append(_source(n.metrics_source(ref), ref, scraped))
        for ref, at_store in sorted(looked.at_store.items()):
            if at_store.scraped is not None:
                failed = at_store.scraped if isinstance(at_store.scraped, SubjectError) else None
                sources.append(_source(n.metrics_source(ref), ref, failed))
        return sources

    async def knowledge(self) -> Knowledge:
        """What is known about TiKV clusters, as data."""
        return KNOWLEDGE

    async def probes(self) -> Sequence[Probe]:
        """The read-only questions that can be asked."""
        return probes_of(looker=self._looker, memory=self._memory)

    async def locate(self, labels: Mapping[str, str]) -> ComponentRef | None:
        """The component that a foreign label set speaks of, or None when it is none of ours."""
        return locator_of(self._memory, self._targets.addresses).locate(labels)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._http.close()


def _source(name: str, component: ComponentRef, error: SubjectError | None, *, required: bool = False) -> SourceLook:
    return SourceLook(
        source=name,
        component=component,
        required=required,
        failure=None if error is None else error.cause,
        detail="" if error is None else str(error),
    )


def _prometheus_source(view: measured.PrometheusView) -> SourceLook:
    age = view.freshness
    if age is not None and age <= measured.STALE.total_seconds():
        return _source(n.PROMETHEUS_SOURCE, CLUSTER, None)
    detail = "no store is among its targets" if age is None else f"its newest sample of a store is {age:.0f} s old"
    return SourceLook(
        source=n.PROMETHEUS_SOURCE, component=CLUSTER, required=False, failure=Cause.ABSENT, detail=detail
    )
