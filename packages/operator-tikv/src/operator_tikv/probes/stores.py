"""Questions about stores: by PD, at their doors, and by their own metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError, SubjectError, SubjectNonsense, SubjectUnreachable
from operator_core.ports import Probe, ProbeParameter
from operator_core.readings import Cause, SignalName

from operator_tikv import names as n
from operator_tikv import signals, told
from operator_tikv.doors import knock_grpc, knock_http
from operator_tikv.formats import parse_url
from operator_tikv.looks import StoreLook, endpoint_of, outcome
from operator_tikv.metrics.evaluate import Missing, evaluate
from operator_tikv.metrics.exposition import Scrape
from operator_tikv.metrics.scraper import scrape
from operator_tikv.names import STORE, store_ref
from operator_tikv.pd import wire
from operator_tikv.pd.client import API
from operator_tikv.pd.model import Member, Store
from operator_tikv.probes.asking import Desk, Question
from operator_tikv.report import Report

_STORE = ProbeParameter(name="store", describes="number of the store")
_TALK = (n.STORE_UNREACHABLE_REPORTS, n.STORE_MESSAGES_FROM)
_WRITE_PATH = (
    n.STORE_REQUESTS,
    n.STORE_PREWRITE_P99,
    n.STORE_RAW_PUT_P99,
    n.STORE_SCHEDULER_P99,
    n.STORE_WRITE_P99,
    n.STORE_PROPOSE_WAIT_P99,
    n.STORE_PROPOSE_WAIT_MEAN,
    n.STORE_APPENDS,
    n.STORE_APPEND_P99,
    n.STORE_APPEND_MEAN,
    n.STORE_COMMIT_P99,
    n.STORE_COMMIT_MEAN,
    n.STORE_APPLY_P99,
    n.STORE_APPLY_MEAN,
)


async def _tell(desk: Desk, report: Report, wanted: ComponentRef | None) -> None:
    """What PD and the doors tell of one store or of all."""
    looked = await desk.looker.look(desk.memory)
    report.at = desk.looker.clock.now()
    told.remember(desk.memory, looked, report.at)
    for _, store in sorted(desk.memory.stores.items()):
        if wanted in (None, store_ref(store.id)):
            told.report_store(report, desk.memory, looked, store)


def _stores(desk: Desk) -> Question:
    async def answer(_: Mapping[str, str], report: Report) -> None:
        await _tell(desk, report, None)

    return Question(
        name="stores", describes="every store: PD's word on it, and what its doors say", desk=desk, answer=answer
    )


def _store(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        store = await desk.store(arguments["store"])
        await _tell(desk, report, store_ref(store.id))
        await _measure(desk, report, store, tuple(s.name for s in signals.measured(STORE)))

    return Question(
        name="store",
        describes="one store: PD's word on it, its doors, and all its metrics",
        desk=desk,
        answer=answer,
        parameters=(_STORE,),
    )


def _knock(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        ref, component = await desk.component(arguments["component"])
        on, addresses = desk.looker, desk.looker.targets.addresses
        within = on.targets.dial_within
        if isinstance(component, Member):
            endpoint = endpoint_of(component, addresses)
            if endpoint is None:
                report.miss(ref, n.PD_CONTACT, str(ref), Cause.ABSENT, "PD tells no client URL of it")
                return
            knock = await knock_http(on.dialer, parse_url(endpoint).address, f"{API}/ping", within=within)
            report.read(ref, n.PD_CONTACT, knock.contact.value, f"knock at {endpoint}")
            return
        look = StoreLook(began=on.clock.now())

        async def at_status() -> None:
            if component.status_address is not None:
                reachable = addresses.reachable(component.status_address)
                look.status = await knock_http(on.dialer, reachable, "/status", within=within)

        async def at_service() -> None:
            look.service = await knock_grpc(on.dialer, addresses.reachable(component.address), within=within)

        async with asyncio.TaskGroup() as group:
            group.create_task(at_status(), name=f"{ref}.status")
            group.create_task(at_service(), name=f"{ref}.service")
        for signal, knock, where in (
            (n.STORE_STATUS_CONTACT, look.status, component.status_address),
            (n.STORE_SERVICE_CONTACT, look.service, component.address),
        ):
            if knock is None:
                report.miss(ref, signal, str(ref), Cause.ABSENT, "the store advertises no such door")
            else:
                report.read(ref, signal, knock.contact.value, f"knock at {where}")

    return Question(
        name="knock",
        describes="whether the doors of a store or PD member answer: refused, silent, unanswered are told apart",
        desk=desk,
        answer=answer,
        parameters=(ProbeParameter(name="component", describes="store/<number> or pd/<name>"),),
    )


async def _scraped(desk: Desk, store: Store) -> Scrape | SubjectError:
    on = desk.looker
    if store.status_address is None:
        return SubjectUnreachable(f"store {store.id} advertises no status address", Cause.ABSENT)
    base = f"{on.scheme}://{on.targets.addresses.reachable(store.status_address)}"
    return await outcome(scrape(on.http, base, signals.measured(STORE), within=on.targets.scrape_within))


async def _measure(desk: Desk, report: Report, store: Store, wanted: tuple[SignalName, ...]) -> None:
    """Some signals of a store from a scrape now and the scrapes that the looks left."""
    ref = store_ref(store.id)
    source = n.metrics_source(ref)
    scraped = await _scraped(desk, store)
    history = desk.memory.history_of(ref)
    for name in wanted:
        if isinstance(scraped, SubjectError):
            report.miss_for(ref, name, source, scraped)
            continue
        signal = signals.BY_NAME[name]
        value = evaluate(signal, history.within(signal.window, scraped.at), scraped)
        if isinstance(value, Missing):
            report.miss(ref, name, source, value.cause, value.detail)
        elif signal.toward is None:
            report.read(ref, name, sum(value.values()), source, at=scraped.at)
        else:
            for other in sorted(desk.memory.stores):
                if str(other) in value and other != store.id:
                    report.read(ref, name, value[str(other)], source, at=scraped.at, toward=store_ref(other))


def _write_path(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        await _measure(desk, report, await desk.store(arguments["store"]), _WRITE_PATH)

    return Question(
        name="write-path",
        describes="latency of each step of a store's write path, from the front door to apply",
        desk=desk,
        answer=answer,
        parameters=(_STORE,),
    )


def _raft_talk(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        text = arguments.get("store", "")
        chosen = [await desk.store(text)] if text else list(desk.memory.stores.values())
        async with asyncio.TaskGroup() as group:
            for store in chosen:
                group.create_task(_measure(desk, report, store, _TALK), name=f"store {store.id}.talk")

    return Question(
        name="raft-talk",
        describes="which store receives raft messages from which, and who cannot deliver to whom",
        desk=desk,
        answer=answer,
        parameters=(ProbeParameter(name="store", describes="only what this store tells", required=False),),
    )


def _region_on_store(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        store, region = await desk.store(arguments["store"]), desk.number(arguments, "region")
        ref, on = store_ref(store.id), desk.looker
        if store.status_address is None:
            raise ConfigurationError(f"store {store.id} advertises no status address")
        url = f"{on.scheme}://{on.targets.addresses.reachable(store.status_address)}/region/{region}"
        source = f"status port of {ref}"
        wanted = (n.REGION_LOCAL_ROLE, n.REGION_LOCAL_LEADER, n.REGION_LOCAL_TERM, n.REGION_LOCAL_APPLIED)
        answered = await outcome(on.http.get(url, within=on.targets.scrape_within))
        state: wire.LocalRegionJson | SubjectError
        if isinstance(answered, SubjectError):
            state = answered
        elif answered.status != 200:
            state = SubjectUnreachable(f"GET {url}: {answered.status} {answered.text[:120]!r}", Cause.ABSENT)
        else:
            try:
                state = wire.reading(f"GET {url}", wire.to_local_region)(answered.body)
            except SubjectNonsense as e:
                state = e
        if isinstance(state, SubjectError):
            for signal in wanted:
                report.miss_for(ref, signal, source, state)
            return
        raft = state.raft_status
        values = (raft.soft_state.raft_state, raft.soft_state.leader_id, raft.hard_state.term, raft.applied)
        for signal, value in zip(wanted, values, strict=True):
            report.read(ref, signal, value if isinstance(value, str) else float(value), f"GET {url}")

    return Question(
        name="region-on-store",
        describes="a region's raft state by the store's own word, which PD's last word may lag behind",
        desk=desk,
        answer=answer,
        parameters=(_STORE, ProbeParameter(name="region", describes="number of the region")),
    )


def probes(desk: Desk) -> tuple[Probe, ...]:
    """The questions about stores."""
    return tuple(make(desk) for make in (_stores, _store, _knock, _write_path, _raft_talk, _region_on_store))
