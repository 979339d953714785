"""The compose file of the TiKV subject on a real engine, with stand-ins for the programs in its images."""

import importlib.resources
import json
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import pytest
from operator_core.components import Address, AddressMap, ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.faults import Fault, FaultName
from operator_core.ports import ServiceHealth
from operator_local import LocalDeployment, LocalFaultTarget
from python_on_whales import DockerClient

pytestmark = pytest.mark.docker

Brings = Callable[..., LocalDeployment]

COMPOSE_FILE = Path(str(importlib.resources.files("operator_subject_tikv"))) / "docker-compose.yaml"
ON_DISK = COMPOSE_FILE.with_name("on-disk.yaml")
OVERRIDE = Path(__file__).parent / "stand-ins" / "tikv.override.yaml"
FIVE = tuple(f"tikv{n}:20180" for n in range(5))
PD = ("pd0:2379", "pd1:2379", "pd2:2379")


@pytest.fixture
def name() -> str:
    return f"test-{uuid4().hex[:8]}"


@pytest.fixture
def cluster(brings: Brings, node_image: str) -> Brings:
    """Makes deployments of the subject's own file, with stand-ins."""

    def bring(name: str, *profiles: str, on_disk: bool = False, **environment: str) -> LocalDeployment:
        who = ("PD", "TIKV", "PROMETHEUS", "GRAFANA", "LOAD")
        images = {f"OPERATOR_{w}_IMAGE": node_image for w in who}
        small = {"OPERATOR_TIKV_OPEN_FILES": "4096", "OPERATOR_TIKV_DISK": "64m", "OPERATOR_PD_DISK": "16m"}
        files = (COMPOSE_FILE, *([ON_DISK] if on_disk else []), OVERRIDE)
        return brings(*files, name=name, profiles=profiles, environment=images | small | environment)

    return bring


@pytest.fixture
def container(docker: DockerClient, name: str) -> Callable[[str], str]:
    def find(service: str) -> str:
        labels = {"com.docker.compose.project": f"operator-{name}", "com.docker.compose.service": service}
        (found,) = docker.container.list(all=True, filters=[("label", f"{k}={v}") for k, v in labels.items()])
        return found.id

    return find


def _get(address: str) -> str:
    with urlopen(f"http://{address}", timeout=5) as answer:
        return answer.read().decode()


def _up(prometheus: str) -> dict[str, int]:
    result = json.loads(_get(f"{prometheus}/api/v1/query?query=up"))["data"]["result"]
    return {series["metric"]["instance"]: int(series["value"][1]) for series in result}


async def _until(deployment: LocalDeployment, holds: Callable[[], bool]) -> None:
    clock = deployment.clock()
    async with clock.deadline(timedelta(seconds=60)):
        while not holds():
            await clock.sleep(timedelta(seconds=1))


async def test_five_stores_come_up_in_order_answer_and_are_scraped_by_their_advertised_addresses(
    cluster: Brings, name: str
):
    deployment = cluster(name, "stores-5", OPERATOR_STORES="5")

    await deployment.up(lambda _: None)

    status = await deployment.status()
    since = {s.name: s.since for s in status.services}
    address = AddressMap.of(await deployment.endpoints()).reachable
    assert status.is_healthy
    assert len(status.services) == 1 + 3 + 5 + 2
    assert max(str(since[f"pd{n}"]) for n in range(3)) < min(str(since[f"tikv{n}"]) for n in range(5))
    assert _get(f"{address(Address('pd1:2379'))}/health") == '{"health":"true","reason":""}'
    assert _get(f"{address(Address('tikv4:20180'))}/status") == ""
    prometheus = address(Address("prometheus:9090"))
    await _until(deployment, lambda: set(_up(prometheus)) == {*PD, *FIVE} and 0 not in _up(prometheus).values())


