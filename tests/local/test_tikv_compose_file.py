"""The compose file of the TiKV subject: what it says without an engine, and what it does on one."""

import importlib.resources
import json
import re
import subprocess
import sysconfig
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from operator_core.components import Address, AddressMap
from operator_local import LocalDeployment
from operator_local.compose_file import Service, read_services

Brings = Callable[..., LocalDeployment]

SUBJECT = Path(str(importlib.resources.files("operator_subject_tikv")))
COMPOSE_FILE = SUBJECT / "docker-compose.yaml"
OVERRIDE = Path(__file__).parent / "stand-ins" / "tikv.override.yaml"


def _config(**environment: str) -> dict[str, dict[str, dict[str, object]]]:
    compose = Path(sysconfig.get_path("scripts")) / "docker-compose"
    answer = subprocess.run(
        [str(compose), "-f", str(COMPOSE_FILE), "-p", "operator-local", "config", "--format", "json"],
        env=environment,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert answer.stderr == b""
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    return {s.name: s for s in read_services(_config())}


def test_there_are_three_pd_three_tikv_and_a_prometheus(services: dict[str, Service]):
    assert {name: str(s.component and s.component.key) for name, s in services.items()} == {
        **{f"pd{n}": f"pd/pd{n}" for n in range(3)},
        **{f"tikv{n}": f"store/tikv{n}" for n in range(3)},
        "prometheus": "prometheus/prometheus",
    }


def test_every_door_is_on_loopback_and_no_two_share_one(services: dict[str, Service]):
    reachable = [e.reachable for s in services.values() for e in s.endpoints]

    assert len(reachable) == len(set(reachable)) == 3 + 6 + 1
    assert all(address.startswith("127.0.0.1:") for address in reachable)


def test_labels_say_what_the_processes_are_told_to_advertise(services: dict[str, Service]):
    flags = {
        "client": "--advertise-client-urls=http://",
        "status": "--advertise-status-addr=",
        "service": "--advertise-addr=",
    }
    config = _config()["services"]

    for service in (s for s in services.values() if s.name != "prometheus"):
        for door in service.endpoints:
            assert f"{flags[door.purpose]}{door.advertised}" in config[service.name]["command"]  # type: ignore[operator]


def test_prometheus_scrapes_the_addresses_that_are_advertised(services: dict[str, Service]):
    text = (SUBJECT / "prometheus" / "prometheus.yml").read_text()
    targets = {
        job: set(re.findall(r'"([^"]+)"', line))
        for job, line in re.findall(r"job_name: (\w+)\n.*?targets: \[(.*?)\]", text, re.DOTALL)
    }

    assert targets == {
        "pd": {e.advertised for s in services.values() for e in s.endpoints if e.purpose == "client"},
        "tikv": {e.advertised for s in services.values() for e in s.endpoints if e.purpose == "status"},
    }


def test_an_image_is_named_in_one_place():
    images = {
        name: service["image"]
        for name, service in _config(
            OPERATOR_PD_IMAGE="a:1", OPERATOR_TIKV_IMAGE="b:2", OPERATOR_PROMETHEUS_IMAGE="c:3"
        )["services"].items()
    }

    assert images == {
        **{f"pd{n}": "a:1" for n in range(3)},
        **{f"tikv{n}": "b:2" for n in range(3)},
        "prometheus": "c:3",
    }


def test_images_are_pinned_and_tikv_has_time_to_move_its_leaders():
    config = _config()["services"]

    assert all(re.search(r":v\d+\.\d+\.\d+$", str(service["image"])) for service in config.values())
    assert all(config[f"tikv{n}"]["stop_grace_period"] == "30s" for n in range(3))


@pytest.mark.docker
async def test_stand_ins_come_up_in_order_answer_and_are_scraped_by_their_advertised_addresses(
    brings: Brings, node_image: str
):
    images = dict.fromkeys(("OPERATOR_PD_IMAGE", "OPERATOR_TIKV_IMAGE", "OPERATOR_PROMETHEUS_IMAGE"), node_image)
    deployment = brings(COMPOSE_FILE, OVERRIDE, environment=images | {"OPERATOR_TIKV_OPEN_FILES": "4096"})

    await deployment.up(lambda _: None)

    status = await deployment.status()
    since = {s.name: s.since for s in status.services}
    address = AddressMap.of(await deployment.endpoints()).reachable
    assert status.is_healthy
    assert max(str(since[f"pd{n}"]) for n in range(3)) < min(str(since[f"tikv{n}"]) for n in range(3))
    for advertised, path in (("pd1:2379", "/health"), ("tikv2:20180", "/status")):
        assert _http_status(f"{address(Address(advertised))}{path}") == 200
    clock = deployment.clock()
    async with clock.deadline(timedelta(seconds=40)):
        while len(up := _up(address(Address("prometheus:9090")))) < 6:
            await clock.sleep(timedelta(seconds=1))
    assert up == {f"{n}": 1 for n in ("pd0:2379", "pd1:2379", "pd2:2379", "tikv0:20180", "tikv1:20180", "tikv2:20180")}


def _up(prometheus: str) -> dict[str, int]:
    with urlopen(f"http://{prometheus}/api/v1/query?query=up", timeout=5) as answer:
        result = json.load(answer)["data"]["result"]
    return {series["metric"]["instance"]: int(series["value"][1]) for series in result}


def _http_status(address: str) -> int:
    with urlopen(f"http://{address}", timeout=5) as answer:
        return answer.status
