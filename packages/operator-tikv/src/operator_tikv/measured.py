"""What metrics tell, as readings: from direct scrapes, from Prometheus, or from whichever of the two has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.errors import SubjectError
from operator_core.readings import Cause
from operator_core.signals import Signal

from operator_tikv import names as n
from operator_tikv import signals
from operator_tikv.locate import Locator
from operator_tikv.looks import Looked
from operator_tikv.memory import Memory
from operator_tikv.metrics.evaluate import Missing, Series, evaluate
from operator_tikv.metrics.prometheus import Asked
from operator_tikv.names import PD, STORE, store_ref
from operator_tikv.report import Report

STALE = timedelta(seconds=45)
"""Three scrapes of 15 s were lost: the server has nothing to say of now."""

_STORE_SIGNALS = signals.measured(STORE)
_PD_SIGNALS = signals.measured(PD)
_CLUSTER_SIGNALS = signals.measured(CLUSTER_KIND)


def remember_scrapes(memory: Memory, looked: Looked) -> None:
    """Keep what was scraped, so that the next look has rates."""
    for ref, look in (*looked.at_store.items(), *looked.at_member.items()):
        if look.scraped is not None and not isinstance(look.scraped, SubjectError):
            memory.history_of(ref).add(look.scraped)


class PrometheusView:
    """One look at Prometheus, by component and signal."""

    def __init__(self, asked: Asked, locator: Locator) -> None:
        self._values: dict[tuple[str, ComponentRef], dict[str, float]] = {}
        self._queries = asked.queries
        self._errors = {s: p for s, p in asked.points.items() if isinstance(p, SubjectError)}
        self.ages: dict[ComponentRef, float] = {}
        self.targets: dict[ComponentRef, float] = {}
        for instance, age in asked.ages.items():
            ref = locator.locate({"job": "tikv", "instance": instance})
            if ref is not None:
                self.ages[ref] = min(age, self.ages.get(ref, age))
        for point in asked.targets:
            ref = locator.locate({"job": "tikv", "instance": point.labels.get("instance", "")})
            if ref is not None:
                self.targets[ref] = max(point.value, self.targets.get(ref, 0.0))
        for name, points in asked.points.items():
            if isinstance(points, SubjectError):
                continue
            toward = signals.BY_NAME[name].toward
            for point in points:
                ref = locator.locate({"job": "tikv", "instance": point.labels.get("instance", "")})
                if ref is not None:
                    key = "" if toward is None else point.labels.get(toward, "")
                    self._values.setdefault((name, ref), {})[key] = point.value

    @property
    def freshness(self) -> float | None:
        """Age of the newest sample in seconds; None when no store of ours is a target."""
        return min(self.ages.values(), default=None)

    def value(self, signal: Signal, ref: ComponentRef) -> Series | Missing:
        """A signal of one component; missing when its target is not scraped any more."""
        if signal.name in self._errors:
            error = self._errors[signal.name]
            return Missing(error.cause, str(error))
        age = self.ages.get(ref)
        if age is None:
            return Missing(Cause.ABSENT, f"Prometheus has no target for {ref}")
        if age > STALE.total_seconds():
            return Missing(Cause.ABSENT, f"Prometheus last scraped {ref} {age:.0f} s ago")
        found = self._values.get((signal.name, ref))
        return found or Missing(Cause.ABSENT, f"Prometheus has no {signal.metric} of {ref} in the window")

    def source(self, signal: Signal) -> str:
        return f"prometheus {self._queries[signal.name]}"


def _direct(memory: Memory, looked_at: object, ref: ComponentRef, signal: Signal) -> Series | Missing:
    """A signal from our own scrapes; missing when this look's scrape failed, however many are kept."""
    if looked_at is None:
        return Missing(Cause.NOT_ASKED, "it is not scraped directly in this look")
    if isinstance(looked_at, SubjectError):
        return Missing(looked_at.cause, str(looked_at))
    history = memory.history_of(ref)
    latest = history.latest
    assert latest is not None, "a good scrape is remembered before it is evaluated"
    return evaluate(signal, history.earlier(signal.window), latest)


