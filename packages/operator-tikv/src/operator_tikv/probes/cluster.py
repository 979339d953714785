"""Questions to PD about the whole cluster."""

from __future__ import annotations

from collections.abc import Mapping

from operator_core.components import CLUSTER
from operator_core.errors import ConfigurationError, SubjectError, SubjectRefused
from operator_core.ports import Probe, ProbeParameter
from operator_core.readings import Cause

from operator_tikv import names as n
from operator_tikv import told
from operator_tikv.names import store_ref
from operator_tikv.pd import wire
from operator_tikv.probes.asking import Desk, Question
from operator_tikv.report import Report
from operator_tikv.whole import report_cluster

_CHECKS = {
    "miss-peer": n.REGIONS_MISS,
    "down-peer": n.REGIONS_DOWN,
    "pending-peer": n.REGIONS_PENDING,
    "extra-peer": n.REGIONS_EXTRA,
    "offline-peer": n.REGIONS_OFFLINE,
    "learner-peer": n.REGIONS_LEARNER,
}
_SECTIONS = ("schedule", "replicate", "pd-server")
_MIB = 1024 * 1024
_SHOWN_OPERATORS = 20


def _members(desk: Desk) -> Question:
    async def answer(_: Mapping[str, str], report: Report) -> None:
        looked = await desk.looker.look(desk.memory)
        report.at = desk.looker.clock.now()
        told.remember(desk.memory, looked, report.at)
        report_cluster(report, desk.memory, looked)
        for name in sorted(desk.memory.members):
            told.report_member(report, desk.memory, looked, name)

    return Question(
        name="pd-members",
        describes="PD's members: which answer, which leads, what they say of each other",
        desk=desk,
        answer=answer,
    )


def _regions_check(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        check = arguments["check"]
        path = f"/regions/check/{check}"
        count = await desk.looker.ask_pd(path, wire.to_count, desk.looker.targets.pd_within)
        if isinstance(count, SubjectError):
            report.miss_for(CLUSTER, _CHECKS[check], n.PD_SOURCE, count)
        else:
            report.read(CLUSTER, _CHECKS[check], float(count.value), desk.pd_source(path), at=count.answer.at)

    return Question(
        name="regions-check",
        describes="how many regions PD finds in one kind of trouble",
        desk=desk,
        answer=answer,
        parameters=(ProbeParameter(name="check", describes="kind of trouble", choices=tuple(_CHECKS)),),
    )


def _region(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        path = f"/region/id/{desk.number(arguments, 'region')}"
        source = desk.pd_source(path)
        region = await desk.looker.ask_pd(path, wire.to_region, desk.looker.targets.pd_within)
        if isinstance(region, SubjectError):
            report.miss_for(CLUSTER, n.REGION_LEADER, n.PD_SOURCE, region)
            return
        if region.value.id == 0:
            raise ConfigurationError(f"PD knows no region {arguments['region']!r}")
        peers = [str(store_ref(p.store_id)) for p in region.value.peers or ()]
        leader = region.value.leader.store_id if region.value.leader is not None else 0
        report.read(CLUSTER, n.REGION_LEADER, str(store_ref(leader)) if leader else "none", source)
        report.read(CLUSTER, n.REGION_PEERS, ", ".join(peers), source)
        report.read(CLUSTER, n.REGION_DOWN_PEERS, float(len(region.value.down_peers or ())), source)
        report.read(CLUSTER, n.REGION_PENDING_PEERS, float(len(region.value.pending_peers or ())), source)
        report.read(CLUSTER, n.REGION_SIZE, float(region.value.approximate_size * _MIB), source)

    return Question(
        name="region",
        describes="where PD last heard a region's leader, and which stores hold its peers",
        desk=desk,
        answer=answer,
        parameters=(ProbeParameter(name="region", describes="number of the region"),),
    )


def _schedulers(desk: Desk) -> Question:
    async def answer(_: Mapping[str, str], report: Report) -> None:
        within = desk.looker.targets.pd_within
        running = await desk.looker.ask_pd("/schedulers", wire.to_names, within)
        if isinstance(running, SubjectError):
            report.miss_for(CLUSTER, n.PD_SCHEDULERS, n.PD_SOURCE, running)
            return
        report.read(CLUSTER, n.PD_SCHEDULERS, ", ".join(running.value) or "none", desk.pd_source("/schedulers"))
        path = "/scheduler-config/evict-leader-scheduler/list"
        evicted = await desk.looker.ask_pd(path, wire.to_evicted, within)
        if isinstance(evicted, SubjectRefused):  # 404: there is no such scheduler
            named: frozenset[int] = frozenset()
        elif isinstance(evicted, SubjectError):
            report.miss_for(CLUSTER, n.STORE_EVICTING, n.PD_SOURCE, evicted)
            return
        else:
            named = evicted.value
        for store in sorted(desk.memory.stores):
            report.read(store_ref(store), n.STORE_EVICTING, float(store in named), desk.pd_source(path))

    return Question(
        name="schedulers",
        describes="the schedulers that run in PD, and the stores that evict-leader names",
        desk=desk,
        answer=answer,
    )


def _operators(desk: Desk) -> Question:
    async def answer(_: Mapping[str, str], report: Report) -> None:
        running = await desk.looker.ask_pd("/operators", wire.to_texts, desk.looker.targets.pd_within)
        if isinstance(running, SubjectError):
            report.miss_for(CLUSTER, n.PD_OPERATORS, n.PD_SOURCE, running)
            return
        source = desk.pd_source("/operators")
        report.read(CLUSTER, n.PD_OPERATORS, float(len(running.value)), source)
        for i, text in enumerate(running.value[:_SHOWN_OPERATORS]):
            report.read(CLUSTER, n.PD_OPERATOR, text, f"{source} #{i + 1}")

    return Question(name="operators", describes="the PD operators that are under way", desk=desk, answer=answer)


def _config(desk: Desk) -> Question:
    async def answer(arguments: Mapping[str, str], report: Report) -> None:
        path = f"/config/{arguments['section']}"
        settings = await desk.looker.ask_pd(path, wire.to_settings, desk.looker.targets.pd_within)
        if isinstance(settings, SubjectError):
            report.miss_for(CLUSTER, n.CONFIG_VALUE, n.PD_SOURCE, settings)
            return
        source = desk.pd_source(path)
        key = arguments.get("key", "")
        if key and key not in settings.value:
            report.miss(CLUSTER, n.CONFIG_VALUE, n.PD_SOURCE, Cause.ABSENT, f"{path} has no {key}")
        for name, value in sorted(settings.value.items()):
            if key in ("", name):
                report.read(CLUSTER, n.CONFIG_VALUE, value, f"{source} {name}")

    return Question(
        name="config",
        describes="settings of PD, one or all of a section",
        desk=desk,
        answer=answer,
        parameters=(
            ProbeParameter(name="section", describes="section of PD's settings", choices=_SECTIONS),
            ProbeParameter(name="key", describes="one setting; all when left out", required=False),
        ),
    )


def probes(desk: Desk) -> tuple[Probe, ...]:
    """The questions about the whole."""
    return tuple(make(desk) for make in (_members, _regions_check, _region, _schedulers, _operators, _config))
