"""From the text of ``/metrics`` to the few samples that are needed.

A TiKV store exports megabytes; a regular expression picks the needed lines before the real parser sees them. And the
same series come again with every scrape, so what the parser says of a series' name and labels is remembered: only the
value is read each time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from operator_core.errors import SubjectNonsense
from operator_core.signals import Signal, SignalKind
from prometheus_client.parser import text_string_to_metric_families

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One exported value; NaN is let out."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """The needed samples of one process at one instant.

    Attributes:
        samples: by sample name (``…_bucket`` and the like are names of their own).
        started: the process's own start in Unix seconds, to tell a restart; None when it does not say.
    """

    at: datetime
    samples: Mapping[str, tuple[Sample, ...]]
    started: float | None = None


def sample_names(signal: Signal) -> tuple[str, ...]:
    """The exported names that a signal is computed from."""
    if signal.metric is None:
        return ()
    match signal.kind:
        case SignalKind.MEAN:
            return (f"{signal.metric}_sum", f"{signal.metric}_count")
        case SignalKind.QUANTILE:
            return (f"{signal.metric}_bucket",)
        case _:
            return (signal.metric,)


@lru_cache(maxsize=16)
def _pattern(needs: tuple[tuple[str, tuple[str, ...]], ...]) -> re.Pattern[str]:
    alternatives: list[str] = []
    for name, words in needs:
        if words:
            alternatives.append(rf"{re.escape(name)}\{{[^\n]*(?:{'|'.join(map(re.escape, words))})[^\n]*")
        else:
            alternatives.append(rf"{re.escape(name)}[{{ \t][^\n]*")
    return re.compile(rf"^(?:{'|'.join(alternatives)})$", re.MULTILINE)


def _needs(signals: Iterable[Signal]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names with, for each, a label that every needed line has; none when some signal needs all lines."""
    words: dict[str, set[str] | None] = {"process_start_time_seconds": None}
    for signal in signals:
        label = next((f'{k}="{v}"' for k, v in sorted(signal.selector.items())), None)
        for name in sample_names(signal):
            known = words.get(name, set())
            words[name] = None if label is None or known is None else known | {label}
    return tuple((name, tuple(sorted(found or ()))) for name, found in sorted(words.items()))


@lru_cache(maxsize=1 << 16)
def _series(written: str) -> tuple[str, Labels]:
    """Name and labels of a series, as the client library understands what is written before its value.

    Raises:
        ValueError: it is no series.
    """
    ((sample,),) = (family.samples for family in text_string_to_metric_families(f"{written} 0\n"))
    return sample.name, MappingProxyType(sample.labels)


def _split(line: str) -> tuple[str, float]:
    """What is written of a series, and its value; the time stamp that may follow is left out.

    Raises:
        ValueError: there is no number.
    """
    labels, brace, rest = line.rpartition("}")
    written, *numbers = [labels + brace, *rest.split()] if brace else line.split()
    if not numbers or "_" in numbers[0]:
        raise ValueError(f"no value: {line[:80]!r}")
    return written, float(numbers[0])


def parse(text: str, signals: Iterable[Signal], *, at: datetime) -> Scrape:
    """The samples that some signals are computed from.

    Raises:
        SubjectNonsense: it is not the text format.
    """
    lines = _pattern(_needs(signals)).findall(text)
    if not lines and not any(line.startswith("#") for line in text.split("\n", 4)[:4]):
        raise SubjectNonsense(f"not the text format of metrics: {text[:60]!r}")
    found: dict[str, list[Sample]] = {}
    try:
        for line in lines:
            written, value = _split(line)
            name, labels = _series(written)
            if not math.isnan(value):
                found.setdefault(name, []).append(Sample(labels, value))
    except ValueError as e:
        raise SubjectNonsense(f"not the text format of metrics: {e}") from e
    start = found.get("process_start_time_seconds")
    return Scrape(at=at, samples={k: tuple(v) for k, v in found.items()}, started=start[0].value if start else None)
