"""A restart as a careful operator does it: one process at a time, and none before the one before it is back.

A store gives its leaders away first (PD's evict-leader scheduler), is stopped in order and started, and is waited for
until PD hears of it and gives it leaders again; then the PD followers; the PD leader comes last, when it has resigned.
So does a rolling upgrade of tiup (`pkg/cluster/operation/upgrade.go`, `pkg/cluster/spec/tikv.go`), whose patience and
share of leaders are kept. Everything goes through PD's own API, where everybody can see it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, cast

import httpx
from operator_core.errors import DeploymentError
from operator_core.ports import Clock, Progressed

from operator_simulator import services
from operator_simulator.in_process import InProcessNetwork
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.scheduling import EVICT_LEADER
from operator_simulator.model.store import Store

_LOOK_EVERY: Final = timedelta(seconds=0.5)
_ASK_EVERY: Final = timedelta(seconds=2)
_ASK_WITHIN: Final = timedelta(seconds=5)
_PD_WITHIN: Final = timedelta(seconds=30)
_EVICT_WITHIN: Final = timedelta(seconds=120)
_STOP_WITHIN: Final = timedelta(seconds=40)
_START_WITHIN: Final = timedelta(seconds=60)
_BACK_WITHIN: Final = timedelta(seconds=120)
_BACK_SHARE: Final = 2 / 3
"""Of the leaders that a store had; the rest comes with time."""


class Rolling:
    """Restarts of one cluster; one at a time.

    Args:
        now: the cluster as it is at the clock's instant.
        changed: told when a process has been stopped or started.
    """

    def __init__(self, now: Callable[[], Cluster], clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._now = now
        self._clock = clock
        self._changed = changed
        self._is_busy = False

    async def restart(self, service: str | None, progressed: Progressed) -> None:
        """Restart one service, or all of them one after the other.

        Raises:
            ConfigurationError: there is no such service.
            DeploymentError: another restart is under way, PD does not answer, or a process is not back in time; then
                those after it are left alone.
        """
        if service is not None:
            services.known(self._now(), service)
        if self._is_busy:
            raise DeploymentError("a restart is under way already")
        self._is_busy = True
        try:
            await self._all(service, progressed)
        finally:
            self._is_busy = False

    async def _all(self, service: str | None, progressed: Progressed) -> None:
        cluster = self._now()
        for name in cluster.stores:
            if service in {None, name}:
                await self._store(cluster.stores[name], progressed)
        waiting = [m.name for m in cluster.quorum.members if service in {None, m.name}]
        while waiting:
            leader = cluster.quorum.leader
            name = next((n for n in waiting if leader is None or n != leader.name), waiting[0])
            waiting.remove(name)
            await self._member(name, progressed)

    # -- a store ------------------------------------------------------------------------------------------------

    async def _store(self, store: Store, progressed: Progressed) -> None:
        name = store.name
        progressed(f"restarting {name}")
        self._now().thaw(name)
        led = int(cast("int", (await self._shown(store))["leader_count"]))
        async with self._evicted(store, led, progressed):
            await self._again(name, progressed)
        await self._gets_back(store, led, progressed)
        progressed(f"{name} is back")

    @asynccontextmanager
    async def _evicted(self, store: Store, led: int, progressed: Progressed) -> AsyncGenerator[None]:
        """Without leaders for as long as the block lasts, however it ends; an eviction by somebody else stays."""
        others = [s for s in self._now().stores.values() if s is not store and s.is_running]
        if store.is_dead or not others or store.id in await self._evicting():
            yield
            return
        await self._pd("POST", "/schedulers", {"name": EVICT_LEADER, "store_id": store.id})
        try:
            await self._drains(store, led, progressed)
            yield
        finally:
            await self._pd("DELETE", f"/schedulers/{EVICT_LEADER}-{store.id}")

    async def _evicting(self) -> set[int]:
        """The stores that are being evicted already."""
        answer = await self._pd("GET", f"/scheduler-config/{EVICT_LEADER}/list")
        if not answer.is_success:
            return set()
        found = cast("Mapping[str, Mapping[str, object]]", answer.json())
        return {int(i) for i in found["store-id-ranges"]}

    async def _drains(self, store: Store, led: int, progressed: Progressed) -> None:
        progressed(f"moving {led} leaders away from {store.name}")
        try:
            async with self._clock.deadline(_EVICT_WITHIN):
                while led := int(cast("int", (await self._shown(store))["leader_count"])):
                    progressed(f"waiting for {led} leaders to leave {store.name}")
                    await self._clock.sleep(_ASK_EVERY)
        except TimeoutError:
            progressed(f"{store.name} leads {led} regions yet after {_EVICT_WITHIN.total_seconds():g} s; going on")

    async def _gets_back(self, store: Store, led: int, progressed: Progressed) -> None:
        """PD hears of it again, and gives it the greater part of the leaders that it had.

        Raises:
            DeploymentError: PD does not hear of it.
        """
        progressed(f"waiting for PD to hear of {store.name} and to give it leaders")
        wanted, shown = int(led * _BACK_SHARE), await self._shown(store)
        try:
            async with self._clock.deadline(_BACK_WITHIN):
                while not (shown["is_up"] and int(cast("int", shown["leader_count"])) >= wanted):
                    await self._clock.sleep(_ASK_EVERY)
                    shown = await self._shown(store)
        except TimeoutError as e:
            if not shown["is_up"]:
                raise DeploymentError(
                    f"PD has not heard of {store.name} for {_BACK_WITHIN.total_seconds():g} s since it was restarted"
                ) from e
            progressed(f"{store.name} leads {shown['leader_count']} of {led} regions so far; going on")

    async def _shown(self, store: Store) -> Mapping[str, object]:
        """What PD says of a store; `is_up` when it has had a heartbeat of its present life."""
        answer = await self._pd("GET", f"/store/{store.id}")
        if not answer.is_success:
            raise DeploymentError(f"PD GET /store/{store.id}: {answer.status_code} {answer.text.strip()!r}")
        found = cast("Mapping[str, Mapping[str, object]]", answer.json())
        has_beaten = "uptime" in found["status"]
        return {**found["status"], "is_up": found["store"]["state_name"] == "Up" and has_beaten}

    # -- a PD ---------------------------------------------------------------------------------------------------

    async def _member(self, name: str, progressed: Progressed) -> None:
        progressed(f"restarting {name}")
        quorum = self._now().quorum
        self._now().thaw(name)
        if quorum.leader is not None and quorum.leader.name == name and len(quorum.members) > 1:
            progressed(f"{name} resigns as PD leader")
            await self._pd("POST", "/leader/resign")
            await self._until(
                lambda: quorum.is_serving(self._now().now_s) and quorum.leader is not self._now().processes[name],
                _PD_WITHIN, f"{name} is PD leader yet after it was asked to resign",
            )  # fmt: skip
        await self._again(name, progressed)
        await self._until(
            lambda: quorum.is_serving(self._now().now_s), _PD_WITHIN, f"there is no PD leader since {name} is back"
        )
        await self._pd("GET", "/ready", among=[name], version="v2")
        progressed(f"{name} is back")

    # -- both ---------------------------------------------------------------------------------------------------

    async def _again(self, name: str, progressed: Progressed) -> None:
        """Stop it in order, and start it."""
        if not self._now().processes[name].is_dead:
            progressed(f"stopping {name}")
            self._now().stop(name)
            await self._until(lambda: self._now().processes[name].is_dead, _STOP_WITHIN, f"{name} does not end")
        self._changed()
        progressed(f"starting {name}")
        self._now().start(name)
        self._changed()
        await self._until(lambda: services.is_ready(self._now(), name), _START_WITHIN, f"{name} does not come up")
        self._changed()

    async def _until(self, holds: Callable[[], bool], within: timedelta, failing: str) -> None:
        try:
            async with self._clock.deadline(within):
                while not holds():
                    await self._clock.sleep(_LOOK_EVERY)
        except TimeoutError as e:
            raise DeploymentError(f"{failing}, for {within.total_seconds():g} s by now") from e

    async def _pd(
        self, method: str, path: str, body: object = None, *, among: Sequence[str] = (), version: str = "v1"
    ) -> httpx.Response:
        """Ask one PD after the other until one has an answer of its own.

        Args:
            among: the members that are asked; all when left out.

        Raises:
            DeploymentError: none has, for a while.
        """
        network = InProcessNetwork(self._now(), self._clock)
        names = among or [m.name for m in self._now().quorum.members]
        said: dict[str, str] = {}
        async with httpx.AsyncClient(transport=network.transport, timeout=_ASK_WITHIN.total_seconds()) as client:
            try:
                async with self._clock.deadline(_PD_WITHIN):
                    while True:
                        for name in names:
                            try:
                                url = f"http://{name}:2379/pd/api/{version}{path}"
                                answer = await client.request(method, url, json=body)
                            except httpx.TransportError as e:
                                said[name] = str(e) or type(e).__name__
                                continue
                            if not answer.is_server_error:
                                return answer
                            said[name] = f"{answer.status_code} {answer.text.strip()!r}"
                        await self._clock.sleep(_LOOK_EVERY)
            except TimeoutError as e:
                why = "; ".join(f"{name}: {text}" for name, text in said.items()) or "nobody answers"
                raise DeploymentError(
                    f"PD {method} {path} has had no answer for {_PD_WITHIN.total_seconds():g} s: {why}"
                ) from e
