"""One look at everything at once: which questions are put, side by side, each with a deadline of its own.

What is known from earlier is asked at once, beside PD; what PD tells of anew is asked as soon as it has told, with
the time that is left. A source that hangs costs its own deadline and nobody else's time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from operator_core.components import CLUSTER_KIND, Address, AddressMap, ComponentRef
from operator_core.errors import SubjectError, SubjectRefused, SubjectUnreachable
from operator_core.ports import Clock, Dialer
from operator_core.readings import Cause, Contact

from operator_tikv import signals
from operator_tikv.doors import Knock, knock_grpc, knock_http
from operator_tikv.http import Http
from operator_tikv.locate import Locator
from operator_tikv.memory import Memory
from operator_tikv.metrics.exposition import Scrape
from operator_tikv.metrics.prometheus import Asked, Prometheus
from operator_tikv.metrics.scraper import scrape
from operator_tikv.names import PD, STORE, pd_ref, store_ref
from operator_tikv.pd import wire
from operator_tikv.pd.client import API, PdClient, Told
from operator_tikv.pd.model import Member, Members, MemberStatus, Replication, Store
from operator_tikv.targets import TikvTargets

T = TypeVar("T")

EVICT_LEADER = "evict-leader-scheduler"

_STORE_SIGNALS = signals.measured(STORE)
_PD_SIGNALS = signals.measured(PD) + signals.measured(CLUSTER_KIND)
_PROMETHEUS_SIGNALS = tuple(s for s in _STORE_SIGNALS if signals.from_prometheus(s))

_SHORTEST_KNOCK = timedelta(seconds=1)
"""A door that is given less time than this to answer tells nothing when it does not."""

_NOT_YET = SubjectUnreachable("no answer within the time of one look", Cause.SILENT)


def endpoint_of(member: Member, addresses: AddressMap) -> str | None:
    """A member's base URL as it can be reached from here."""
    if not member.client_urls:
        return None
    scheme, _, address = member.client_urls[0].partition("://")
    return f"{scheme}://{addresses.reachable(Address(address.rstrip('/')))}"


@dataclass(slots=True)
class StoreLook:
    """What came of looking at one store."""

    began: datetime
    status: Knock | None = None
    service: Knock | None = None
    scraped: Scrape | SubjectError | None = None


@dataclass(slots=True)
class MemberLook:
    """What came of looking at one PD member."""

    began: datetime
    contact: Knock | None = None
    status: Told[MemberStatus] | SubjectError = _NOT_YET
    health: Told[dict[str, bool]] | SubjectError = _NOT_YET
    scraped: Scrape | SubjectError = _NOT_YET


@dataclass(slots=True)
class Looked:
    """What came of one look at everything; an error stands where there was no answer.

    Attributes:
        given: what the PD members that we were given said of themselves while PD had named none yet.
    """

    began: datetime
    members: Told[Members] | SubjectError = _NOT_YET
    stores: Told[tuple[Store, ...]] | SubjectError = _NOT_YET
    replication: Told[Replication] | SubjectError = _NOT_YET
    regions: Told[int] | SubjectError = _NOT_YET
    evicting: Told[frozenset[int]] | SubjectError = _NOT_YET
    prometheus: Asked | SubjectError | None = None
    given: list[MemberStatus] = field(default_factory=list[MemberStatus])
    at_store: dict[ComponentRef, StoreLook] = field(default_factory=dict[ComponentRef, StoreLook])
    at_member: dict[ComponentRef, MemberLook] = field(default_factory=dict[ComponentRef, MemberLook])


