"""PD's ``/metrics``: what the simulated PD exports, a real PD v8.5.5 exports under the same name, type and labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.contracts.conftest import Asked, Simulated

Recorded = Callable[[str], "Sequence[Asked]"]


@dataclass(slots=True)
class Family:
    """One metric: its type, the sets of label names it was seen with, and a histogram's bounds as they are written."""

    type: str
    labels: set[frozenset[str]] = field(default_factory=set[frozenset[str]])
    bounds: tuple[str, ...] = ()
    values: dict[str, set[str]] = field(default_factory=dict[str, set[str]])


def families(text: str) -> dict[str, Family]:
    found: dict[str, Family] = {}
    bounds: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            found[name] = Family(kind)
        elif line and not line.startswith("#"):
            match = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$", line)
            assert match is not None, line
            base = match[1] if match[1] in found else re.sub(r"_(bucket|sum|count)$", "", match[1])
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            bound = labels.pop("le", None)
            found[base].labels.add(frozenset(labels))
            for name, value in labels.items():
                found[base].values.setdefault(name, set()).add(value)
            if bound is not None:
                bounds.setdefault(base, {}).setdefault(str(sorted(labels.items())), []).append(bound)
    for name, by_labels in bounds.items():
        found[name].bounds = tuple(next(iter(by_labels.values())))
    return found


VALUES: Final = ("type", "kind", "event", "dc", "group", "service", "grpc_service", "result")
"""Labels whose values are words of PD's own. What is called (``grpc_method``) is up to those who call: the feeder of
the recorded PD asks for other things than TiKV and its clients do, and a stream is counted when it ends."""


def differences(real: dict[str, Family], ours: dict[str, Family]) -> Iterator[str]:
    for name, mine in ours.items():
        theirs = real.get(name)
        if theirs is None:
            yield f"{name}: a real PD has no such metric"
            continue
        if theirs.type != mine.type:
            yield f"{name}: {mine.type} instead of {theirs.type}"
        if not mine.labels <= theirs.labels:
            yield f"{name}: labels {[sorted(x) for x in mine.labels]} instead of {[sorted(x) for x in theirs.labels]}"
        if theirs.bounds != mine.bounds:
            yield f"{name}: bounds {mine.bounds} instead of {theirs.bounds}"
        for label in VALUES:
            strange = mine.values.get(label, set()) - theirs.values.get(label, set())
            if strange:
                yield f"{name}: {label} {sorted(strange)}, known {sorted(theirs.values.get(label, set()))}"


def of_real(recorded: Recorded, *names: str) -> dict[str, Family]:
    """Families of recorded pages; each page was cut to other ones."""
    found: dict[str, Family] = {}
    for row in recorded("healthy"):
        if row.name in names:
            found |= families(row.body.decode())
    return found


def of_simulated(simulated: Simulated, role: str) -> dict[str, Family]:
    member = simulated.leader if role == "leader" else simulated.followers[0]
    answer, _ = simulated.ask(member, "/metrics")
    assert answer is not None
    return families(answer.body.decode())


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_every_simulated_metric_is_a_real_one(simulated: Simulated, recorded: Recorded, role: str) -> None:
    real = of_real(recorded, f"metrics_{role}", f"metrics_{role}_rest")
    assert list(differences(real, of_simulated(simulated, role))) == []


def test_lost_peers_are_counted_as_in_a_real_pd(simulated: Simulated, recorded: Recorded) -> None:
    real = of_real(recorded, "metrics_leader", "metrics_leader_rest", "metrics_leader_follower_dead")
    simulated.cluster.kill(simulated.followers[0].name)
    simulated.live(8)
    ours = of_simulated(simulated, "leader")
    assert "etcd_network_disconnected_peers_total" in ours
    assert list(differences(real, ours)) == []


def test_a_former_leader_says_that_it_leads_no_more_and_a_follower_says_nothing(simulated: Simulated) -> None:
    cluster = simulated.cluster
    assert "service_member_role" not in of_simulated(simulated, "follower")
    old = simulated.leader
    assert cluster.quorum.resign(cluster.now_s)
    simulated.live(2)
    answer, _ = simulated.ask(old, "/metrics")
    assert answer is not None
    assert b'service_member_role{service="PD"} 0' in answer.body


REAL = families(
    '# TYPE a histogram\na_bucket{x="1",le="0.1"} 0\na_bucket{x="1",le="+Inf"} 0\na_sum{x="1"} 0\n# TYPE b gauge\nb 1\n'
)


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ("# TYPE c gauge\nc 1\n", "c: a real PD has no such metric"),
        ("# TYPE b counter\nb 1\n", "b: counter instead of gauge"),
        ('# TYPE b gauge\nb{x="1"} 1\n', "b: labels [['x']] instead of [[]]"),
        ('# TYPE a histogram\na_bucket{x="1",le="0.2"} 0\n', "a: bounds ('0.2',) instead of ('0.1', '+Inf')"),
    ],
)
def test_another_metric_is_a_difference(ours: str, said: str) -> None:
    assert list(differences(REAL, families(ours))) == [said]


def test_the_same_metric_with_other_values_is_none() -> None:
    page = '# TYPE a histogram\na_bucket{x="7",le="0.1"} 5\na_bucket{x="7",le="+Inf"} 9\n'
    assert list(differences(REAL, families(page))) == []
