"""What the process knows of itself: whether every cluster that it watches is looked at, and how well that goes.

Kept from the reports, and shown as metrics by the naming rules of Prometheus
(https://prometheus.io/docs/practices/naming/).
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from operator_core.errors import ConfigurationError
from operator_core.judgements import Severity
from operator_core.ports import Clock
from operator_core.readings import ClusterName
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from operator_monitor.attempt import Failed, attempt
from operator_monitor.report import CycleReport, Report, StandingBy
from operator_monitor.several import Watching

OLDEST = 3
"""A cluster of which the last good look is older than so many intervals is not watched as it should be."""
MEASURED_WITHIN = timedelta(milliseconds=400)
"""How long finding out the size of the ledger may take: whoever ends the process waits for an answer that is due."""
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHealth:
    """Whether one cluster is watched as it should be.

    Attributes:
        age: of the last good look, or of the last look at who has the watch while standing by; None when there is none.
        at_most: how old it may be.
    """

    cluster: ClusterName
    stands_by: bool
    age: timedelta | None
    at_most: timedelta

    @property
    def is_well(self) -> bool:
        return self.age is not None and self.age <= self.at_most


@dataclass(slots=True, kw_only=True)
class _Vital:
    """What was heard of one cluster.

    Attributes:
        good_at: when the last good look was made, or when it was last seen who has the watch.
        unseens: by source, how much could not be had in the newest look: 0 of one that gave all that was asked of it;
            one that failed as a whole counts at least once.
        open_tickets: by severity; None when it is not known.
    """

    interval: timedelta
    clock: Clock
    good_at: datetime | None = None
    stands_by: bool = False
    has_watch: bool = False
    unseens: Mapping[str, int] = field(default_factory=dict[str, int])
    open_tickets: Mapping[Severity, int] | None = None

    @property
    def age(self) -> timedelta | None:
        return None if self.good_at is None else self.clock.now() - self.good_at


class Vitals:
    """The state of a process that watches clusters.

    Args:
        watches: everything that it watches.
        ledger_bytes: finds out the size of the ledger; what it raises is left out.

    Raises:
        ConfigurationError: it watches nothing.
    """

    def __init__(
        self, watches: Sequence[Watching], *, ledger_bytes: Callable[[], Awaitable[int]] | None = None
    ) -> None:
        if not watches:
            raise ConfigurationError("a process that watches nothing has no vitals")
        self._clusters = {w.cluster: _Vital(interval=w.interval, clock=w.clock) for w in watches}
        self._ledger_bytes = ledger_bytes
        self._registry = CollectorRegistry()
        self._took = Histogram(
            "operator_cycle_seconds",
            "Time from the start of a cycle until all was seen, judged and written.",
            ["cluster"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._fell_short = Counter(
            "operator_cycles_fell_short",
            "Cycles that failed or took longer than the interval.",
            ["cluster"],
            registry=self._registry,
        )
        self._registry.register(_AsItIs(self._clusters))
        for cluster in self._clusters:
            self._took.labels(cluster)
            self._fell_short.labels(cluster)

    def heard(self, cluster: ClusterName, report: Report) -> None:
        """Take in what a monitor told."""
        vital = self._clusters[cluster]
        match report:
            case CycleReport():
                self._took.labels(cluster).observe(report.took.total_seconds())
                if report.fell_short is not None:
                    self._fell_short.labels(cluster).inc()
                if report.failed is None or vital.stands_by:
                    vital.good_at = report.observation.at if report.failed is None else None
                vital.stands_by, vital.has_watch = False, True
                vital.unseens = dict.fromkeys((s.source for s in report.observation.sources), 0) | {
                    source: max(1, len(unseens)) for source, unseens in report.unseens.items()
                }
                vital.open_tickets = None if report.now_open is None else Tally(t.severity for t in report.now_open)
            case StandingBy():
                if report.failed is None or not vital.stands_by:
                    vital.good_at = report.at if report.failed is None else None
                vital.stands_by, vital.has_watch = True, False
                vital.unseens = {}
                vital.open_tickets = None

    def health(self) -> tuple[ClusterHealth, ...]:
        """How each cluster is watched, by name."""
        return tuple(
            ClusterHealth(cluster=cluster, stands_by=v.stands_by, age=v.age, at_most=OLDEST * v.interval)
            for cluster, v in sorted(self._clusters.items())
        )

    async def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics, and their content type, in the format that suits an Accept header best."""
        encode, content_type = choose_encoder(accept)
        size = await self._size()
        once = CollectorRegistry()
        once.register(_All((self._registry, _Size(size))))
        return encode(once), content_type

    async def _size(self) -> int | None:
        if self._ledger_bytes is None:
            return None
        clock = next(iter(self._clusters.values())).clock
        size = await attempt(self._ledger_bytes(), doing="measuring the ledger", within=MEASURED_WITHIN, clock=clock)
        return None if isinstance(size, Failed) else size


class _AsItIs(Collector):
    """What is true at the moment at which it is asked for."""

    def __init__(self, clusters: Mapping[ClusterName, _Vital]) -> None:
        self._clusters = clusters

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        age = GaugeMetricFamily(
            "operator_last_good_look_age_seconds",
            "Age of the newest look that did what it should; none while standing by or before the first.",
            labels=["cluster"],
        )
        unseens = GaugeMetricFamily(
            "operator_unseen_readings",
            "Readings that the newest look could not have, by source; of one that failed as a whole at least 1.",
            labels=["cluster", "source"],
        )
        tickets = GaugeMetricFamily("operator_open_tickets", "Tickets that are open.", labels=["cluster", "severity"])
        held = GaugeMetricFamily(
            "operator_watch_held",
            "Whether this process has the watch of the cluster (1) or not (0).",
            labels=["cluster"],
        )
        for cluster, vital in self._clusters.items():
            if vital.age is not None and not vital.stands_by:
                age.add_metric([cluster], vital.age.total_seconds())
            for source, count in vital.unseens.items():
                unseens.add_metric([cluster, source], count)
            if vital.open_tickets is not None:
                for severity in Severity:
                    tickets.add_metric([cluster, severity.value], vital.open_tickets.get(severity, 0))
            held.add_metric([cluster], 1 if vital.has_watch else 0)
        return (age, unseens, tickets, held)


class _Size(Collector):
    """The size of the ledger, if it could be found out."""

    def __init__(self, size: int | None) -> None:
        self._size = size

    def collect(self) -> Iterable[Metric]:
        if self._size is None:
            return ()
        return (GaugeMetricFamily("operator_ledger_size_bytes", "Size of the ledger.", value=self._size),)


class _All(Collector):
    """Several collectors as one."""

    def __init__(self, parts: Sequence[Collector | CollectorRegistry]) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        return (metric for part in self._parts for metric in part.collect())
