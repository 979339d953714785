"""A cluster that lives in the caller's process and in the caller's time; for tests, trials and simulation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from operator_core.components import Endpoint
from operator_core.errors import DeploymentError
from operator_core.faults import Fault, FaultCapability, Undo
from operator_core.ports import Clock, DeploymentStatus, Progressed

from operator_simulator import chaos, services
from operator_simulator.config import ClusterConfig
from operator_simulator.faces import front
from operator_simulator.in_process import InProcessNetwork
from operator_simulator.model.cluster import Cluster
from operator_simulator.rolling import Rolling

_FOLLOW_EVERY = timedelta(seconds=0.5)
_UP_WITHIN = timedelta(seconds=120)


class InProcessDeployment:
    """A deployment and fault target over one model, without a socket.

    Args:
        clock: the cluster's time; the cluster is born at the clock's instant when it is brought up.
    """

    def __init__(self, *, name: str, config: ClusterConfig, clock: Clock) -> None:
        self.name = name
        self._config = config
        self._clock = clock
        self._cluster: Cluster | None = None
        self._rolling = Rolling(lambda: self.cluster, clock)
        self.network = InProcessNetwork(None, clock)
        """Before the cluster is up, everything on it refuses."""

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now.

        Raises:
            DeploymentError: it is not up.
        """
        if self._cluster is None:
            raise DeploymentError(f"deployment {self.name!r} is not up")
        self._cluster.advance_to(self._clock.now())
        return self._cluster

    async def up(self, progressed: Progressed) -> None:
        """Bring it up.

        One that is started cold, or restarted, comes up while the clock goes on: this does not wait for it, so that it
        can be watched from its first second; :meth:`has_come_up` does.
        """
        if self._cluster is not None:
            progressed(f"{self.name} is already up")
            return
        self._cluster = self.network.cluster = Cluster(self._config, self._clock.now())
        state = "coming up" if self._config.cold_start or self._config.restarted else "up"
        progressed(f"{self.name} is {state}: {self._config.pd} PD, {self._config.stores} TiKV")

    async def has_come_up(self, progressed: Progressed, *, within: timedelta = _UP_WITHIN) -> None:
        """Wait until every process does its work.

        Raises:
            DeploymentError: it is not up, or not all of them do in time.
        """
        try:
            async with self._clock.deadline(within):
                while not (await self.status()).is_healthy:
                    await self._clock.sleep(_FOLLOW_EVERY)
        except TimeoutError as e:
            missing = services.not_running(await self.status())
            raise DeploymentError(f"{self.name}: {missing} after {within.total_seconds():g} s") from e
        progressed(f"{self.name} is up: {self._config.pd} PD, {self._config.stores} TiKV")

    async def down(self, progressed: Progressed) -> None:
        self._cluster = self.network.cluster = None
        progressed(f"{self.name} is down")

    async def status(self) -> DeploymentStatus:
        if self._cluster is None:
            return services.missing(self.name, self._config)
        return services.status(self.name, self.cluster)

    async def logs(self, service: str | None, *, follow: bool, tail: int | None) -> AsyncIterator[str]:
        """Log lines in the order of time; each is led by its service's name when all are asked for.

        Raises:
            ConfigurationError: no such service.
        """
        lines = services.lines(self.cluster, service, after={})
        for line in lines if tail is None else lines[max(0, len(lines) - tail) :]:
            yield line.text
        seen = services.newest(lines)
        while follow:
            await self._clock.sleep(_FOLLOW_EVERY)
            lines = services.lines(self.cluster, service, after=seen)
            seen |= services.newest(lines)
            for line in lines:
                yield line.text

    async def restart(self, service: str | None, progressed: Progressed) -> None:
        """Restart in order (:class:`Rolling`): one service, or all of them, one after the other.

        Raises:
            ConfigurationError: no such service.
            DeploymentError: it is not up, another restart is under way, or a process did not come back.
        """
        await self._rolling.restart(service, progressed)

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """In process, what is advertised is what can be reached."""
        return tuple(
            Endpoint(component=p.component, purpose=p.purpose, advertised=p.advertised, reachable=p.advertised)
            for p in front.ports_of(self.cluster)
        )

    def clock(self) -> Clock:
        return self._clock

    async def capabilities(self) -> tuple[FaultCapability, ...]:
        return chaos.CAPABILITIES

    async def plan(self, fault: Fault) -> Undo:
        """How the fault would be taken back.

        Raises:
            ConfigurationError: there is no such component, or the fault cannot be done to it.
        """
        return chaos.plan(self.cluster, fault)

    async def inject(self, fault: Fault, undo: Undo) -> None:
        chaos.inject(self.cluster, fault, undo)

    async def undo(self, undo: Undo) -> None:
        if self._cluster is not None:
            chaos.undo(self.cluster, undo)
