"""From signs of life to the lives of the model's processes.

A killed process has its connection closed by its kernel. A frozen one keeps it and says nothing: its kernel answers
for it, also when asked whether it is still there (TCP keepalive). Another life of the same node is a restart. Silence
is counted in small steps of our own time, so that a model that was held up itself takes nobody for frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from operator_simulator.model.cluster import Cluster
from operator_simulator.model.process import Life

FROZEN_AFTER_S: Final = 2.0
GONE_AFTER_S: Final = 0.7
"""Without a connection; a node whose connection alone has broken is back by then."""
_LONGEST_STEP_S: Final = 0.3


@dataclass(slots=True)
class _Signs:
    """What is known of one node's run."""

    life: int
    is_connected: bool = True
    quiet_s: float = 0.0


class Lives:
    """The nodes' lives.

    Args:
        now: the cluster as it is at this instant.
        said: told in words what has changed.
    """

    def __init__(self, now: Callable[[], Cluster], said: Callable[[str], None]) -> None:
        self._now = now
        self._said = said
        self._signs: dict[str, _Signs] = {}

    def begins(self, name: str, life: int) -> bool:
        """A node has introduced itself; whether it is another run of it than the one before."""
        cluster, before = self._now(), self._signs.get(name)
        process = cluster.processes[name]
        self._signs[name] = _Signs(life)
        if before is not None and before.life == life and not process.is_dead:
            return False
        if not process.is_dead:
            cluster.kill(name)
        cluster.start(name)
        self._said(f"{name} was started")
        return True

    def beats(self, name: str) -> None:
        """A node has said something."""
        signs = self._signs[name]
        signs.quiet_s = 0.0
        cluster = self._now()
        if cluster.processes[name].life is Life.FROZEN:
            cluster.thaw(name)
            self._said(f"{name} goes on")

    def hangs_up(self, name: str) -> None:
        """A node's connection has ended."""
        signs = self._signs[name]
        signs.is_connected, signs.quiet_s = False, 0.0

    def passes(self, seconds: float) -> None:
        """So much time has passed."""
        cluster = self._now()
        for name, signs in self._signs.items():
            process = cluster.processes[name]
            signs.quiet_s += min(seconds, _LONGEST_STEP_S)
            if process.is_dead:
                continue
            if not signs.is_connected and signs.quiet_s >= GONE_AFTER_S:
                cluster.kill(name)
                self._said(f"{name} is gone")
            elif signs.is_connected and signs.quiet_s >= FROZEN_AFTER_S and process.life is Life.RUNNING:
                cluster.freeze(name)
                self._said(f"{name} is frozen")

    def running(self) -> dict[str, int]:
        """The lives of the nodes that run, and are not frozen."""
        processes = self._now().processes
        return {
            name: signs.life
            for name, signs in self._signs.items()
            if signs.is_connected and processes[name].life is Life.RUNNING
        }
