"""A signal as PromQL, for all components in one query.

Quantiles keep ``le`` in the ``by``, selectors match exactly, and jobs are matched by their ending, because TiDB
Operator calls them ``<cluster>-tikv`` (tikv v8.5.5 metrics/grafana does the same).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from operator_core.components import Kind
from operator_core.signals import Signal, SignalKind

from operator_tikv.names import PD, STORE

SHORTEST = timedelta(minutes=1)
"""Four scrapes of 15 s; a shorter rate window often holds one sample, and one sample has no rate."""

_ENDINGS: Mapping[Kind, str] = {STORE: "tikv", PD: "pd"}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def job_of(about: Kind) -> str:
    """The matcher for the jobs under which a kind of process is scraped; the cluster's own figures are PD's."""
    return f'job=~".*{_ENDINGS.get(about, "pd")}"'


def matchers(signal: Signal, extra: Mapping[str, str] | None = None) -> str:
    """Everything between the braces."""
    exact = {**(extra or {}), **signal.selector}
    return ",".join([job_of(signal.about), *(f"{k}={_quoted(v)}" for k, v in sorted(exact.items()))])


def duration(window: timedelta) -> str:
    """As PromQL writes it."""
    return f"{max(1, round(window.total_seconds()))}s"


def compile(signal: Signal, labels: Mapping[str, str] | None = None) -> str:  # noqa: A001 - the design's word for it
    """The query that gives the signal for every component, by ``instance``.

    Args:
        labels: further labels that pick one cluster's series.

    Raises:
        ValueError: the signal has no metric, or lacks what its kind needs.
    """
    if signal.metric is None:
        raise ValueError(f"{signal.name} has no metric")
    by = ["instance", *([signal.toward] if signal.toward is not None else [])]
    keys = ", ".join(by)
    inside = matchers(signal, labels)
    if signal.kind in (SignalKind.GAUGE, SignalKind.STATE):
        return f"sum by ({keys}) ({signal.metric}{{{inside}}})"
    if signal.window is None:
        raise ValueError(f"{signal.name} has no window")
    window = duration(max(signal.window, SHORTEST))
    match signal.kind:
        case SignalKind.RATE:
            return f"sum by ({keys}) (rate({signal.metric}{{{inside}}}[{window}]))"
        case SignalKind.MEAN:
            total = f"sum by ({keys}) (rate({signal.metric}_sum{{{inside}}}[{window}]))"
            count = f"sum by ({keys}) (rate({signal.metric}_count{{{inside}}}[{window}]))"
            return f"{total} / {count}"
        case SignalKind.QUANTILE:
            if signal.quantile is None:
                raise ValueError(f"{signal.name} has no quantile")
            rates = f"sum by (le, {keys}) (rate({signal.metric}_bucket{{{inside}}}[{window}]))"
            return f"histogram_quantile({signal.quantile:g}, {rates})"


def targets(about: Kind, labels: Mapping[str, str] | None = None) -> str:
    """Whether each target's last scrape went well: 1 or 0."""
    exact = ",".join([job_of(about), *(f"{k}={_quoted(v)}" for k, v in sorted((labels or {}).items()))])
    return f"up{{{exact}}}"


def freshness(about: Kind, labels: Mapping[str, str] | None = None) -> str:
    """The instant of each target's newest ``up`` sample, in Unix seconds.

    Only of a plain selector does ``timestamp()`` give the sample's instant; of any other expression it gives the
    query's.
    """
    return f"timestamp({targets(about, labels)})"
