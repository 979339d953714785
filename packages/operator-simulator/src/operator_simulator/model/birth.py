"""What is there when the story begins: keys and how the load lies on them, regions, ids, and who is started when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final

from operator_simulator.config import ClusterConfig
from operator_simulator.model.client import KeySpace
from operator_simulator.model.raft import Peer, Region
from operator_simulator.noise import stream

_GAP_S: Final = (0.2, 1.8)
"""Between the starts of two processes, when they are started together."""


def store_names(config: ClusterConfig) -> list[str]:
    """The stores' hosts."""
    return [f"tikv{i}" for i in range(config.stores)]


def member_names(config: ClusterConfig) -> list[str]:
    """The PD members' hosts."""
    return [f"pd{i}" for i in range(config.pd)]


def key_space(config: ClusterConfig) -> KeySpace:
    """Where clients cut their keys, and how much of the load lies on each piece."""
    rng = stream(config.seed, "regions")
    weights = [rng.uniform(0.6, 1.4) for _ in range(config.regions)]
    bounds = [f"{0x7480000000000000 + k * 0x1_0000_0000:016X}" for k in range(1, config.regions)]
    return KeySpace(bounds, [w / sum(weights) for w in weights])


def regions(config: ClusterConfig) -> list[Region]:
    """The regions of a cluster that has been filled, their peers spread evenly."""
    rng, names = stream(config.seed, "regions"), store_names(config)
    weights = [rng.uniform(0.6, 1.4) for _ in range(config.regions)]
    bounds = key_space(config).bounds
    found: list[Region] = []
    for k in range(config.regions):
        holders = [names[(k + j) % len(names)] for j in range(config.replicas)]
        first = 16 + 4 * k if k else 2
        index = float(rng.randrange(40_000, 400_000))
        peers = {s: Peer(first + 1 + j, s, matched=index) for j, s in enumerate(holders)}
        found.append(
            Region(
                id=first,
                start_key=bounds[k - 1] if k else "",
                end_key=bounds[k] if k + 1 < config.regions else "",
                peers=peers,
                conf_ver=5,
                version=config.regions + rng.randrange(1, 9),
                weight=weights[k] / sum(weights),
                size_mib=rng.uniform(60, 180),
                last_index=index,
            )
        )
    return found


def ids(config: ClusterConfig, there: list[Region]) -> Iterator[int]:
    """What PD's one sequence of ids gives next; stores have theirs by their place in the deployment."""
    taken = max((p.id for r in there for p in r.peers.values()), default=0)
    return (i for i in count(max(2, taken + 1)) if i not in config.store_ids)


def launches(config: ClusterConfig) -> list[tuple[float, str]]:
    """When each process is started by whoever deploys them: PD first, one after the other."""
    rng, at, found = stream(config.seed, "launches"), 0.0, list[tuple[float, str]]()
    for name in (*member_names(config), *store_names(config)):
        found.append((at, name))
        at += rng.uniform(*_GAP_S)
    return found