def _others(series: Series, ref: ComponentRef, memory: Memory) -> Mapping[ComponentRef, float]:
    """A pair signal by the other store; what names no store of ours, or the store itself, is left out."""
    known = {str(s): store_ref(s) for s in memory.stores}
    return {known[key]: value for key, value in series.items() if key in known and known[key] != ref}


def report_store_metrics(
    report: Report, memory: Memory, looked: Looked, ref: ComponentRef, view: PrometheusView | None
) -> None:
    """Every measured signal of one store, from whoever has it."""
    look = looked.at_store.get(ref)
    scraped = None if look is None else look.scraped
    direct_source = n.metrics_source(ref)
    for signal in _STORE_SIGNALS:
        direct = _direct(memory, scraped, ref, signal)
        value, source = direct, direct_source
        if view is not None and signals.from_prometheus(signal):
            prefers_server = signal.window is not None
            if isinstance(direct, Missing) or prefers_server:
                served = view.value(signal, ref)
                if not isinstance(served, Missing):
                    value, source = served, view.source(signal)
        if isinstance(value, Missing):
            report.miss(ref, signal.name, direct_source, value.cause, value.detail)
        elif signal.toward is None:
            report.read(ref, signal.name, value[""] if "" in value else sum(value.values()), source)
        else:
            for other, number in sorted(_others(value, ref, memory).items()):
                report.read(ref, signal.name, number, source, toward=other)


def report_member_metrics(report: Report, memory: Memory, looked: Looked, ref: ComponentRef) -> None:
    """Every measured signal of one PD member; the leader's own hold for the cluster."""
    look = looked.at_member.get(ref)
    scraped = None if look is None else look.scraped
    source = n.metrics_source(ref)
    for signal in _PD_SIGNALS:
        value = _direct(memory, scraped, ref, signal)
        if isinstance(value, Missing):
            report.miss(ref, signal.name, source, value.cause, value.detail)
        else:
            report.read(ref, signal.name, sum(value.values()), source)


def report_leader_metrics(report: Report, memory: Memory, looked: Looked, leader: ComponentRef | None) -> None:
    """The cluster's figures that PD counts itself; only its leader's are alive."""
    look = None if leader is None else looked.at_member.get(leader)
    for signal in _CLUSTER_SIGNALS:
        if leader is None or look is None:
            report.miss(CLUSTER, signal.name, n.PD_SOURCE, Cause.NOT_ASKED, "PD has no leader that could be asked")
            continue
        value = _direct(memory, look.scraped, leader, signal)
        if isinstance(value, Missing):
            report.miss(CLUSTER, signal.name, n.metrics_source(leader), value.cause, value.detail)
        else:
            report.read(CLUSTER, signal.name, sum(value.values()), n.metrics_source(leader))


def report_prometheus(report: Report, memory: Memory, looked: Looked, view: PrometheusView | None) -> None:
    """How fresh Prometheus is, and whether it has each store as a target."""
    if looked.prometheus is None:
        report.read(CLUSTER, n.PROMETHEUS_CONTACT, "none", "our settings")
        return
    if view is None:
        assert isinstance(looked.prometheus, SubjectError)
        report.miss_for(CLUSTER, n.PROMETHEUS_FRESHNESS, n.PROMETHEUS_SOURCE, looked.prometheus)
        report.read(CLUSTER, n.PROMETHEUS_CONTACT, looked.prometheus.cause.value, "prometheus up")
        return
    is_fresh = view.freshness is not None and view.freshness <= STALE.total_seconds()
    report.read(CLUSTER, n.PROMETHEUS_CONTACT, "answered" if is_fresh else "stale", "prometheus up")
    report.read_or_miss(
        CLUSTER,
        n.PROMETHEUS_FRESHNESS,
        view.freshness,
        "prometheus timestamp(up)",
        lost_from=n.PROMETHEUS_SOURCE,
        because="no store of ours is a target",
    )
    for store in memory.stores:
        ref = store_ref(store)
        up = view.targets.get(ref)
        age = view.ages.get(ref)
        word = "missing" if up is None else "down" if up == 0 else "up"
        if up is not None and age is not None and age > STALE.total_seconds():
            report.miss(ref, n.STORE_TARGET, n.PROMETHEUS_SOURCE, Cause.ABSENT, f"last scraped {age:.0f} s ago")
        else:
            report.read(ref, n.STORE_TARGET, word, "prometheus up")
