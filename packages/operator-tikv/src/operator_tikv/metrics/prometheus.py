"""A Prometheus server's HTTP API: one query per signal for all components, never one per component."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from operator_core.components import Kind
from operator_core.errors import SubjectError, SubjectNonsense, SubjectRefused, SubjectUnreachable
from operator_core.readings import Cause, SignalName
from operator_core.signals import Signal
from pydantic import BaseModel, ConfigDict, ValidationError

from operator_tikv.http import Http
from operator_tikv.metrics.promql import compile as to_promql
from operator_tikv.metrics.promql import freshness
from operator_tikv.metrics.promql import targets as targets_of


class SampleJson(BaseModel):
    """One series of an instant vector: its labels, and the query's instant with the value as text."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    metric: dict[str, str]
    value: tuple[float, str]


class VectorJson(BaseModel):
    """The data of an instant query."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    resultType: Literal["vector"]  # noqa: N815 - Prometheus's word
    result: tuple[SampleJson, ...]


class QueryJson(BaseModel):
    """``GET /api/v1/query``."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    status: Literal["success", "error"]
    data: VectorJson | None = None
    errorType: str = ""  # noqa: N815 - Prometheus's word
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One series' value; never NaN."""

    labels: Mapping[str, str]
    value: float
    at: float
    """The query's instant in Unix seconds, by Prometheus's clock."""


Points = tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Everything that one look at Prometheus gave.

    Attributes:
        points: by signal; an error where that query failed.
        targets: one point for each target, 1 when its last scrape went well.
        ages: seconds since each target was last scraped, by ``instance``.
        queries: the text of each query.
    """

    points: Mapping[SignalName, Points | SubjectError]
    targets: Points
    ages: Mapping[str, float]
    queries: Mapping[SignalName, str]


class Prometheus:
    """One Prometheus server."""

    def __init__(self, http: Http, base: str, *, labels: Mapping[str, str]) -> None:
        self._http = http
        self._base = base
        self._labels = dict(labels)

    async def query(self, promql: str, *, within: timedelta) -> Points:
        """One instant query.

        Raises:
            SubjectRefused: Prometheus understood the question and says no.
            SubjectUnreachable, SubjectNonsense: there was no answer that can be read.
        """
        answer = await self._http.get(f"{self._base}/api/v1/query", within=within, params={"query": promql})
        if answer.status >= 500:
            raise SubjectUnreachable(f"GET {answer.url}: {answer.status} {answer.text[:120]!r}", Cause.DENIED)
        try:
            wire = QueryJson.model_validate_json(answer.body)
        except ValidationError as e:
            raise SubjectNonsense(f"GET {answer.url}: {answer.status}, not an answer of Prometheus") from e
        if wire.status == "error" or wire.data is None:
            raise SubjectRefused(f"Prometheus on {promql}: {wire.errorType}: {wire.error}")
        points: list[Point] = []
        for series in wire.data.result:
            try:
                value = float(series.value[1])
            except ValueError as e:
                raise SubjectNonsense(f"Prometheus on {promql}: {series.value[1]!r} is not a number") from e
            if not math.isnan(value):
                points.append(Point(labels=series.metric, value=value, at=series.value[0]))
        return tuple(points)

    async def ask(self, signals: Sequence[Signal], kinds: Sequence[Kind], *, within: timedelta) -> Asked:
        """All signals at once, and how fresh the samples are.

        Raises:
            SubjectError: the freshness could not be had; then nothing else is worth having.
        """
        points: dict[SignalName, Points | SubjectError] = {}
        queries = {s.name: to_promql(s, self._labels) for s in signals}
        ages: dict[str, float] = {}
        targets: list[Point] = []
        failed: list[SubjectError] = []

        async def ask_signal(signal: Signal) -> None:
            try:
                points[signal.name] = await self.query(queries[signal.name], within=within)
            except SubjectError as e:
                points[signal.name] = e

        async def ask_freshness(kind: Kind) -> None:
            try:
                for point in await self.query(freshness(kind, self._labels), within=within):
                    ages[point.labels.get("instance", "")] = max(0.0, point.at - point.value)
            except SubjectError as e:
                failed.append(e)

        async def ask_targets(kind: Kind) -> None:
            try:
                targets.extend(await self.query(targets_of(kind, self._labels), within=within))
            except SubjectError as e:
                failed.append(e)

        async with asyncio.TaskGroup() as group:
            for kind in kinds:
                group.create_task(ask_freshness(kind), name=f"prometheus.freshness {kind}")
                group.create_task(ask_targets(kind), name=f"prometheus.targets {kind}")
            for signal in signals:
                group.create_task(ask_signal(signal), name=f"prometheus.query {signal.name}")
        if failed:
            raise failed[0]
        return Asked(points=points, targets=tuple(targets), ages=ages, queries=queries)