async def outcome(question: Awaitable[T]) -> T | SubjectError:
    """The answer, or the expected failure as a value; a bug still breaks the group."""
    try:
        return await question
    except SubjectError as e:
        return e


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Puts the questions of one look.

    Attributes:
        scheme: of the status ports, which do not tell theirs: https when TLS is configured.
    """

    clock: Clock
    http: Http
    dialer: Dialer
    pd: PdClient
    prometheus: Prometheus | None
    targets: TikvTargets
    scheme: str

    async def look(self, memory: Memory) -> Looked:
        """Look at everything once, within the time of one look whatever hangs."""
        looked = Looked(began=self.clock.now())
        with suppress(TimeoutError):
            async with self.clock.deadline(self.targets.observe_within), asyncio.TaskGroup() as group:
                _Round(self, group, looked, memory).begin()
        return looked

    def left(self, looked: Looked, wanted: timedelta) -> timedelta:
        """What a question may take so that the look keeps its time."""
        return min(wanted, self.targets.observe_within - (self.clock.now() - looked.began) - timedelta(milliseconds=20))

    async def ask_pd(self, path: str, parse: Callable[[bytes], T], within: timedelta) -> Told[T] | SubjectError:
        return await outcome(self.pd.ask(f"{API}{path}", parse, within=within))


class _Round:
    """The tasks of one look; each writes what it learnt into `looked`."""

    def __init__(self, looker: Looker, group: asyncio.TaskGroup, looked: Looked, memory: Memory) -> None:
        self._on = looker
        self._group = group
        self._looked = looked
        self._memory = memory
        self._scraped_directly = 0

    def _start(self, name: str, task: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await task()

        self._group.create_task(run(), name=name)

    def begin(self) -> None:
        for name, task in (
            ("pd.members", self._members),
            ("pd.stores", self._stores),
            ("pd.replication", self._replication),
            ("pd.regions", self._regions),
            ("pd.evicting", self._evicting),
            ("prometheus", self._prometheus),
        ):
            self._start(name, task)
        for member in self._memory.members.values():
            self._look_at_member(member)
        if not self._memory.members:
            for endpoint in self._on.pd.endpoints:
                self._start(f"given {endpoint}", partial(self._ask_given, endpoint))
        self._look_at_stores(self._memory.stores.values())

    async def _ask_given(self, endpoint: str) -> None:
        within = self._on.targets.scrape_within
        status = await outcome(self._on.pd.ask_member(endpoint, f"{API}/status", wire.to_status, within=within))
        if isinstance(status, Told):
            self._looked.given.append(status.value)

    async def _members(self) -> None:
        on = self._on
        self._looked.members = await on.ask_pd("/members", wire.to_members, on.targets.pd_within)
        if isinstance(self._looked.members, Told):
            listed = self._looked.members.value.members
            on.pd.learn([e for m in listed if (e := endpoint_of(m, on.targets.addresses)) is not None])
            for member in listed:
                self._look_at_member(member)

    async def _stores(self) -> None:
        on = self._on
        self._looked.stores = await on.ask_pd("/stores", wire.to_stores, on.targets.pd_within)
        if isinstance(self._looked.stores, Told):
            self._look_at_stores(self._looked.stores.value)

    async def _replication(self) -> None:
        on = self._on
        self._looked.replication = await on.ask_pd("/config/replicate", wire.to_replication, on.targets.pd_within)

    async def _regions(self) -> None:
        on = self._on
        self._looked.regions = await on.ask_pd("/regions/count", wire.to_count, on.targets.pd_within)

    async def _evicting(self) -> None:
        on = self._on
        running = await on.ask_pd("/schedulers", wire.to_names, on.targets.pd_within)
        if isinstance(running, SubjectError):
            self._looked.evicting = running
            return
        if EVICT_LEADER not in running.value:
            self._looked.evicting = Told(value=frozenset(), endpoint=running.endpoint, answer=running.answer)
            return
        path = f"/scheduler-config/{EVICT_LEADER}/list"
        named = await on.ask_pd(path, wire.to_evicted, on.left(self._looked, on.targets.pd_within))
        if isinstance(named, SubjectRefused):  # it was removed between the two questions
            named = Told(value=frozenset[int](), endpoint=running.endpoint, answer=running.answer)
        self._looked.evicting = named

    async def _prometheus(self) -> None:
        on = self._on
        if on.prometheus is None:
            return
        self._looked.prometheus = _NOT_YET
        within = on.targets.scrape_within
        asked = await outcome(on.prometheus.ask(_PROMETHEUS_SIGNALS, (STORE,), within=within))
        self._looked.prometheus = asked
        if isinstance(asked, SubjectError):  # it is the thing that is broken: ask the processes themselves
            for store in self._memory.stores.values():
                self._scrape_store(store, anyway=True)

    def _look_at_member(self, member: Member) -> None:
        ref = pd_ref(member.name)
        if ref in self._looked.at_member:
            return
        endpoint = endpoint_of(member, self._on.targets.addresses)
        if endpoint is None:
            return
        on, look = self._on, MemberLook(began=self._on.clock.now())
        self._looked.at_member[ref] = look

        async def knock() -> None:
            address = endpoint.partition("://")[2]
            within = on.left(self._looked, on.targets.dial_within)
            look.contact = await knock_http(on.dialer, address, f"{API}/ping", within=within)

        async def ask_status() -> None:
            within = on.left(self._looked, on.targets.scrape_within)
            look.status = await outcome(on.pd.ask_member(endpoint, f"{API}/status", wire.to_status, within=within))

        async def ask_health() -> None:
            within = on.left(self._looked, on.targets.pd_within)
            look.health = await outcome(on.pd.ask_member(endpoint, f"{API}/health", wire.to_health, within=within))

        async def ask_metrics() -> None:
            within = on.left(self._looked, on.targets.scrape_within)
            look.scraped = await outcome(scrape(on.http, endpoint, _PD_SIGNALS, within=within))

        for what, task in (
            ("knock", knock),
            ("status", ask_status),
            ("health", ask_health),
            ("metrics", ask_metrics),
        ):
            self._start(f"{ref}.{what}", task)

    def _look_at_stores(self, stores: Iterable[Store]) -> None:
        for store in stores:
            ref = store_ref(store.id)
            if ref not in self._looked.at_store:
                self._looked.at_store[ref] = StoreLook(began=self._on.clock.now())
                self._knock_at(store)
                self._scrape_store(store, anyway=False)

    def _knock_at(self, store: Store) -> None:
        on, look = self._on, self._looked.at_store[store_ref(store.id)]
        addresses, within = on.targets.addresses, on.left(self._looked, on.targets.dial_within)
        status_address = store.status_address
        if within < _SHORTEST_KNOCK:
            return

        async def knock_status() -> None:
            if status_address is not None:
                reachable = addresses.reachable(status_address)
                look.status = await knock_http(on.dialer, reachable, "/status", within=within)

        async def knock_service() -> None:
            look.service = await knock_grpc(on.dialer, addresses.reachable(store.address), within=within)

        self._start(f"store {store.id}.status", knock_status)
        self._start(f"store {store.id}.service", knock_service)

    def _scrape_store(self, store: Store, *, anyway: bool) -> None:
        on = self._on
        look = self._looked.at_store.get(store_ref(store.id))
        if look is None or look.scraped is not None or store.status_address is None:
            return
        if on.prometheus is not None and not anyway:
            if self._scraped_directly >= on.targets.direct_scrapes:
                return
            self._scraped_directly += 1
        base = f"{on.scheme}://{on.targets.addresses.reachable(store.status_address)}"
        look.scraped = _NOT_YET

        async def ask_metrics() -> None:
            within = on.left(self._looked, on.targets.scrape_within)
            look.scraped = await outcome(scrape(on.http, base, _STORE_SIGNALS, within=within))

        self._start(f"store {store.id}.metrics", ask_metrics)


def answers(knock: Knock | None) -> bool:
    """Whether the door was opened by what should be behind it."""
    return knock is not None and knock.contact is Contact.ANSWERED


def locator_of(memory: Memory, addresses: AddressMap) -> Locator:
    """A locator for everything that is known now."""
    return Locator(tuple(memory.stores.values()), tuple(memory.members.values()), addresses)