async def test_data_survives_kill_and_start_and_nothing_of_it_reaches_the_hosts_disk(
    cluster: Brings,
    name: str,
    docker: DockerClient,
    docker_config: Path,
    container: Callable[[str], str],
    tools_image: str,
):
    deployment = cluster(name)
    await deployment.up(lambda _: None)
    docker.execute(container("tikv1"), ["sh", "-c", "echo mine > /data/mine"])
    docker.execute(container("pd2"), ["sh", "-c", "echo ours > /data/ours"])

    for service in ("tikv1", "pd2"):
        docker.kill(container(service))
    assert {s.name for s in (await deployment.status()).services if s.health is ServiceHealth.STOPPED} == {
        "tikv1",
        "pd2",
    }
    await deployment.up(lambda _: None)

    assert docker.execute(container("tikv1"), ["cat", "/data/mine"]) == "mine"
    assert docker.execute(container("pd2"), ["cat", "/data/ours"]) == "ours"
    await deployment.restart(None, lambda _: None)
    assert docker.execute(container("tikv1"), ["cat", "/data/mine"]) == "mine"
    size = str(docker.execute(container("tikv1"), ["df", "--output=fstype,size", "-k", "/data"])).split()[-2:]
    assert size == ["tmpfs", str(64 * 1024)]

    # What a fault does to the brim of it: planned, done, measured, undone.
    target = LocalFaultTarget(name=name, docker_config=docker_config, tools_image=tools_image)
    fault = Fault(name=FaultName("fill-disk"), target=ComponentRef(Kind("store"), "tikv1"), parameters={"level": 0.95})
    undo = await target.plan(fault)
    await target.inject(fault, undo)
    full = str(docker.execute(container("tikv1"), ["df", "--output=pcent", "/data"])).split()[-1]
    other = str(docker.execute(container("tikv0"), ["df", "--output=pcent", "/data"])).split()[-1]
    await target.undo(undo)
    assert int(full.rstrip("%")) >= 94
    assert int(other.rstrip("%")) <= 5
    assert docker.execute(container("tikv1"), ["cat", "/data/mine"]) == "mine"


async def test_two_clusters_at_once_neither_see_nor_touch_each_other(
    cluster: Brings, name: str, port_offset: int, docker: DockerClient
):
    one = cluster(name, "load")
    two = cluster(f"{name}-2", OPERATOR_PORT_OFFSET=str(port_offset + 40))
    await one.up(lambda _: None)
    await two.up(lambda _: None)
    doors = {d.reachable for d in await one.doors()}

    assert doors.isdisjoint(d.reachable for d in await two.doors())
    assert "load" in {s.name for s in (await one.status()).services}
    assert "load" not in {s.name for s in (await two.status()).services}
    names = [line async for line in one.logs("load", follow=False, tail=2)]
    assert any("go-ycsb" in line or "load:" in line for line in names)

    await two.down(lambda _: None, volumes=False)

    assert (await one.status()).is_healthy
    assert not (await two.status()).is_up
    kept = {v.name for v in docker.volume.list(filters=[("label", f"com.docker.compose.project=operator-{name}-2")])}
    assert f"operator-{name}-2_prometheus" in kept


async def test_an_export_has_everybodys_log_and_pages(cluster: Brings, name: str, tmp_path: Path):
    deployment = cluster(name)
    await deployment.up(lambda _: None)

    made = await deployment.export(tmp_path / "cluster.tar.gz", lambda _: None)

    with tarfile.open(made.archive) as tar:
        whole = {m.name.partition("/")[2]: tar.extractfile(m) for m in tar.getmembers() if m.isfile()}
        read = {n: f.read().decode() for n, f in whole.items() if f is not None}
    assert {f"logs/{s.name}.log" for s in (await deployment.status()).services} <= set(read)
    assert "standing in, started with --name=pd0" in read["logs/pd0.log"]
    assert read["pages/tikv2/metrics"] == "stand_in 1\n"
    assert "pages/prometheus/api_v1_targets" in read
    assert any(page.startswith("pages/prometheus/federate") for page in read)
    assert "pages/pd0/pd_api_v1_members" in made.unseen  # the stand-in has no such page
    assert '"GF_SECURITY_ADMIN_PASSWORD": "operator"' not in read["compose.json"]


async def test_data_on_disk_outlives_down_and_is_not_filled_on_purpose(
    cluster: Brings,
    name: str,
    docker: DockerClient,
    docker_config: Path,
    container: Callable[[str], str],
    tools_image: str,
):
    deployment = cluster(name, on_disk=True)
    await deployment.up(lambda _: None)
    docker.execute(container("tikv1"), ["sh", "-c", "echo mine > /data/mine"])
    told: list[str] = []

    await deployment.down(told.append, volumes=False)
    await deployment.up(lambda _: None)

    assert docker.execute(container("tikv1"), ["cat", "/data/mine"]) == "mine"
    assert not any("is gone" in line for line in told)
    target = LocalFaultTarget(name=name, docker_config=docker_config, tools_image=tools_image)
    store = ComponentRef(Kind("store"), "tikv1")
    with pytest.raises(ConfigurationError, match="has no size of its own"):
        await target.plan(Fault(name=FaultName("fill-disk"), target=store, parameters={"level": 0.9}))
    slow = Fault(name=FaultName("throttle-disk"), target=store, parameters={"mb_per_s": 4})
    undo = await target.plan(slow)
    await target.inject(slow, undo)
    await target.undo(undo)
    await deployment.down(lambda _: None)
    assert docker.volume.list(filters=[("label", f"com.docker.compose.project=operator-{name}")]) == []
