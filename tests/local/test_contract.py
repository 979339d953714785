"""What every deployment and every fault target keeps, whoever runs the processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import pytest
from operator_core.components import ComponentRef, Endpoint, Kind
from operator_core.errors import ConfigurationError
from operator_core.faults import Fault, FaultName, Undo
from operator_core.ports import Deployment, FaultTarget, ServiceHealth
from operator_local import LocalDeployment, LocalFaultTarget
from operator_simulator import EmbeddedDeployment

SUBJECT = Path(str(files("operator_subject_tikv")))
BOTH = ["embedded", pytest.param("local", marks=pytest.mark.docker)]


@dataclass(frozen=True, kw_only=True)
class Made:
    """One deployment, and the faults that can be done to it."""

    deployment: Deployment
    target: FaultTarget

    async def endpoint(self, kind: str) -> Endpoint:
        return next(e for e in await self.deployment.endpoints() if e.component.kind == kind)

    async def is_healthy_again(self) -> None:
        """Wait until every service runs, as one that was started needs a moment to."""
        clock = self.deployment.clock()
        async with clock.deadline(timedelta(minutes=2)):
            while not (await self.deployment.status()).is_healthy:
                await clock.sleep(timedelta(seconds=0.5))


@pytest.fixture(params=BOTH)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    """A deployment that is not up yet; it is taken down in the end."""
    name = f"test-{uuid4().hex[:8]}"
    if request.param == "local":
        request.getfixturevalue("simulated_images")
        docker_config: Path = request.getfixturevalue("docker_config")
        tools: str = request.getfixturevalue("tools_image")
        offset: int = request.getfixturevalue("port_offset")
        small = {"OPERATOR_TIKV_DISK": "64m", "OPERATOR_PD_DISK": "16m", "OPERATOR_PORT_OFFSET": str(offset)}
        local = LocalDeployment(
            name=name,
            compose_files=(SUBJECT / "docker-compose.yaml", SUBJECT / "simulated.yaml"),
            docker_config=docker_config,
            environment=small,
        )
        target = LocalFaultTarget(name=name, docker_config=docker_config, tools_image=tools)
        whole = Made(deployment=local, target=target)
    else:
        embedded = EmbeddedDeployment(name=name, state_directory=tmp_path, speed=4)
        whole = Made(deployment=embedded, target=embedded)
    yield whole
    asyncio.run(whole.deployment.down(quietly))


def quietly(_: str) -> None:
    pass


@pytest.mark.sampled(0)
async def test_a_life_from_up_to_down(made: Made):
    deployment, said = made.deployment, list[str]()
    assert not (await deployment.status()).is_up
    await deployment.down(quietly)

    await deployment.up(said.append)
    await deployment.up(quietly)

    status = await deployment.status()
    assert (status.is_up, status.is_healthy) == (True, True)
    assert said
    endpoints = await deployment.endpoints()
    assert {e.component.kind for e in endpoints} >= {"pd", "store"}
    assert len({(e.component, e.purpose) for e in endpoints}) == len(endpoints)
    assert len({e.reachable for e in endpoints}) == len(endpoints)
    store = (await made.endpoint("store")).component
    service = next(s.name for s in status.services if s.component == store)
    await deployment.restart(service, quietly)
    assert (await deployment.status()).is_healthy
    assert len([line async for line in deployment.logs(service, follow=False, tail=1)]) == 1
    with pytest.raises(ConfigurationError, match="nobody"):
        await anext(aiter(deployment.logs("nobody", follow=False, tail=1)))
    with pytest.raises(ConfigurationError, match="nobody"):
        await deployment.restart("nobody", quietly)

    await deployment.down(quietly)
    await deployment.down(quietly)

    assert not (await deployment.status()).is_up


@pytest.mark.sampled(0)
async def test_a_fault_from_plan_to_undo(made: Made):
    deployment, target = made.deployment, made.target
    await deployment.up(quietly)
    store = (await made.endpoint("store")).component
    names = {c.name for c in await target.capabilities()}
    assert {"kill", "pause", "isolate", "fill-disk"} <= names

    for name in ("kill", "pause"):
        fault = Fault(name=FaultName(name), target=store, parameters={})
        undo = await target.plan(fault)
        # Nothing is done by planning, and what is written down is enough to take it back.
        assert (await deployment.status()).is_healthy
        read_again = Undo(**json.loads(json.dumps(asdict(undo))))
        assert read_again == undo
        await target.inject(fault, undo)
        await target.inject(fault, undo)
        hurt = next(s for s in (await deployment.status()).services if s.component == store)
        assert hurt.health is (ServiceHealth.STOPPED if name == "kill" else ServiceHealth.PAUSED)
        await target.undo(read_again)
        await target.undo(read_again)
        await made.is_healthy_again()

    with pytest.raises(ConfigurationError, match="store 99"):
        await target.plan(Fault(name=FaultName("kill"), target=ComponentRef(Kind("store"), "99"), parameters={}))
    with pytest.raises(ConfigurationError, match="no-such-fault"):
        await target.plan(Fault(name=FaultName("no-such-fault"), target=store, parameters={}))
    undo = await target.plan(Fault(name=FaultName("kill"), target=store, parameters={}))
    await deployment.down(quietly)
    await target.undo(undo)
