"""A real PD's recorded answers, and a simulated cluster that is asked the same in its own time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.faces import front
from operator_simulator.faces.exchange import Answer, Broken, Door, Later, Request
from operator_simulator.model.etcd import Member

REAL: Final = Path(__file__).parents[2] / "packages/operator-tikv/tests/fixtures/pd/v8.5.5"
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
GIVES_UP_S: Final = 20.0
"""The recorder's own time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request to PD and what came back; `status` is None when nothing did."""

    name: str
    role: str
    method: str
    path: str
    headers: Mapping[str, str]
    request_body: str
    at: datetime
    status: int | None
    content_type: str | None
    body: bytes
    elapsed_s: float


@dataclass(slots=True)
class Simulated:
    """A cluster without noise: 3 PD, 3 stores with the recording's store ids (1, 4, 5)."""

    cluster: Cluster = field(default_factory=lambda: Cluster(ClusterConfig(noise=0, regions=34), EPOCH))

    @property
    def leader(self) -> Member:
        assert self.cluster.quorum.leader is not None
        return self.cluster.quorum.leader

    @property
    def followers(self) -> list[Member]:
        return [m for m in self.cluster.quorum.members if m.is_running and m is not self.cluster.quorum.leader]

    def live(self, seconds: float) -> None:
        self.cluster.advance_to(self.cluster.instant(self.cluster.now_s + seconds))

    def live_until(self, holds: Callable[[], bool], within_s: float) -> float:
        """Seconds until it holds, in quarters."""
        for quarter in range(round(within_s * 4) + 1):
            if holds():
                return quarter / 4
            self.live(0.25)
        raise AssertionError(f"it did not hold within {within_s} s")

    def ask(
        self,
        member: Member,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str = "",
        gives_up_s: float = GIVES_UP_S,
    ) -> tuple[Answer | None, float]:
        """The answer and how long it took; None when the caller gave up, or the door is not open."""
        lowered = {k.lower(): v for k, v in (headers or {}).items()}
        request = Request.of(method, path, lowered, body.encode())
        waited = 0.0
        while True:
            if front.door(self.cluster, member.name) is not Door.OPEN:
                return None, waited
            match front.answer(self.cluster, member.name, request, waited):
                case Answer() as answer:
                    return answer, waited + answer.after_s
                case Later(seconds) if waited + seconds < gives_up_s:
                    self.live(seconds)
                    waited += seconds
                case Later() | Broken():
                    return None, gives_up_s


def _read(situation: str) -> Iterator[Asked]:
    for row in json.loads((REAL / situation / "index.json").read_bytes()):
        request = row["request"]
        yield Asked(
            name=row["name"],
            role=row["asked_role"],
            method=request["method"],
            path=request["path"],
            headers=dict(h.split(": ", 1) for h in request["headers"]),
            request_body=request["body"] or "",
            at=datetime.fromisoformat(row["at"]),
            status=row["status"],
            content_type=row["content_type"],
            body=(REAL / situation / row["file"]).read_bytes() if row["file"] else b"",
            elapsed_s=row["elapsed_s"],
        )


@pytest.fixture
def recorded() -> Callable[[str], Sequence[Asked]]:
    """All requests of a situation, in their order."""
    return lambda situation: list(_read(situation))


@pytest.fixture
def timeline() -> Callable[[str], Sequence[dict[str, Any]]]:
    """A situation second by second; bodies that repeat are filled in."""

    def read(situation: str) -> Sequence[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads((REAL / situation / "timeline.json").read_bytes())
        by_place = {(r["asked"], r["path"], r["t_s"]): r for r in rows}
        for row in rows:
            source = row
            while same := source.get("same_body_as") or source.get("same_but_order_as"):
                source = by_place[same["asked"], same["path"], same["t_s"]]
            row["body"] = source.get("body", "")
        return rows

    return read


@pytest.fixture
def simulated() -> Simulated:
    cluster = Simulated()
    cluster.live(30)
    return cluster
