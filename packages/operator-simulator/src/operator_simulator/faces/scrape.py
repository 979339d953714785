"""A scrape of a process's metrics; now and then one is slow or lost."""

from __future__ import annotations

from operator_simulator.exposition import Dialect
from operator_simulator.faces.exchange import Answer, Broken, Later, Outcome
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.process import Process
from operator_simulator.model.store import Store
from operator_simulator.noise import ScrapeFate, scrape_fate

_TYPES = {Dialect.RUST: "text/plain; version=0.0.4", Dialect.GO: "text/plain; version=0.0.4; charset=utf-8"}


def scrape(cluster: Cluster, process: Process, waited_s: float) -> Outcome:
    """The metrics page, or what became of it. Its fate is drawn once, when the request comes in."""
    asked_ms = round((cluster.now_s - waited_s) * 1000)
    fate, seconds = scrape_fate(cluster.config.seed, cluster.config.noise, process.name, asked_ms)
    match fate:
        case ScrapeFate.LOST:
            return Broken.SILENCE
        case ScrapeFate.RESET:
            return Broken.RESET
        case ScrapeFate.SLOW if waited_s < seconds:
            return Later(seconds - waited_s)
        case _:
            dialect = Dialect.RUST if isinstance(process, Store) else Dialect.GO
            return Answer(status=200, body=cluster.publish(process), content_type=_TYPES[dialect], after_s=0.002)
