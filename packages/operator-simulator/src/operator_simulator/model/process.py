"""What every process has in common: it runs or not, it may be frozen, it has a log and metrics of this life."""

from __future__ import annotations

import random
from enum import Enum

from operator_simulator.exposition import Registry
from operator_simulator.model.logs import Log


class Life(Enum):
    """How a process is."""

    RUNNING = "running"
    FROZEN = "frozen"
    """All threads stopped; the kernel keeps its sockets open."""
    STOPPED = "stopped"


class Process:
    """One server process on a host of its own."""

    def __init__(self, name: str, log: Log, rng: random.Random) -> None:
        self.name = name
        self.log = log
        self.rng = rng
        self.life = Life.RUNNING
        self.is_up = True
        """Its sockets listen, and it does its work; a process that has just been started does neither yet."""
        self.started_s = 0.0
        self.changed_s = 0.0
        """When `life` last changed."""
        self.metrics = self.fresh_metrics()

    def fresh_metrics(self) -> Registry:
        raise NotImplementedError

    @property
    def is_running(self) -> bool:
        """Up and not frozen: it does its work."""
        return self.life is Life.RUNNING and self.is_up

    @property
    def is_dead(self) -> bool:
        return self.life is Life.STOPPED

    @property
    def refuses(self) -> bool:
        """Nobody listens at its ports: it is dead, or has not come that far."""
        return not self.is_up

    def die(self, now: float) -> None:
        """Gone at once; nothing is written."""
        self.life = Life.STOPPED
        self.is_up = False
        self.changed_s = now

    def start(self, now: float) -> None:
        """Begin a new life; it is up when :meth:`listens` is called."""
        self.life = Life.RUNNING
        self.is_up = False
        self.started_s = self.changed_s = now
        self.metrics = self.fresh_metrics()

    def listens(self) -> None:
        """It has bound its ports."""
        self.is_up = True

    def freeze(self, now: float) -> None:
        if self.life is Life.RUNNING:
            self.life = Life.FROZEN
            self.changed_s = now

    def thaw(self, now: float) -> None:
        if self.life is Life.FROZEN:
            self.life = Life.RUNNING
            self.changed_s = now
