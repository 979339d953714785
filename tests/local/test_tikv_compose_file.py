"""The compose file of the TiKV subject and what it mounts: what they say without an engine."""

import importlib.resources
import json
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Mapping
from glob import glob
from pathlib import Path
from typing import Any

import pytest
import yaml
from operator_local.compose_file import Service, read_services
from operator_local.faults.volumes import is_bounded

Config = dict[str, dict[str, Any]]

SUBJECT = Path(str(importlib.resources.files("operator_subject_tikv")))
COMPOSE_FILE = SUBJECT / "docker-compose.yaml"
STAND_INS = Path(__file__).parent / "stand-ins"
OVERRIDE = STAND_INS / "tikv.override.yaml"
DOCKERFILES = [
    *(Path(__file__).parents[2] / "docker").glob("*/Dockerfile"),
    *SUBJECT.glob("*/Dockerfile"),
]
CORE = {"keeper", "pd0", "pd1", "pd2", "prometheus", "grafana"}
SIZES = {"k": 2**10, "m": 2**20, "g": 2**30}


def config(
    *profiles: str, override: bool = False, files: tuple[Path, ...] = (), environment: Mapping[str, str] = {}
) -> Config:
    """What Compose makes of the file."""
    compose = Path(sysconfig.get_path("scripts")) / "docker-compose"
    meant = [COMPOSE_FILE, *files, *([OVERRIDE] if override else [])]
    chosen = [part for p in profiles for part in ("--profile", p)]
    answer = subprocess.run(
        [
            str(compose),
            *(part for f in meant for part in ("-f", str(f))),
            *chosen,
            "-p",
            "operator-local",
            "config",
            "--format",
            "json",
        ],
        env={"STAND_INS": str(STAND_INS), **environment},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (answer.returncode, answer.stderr) == (0, b"")
    return json.loads(answer.stdout)


def size(text: str) -> int:
    """``1g`` or ``512MB`` in bytes."""
    found = re.fullmatch(r"(\d+)([kmg])b?", text.lower())
    assert found is not None, text
    return int(found[1]) * SIZES[found[2]]


@pytest.fixture(scope="module")
def whole() -> Config:
    """Everything that there is in the file, whatever its profile."""
    return config("*")


@pytest.fixture(scope="module")
def services(whole: Config) -> dict[str, Service]:
    return {s.name: s for s in read_services(whole)}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("override", [False, True])
@pytest.mark.parametrize(
    ("profiles", "more"),
    [
        ((), set[str]()),
        (("load",), {"load"}),
        (("operator",), {"operator"}),
        (("load", "operator"), {"load", "operator"}),
        *(((f"stores-{n}",), {f"tikv{i}" for i in range(3, n)}) for n in range(4, 10)),
    ],
)
def test_the_file_is_valid_with_every_profile_and_says_who_is_there(
    profiles: tuple[str, ...], more: set[str], override: bool
):
    found = config(*profiles, override=override)

    assert set(found["services"]) == CORE | {"tikv0", "tikv1", "tikv2"} | more


def test_services_stand_for_components_by_their_labels(services: dict[str, Service]):
    assert {name: s.component.key for name, s in services.items() if s.component} == {
        **{f"pd{n}": f"pd/pd{n}" for n in range(3)},
        **{f"tikv{n}": f"store/tikv{n}" for n in range(9)},
        "prometheus": "prometheus/prometheus",
    }


def test_every_port_is_on_loopback_can_be_chosen_and_is_nobody_elses(whole: Config):
    text = COMPOSE_FILE.read_text()
    ports = [p for s in whole["services"].values() for p in s.get("ports", ())]

    assert len(ports) == 3 + 2 * 9 + 3
    assert {p["host_ip"] for p in ports} == {"127.0.0.1"}
    assert len({p["published"] for p in ports}) == len(ports)
    assert len(re.findall(r'"127\.0\.0\.1:\$\{OPERATOR_\w+_PORT:-\d+\}:\d+"', text)) == len(ports)


def test_labels_say_what_the_processes_are_told_to_advertise(services: dict[str, Service], whole: Config):
    flags = {
        "client": "--advertise-client-urls=http://",
        "status": "--advertise-status-addr=",
        "service": "--advertise-addr=",
    }

    for service in (s for s in services.values() if s.component and s.name != "prometheus"):
        for door in service.doors:
            assert f"{flags[door.purpose]}{door.advertised}" in whole["services"][service.name]["command"]


@pytest.mark.parametrize("stores", range(3, 10))
def test_prometheus_scrapes_the_addresses_that_are_advertised(stores: int):
    profiles = (f"stores-{stores}",) if stores > 3 else ()
    found = config(*profiles, environment={"OPERATOR_STORES": str(stores)})
    endpoints = [e for s in read_services(found) for e in s.endpoints]
    mounted = {v["target"]: Path(v["source"]) for v in found["services"]["prometheus"]["volumes"]}
    jobs = {
        j["job_name"]: j for j in yaml.safe_load((SUBJECT / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    }
    listed = Path(jobs["tikv"]["file_sd_configs"][0]["files"][0])

    assert set(jobs["pd"]["static_configs"][0]["targets"]) == {e.advertised for e in endpoints if e.purpose == "client"}
    assert set(yaml.safe_load(mounted[str(listed)].read_text())[0]["targets"]) == {
        e.advertised for e in endpoints if e.purpose == "status"
    }


def test_prometheus_grafana_and_operator_find_each_other_by_the_names_of_the_file(
    services: dict[str, Service], whole: Config
):
    at = {s.name: {d.purpose: d.advertised for d in s.doors} for s in services.values()}
    jobs = {
        j["job_name"]: j for j in yaml.safe_load((SUBJECT / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    }
    looked_up = jobs["operator"]["dns_sd_configs"][0]
    (source,) = yaml.safe_load((SUBJECT / "grafana/provisioning/datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    settings = tomllib.loads((SUBJECT / "operator/operator.toml").read_text())["clusters"]["local"]

    assert f"{looked_up['names'][0]}:{looked_up['port']}" == at["operator"]["http"]
    assert source["url"] == f"http://{at['prometheus']['http']}"
    assert settings["prometheus"] == f"http://{at['prometheus']['http']}"
    assert settings["pd"] == [f"http://{at[f'pd{n}']['client']}" for n in range(3)]
    assert whole["services"]["load"]["environment"]["PD"] == ",".join(at[f"pd{n}"]["client"] for n in range(3))
    assert whole["services"]["operator"]["command"][-1].endswith(at["operator"]["http"].partition(":")[2])


def test_every_path_that_is_mounted_or_named_is_there(whole: Config):
    mounts = [v for s in whole["services"].values() for v in s.get("volumes", ()) if v["type"] == "bind"]
    grafana = whole["services"]["grafana"]
    inside = {v["target"]: v["source"] for v in grafana["volumes"]}
    (provider,) = yaml.safe_load((SUBJECT / "grafana/provisioning/dashboards/files.yaml").read_text())["providers"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert len(mounts) > 9
    assert all(Path(v["source"]).exists() and v["read_only"] for v in mounts)
    assert provider["options"]["path"] in inside
    assert Path(inside[str(home.parent)], home.name).is_file()
    assert all("--config=/etc/tikv/tikv.toml" in whole["services"][f"tikv{n}"]["command"] for n in range(9))


def test_everything_travels_in_the_wheel():
    (patterns,) = tomllib.loads((SUBJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"].values()
    # As setuptools looks for them: ** takes files as well, which a path of Python 3.11 does not.
    found = {f for p in patterns for f in glob(str(SUBJECT / p), recursive=True)}  # noqa: PTH207
    packed = {f for f in found if Path(f).is_file()}
    listed = subprocess.run(["git", "ls-files", "."], cwd=SUBJECT, capture_output=True, text=True, check=True).stdout
    own = {"pyproject.toml", "__init__.py"}

    assert {str(SUBJECT / f) for f in listed.splitlines() if f not in own} <= packed


def test_an_image_is_named_in_one_place():
    named = {"PD": "a:1", "TIKV": "b:2", "PROMETHEUS": "c:3", "GRAFANA": "d:4", "LOAD": "e:5", "OPERATOR": "f:6"}
    environment = {f"OPERATOR_{who}_IMAGE": image for who, image in named.items()}
    found = config("*", environment=environment)["services"]

    assert {name: service["image"] for name, service in found.items()} == {
        **{f"pd{n}": "a:1" for n in range(3)},
        **{f"tikv{n}": "b:2" for n in range(9)},
        "keeper": "a:1",
        "prometheus": "c:3",
        "grafana": "d:4",
        "load": "e:5",
        "operator": "f:6",
    }


def test_images_are_pinned_and_tikv_has_time_to_move_its_leaders(whole: Config):
    images = {str(s["image"]) for name, s in whole["services"].items() if name != "operator"}

    assert all(re.search(r":v?\d+\.\d+\.\d+$", image) for image in images)
    assert all(whole["services"][f"tikv{n}"]["stop_grace_period"] == "30s" for n in range(9))


def test_every_service_has_limits_and_logs_that_are_rotated(whole: Config):
    for name, service in whole["services"].items():
        assert int(service["mem_limit"]) >= int(service.get("mem_reservation", 0)) > 0 or name == "keeper", name
        assert int(service["mem_limit"]) > 0, name
        assert float(service["cpus"]) > 0, name
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "3"}, name


def test_the_data_of_every_pd_and_tikv_has_a_size_and_is_held_by_the_keeper(whole: Config):
    held = {v["source"] for v in whole["services"]["keeper"]["volumes"]}
    mounted = {
        name: [v["source"] for v in s["volumes"] if v["target"] == "/data"]
        for name, s in whole["services"].items()
        if name.startswith(("pd", "tikv"))
    }

    assert {name: [name] for name in mounted} == mounted
    assert held == set(mounted)
    assert all(is_bounded(whole["volumes"][name]["driver_opts"]) for name in mounted)
    assert all("keeper" in whole["services"][name]["depends_on"] for name in mounted)


def test_on_disk_no_data_is_in_memory_or_in_a_volume_of_the_other_kind(whole: Config):
    found = config("*", files=(SUBJECT / "on-disk.yaml",))
    stores = {name for name in found["services"] if name.startswith(("pd", "tikv"))}

    assert not any(found["volumes"][name].get("driver_opts") for name in stores)
    assert {found["volumes"][name]["name"] for name in stores} == {f"operator-local_{name}_on_disk" for name in stores}
    assert {v["name"] for v in whole["volumes"].values()}.isdisjoint(found["volumes"][n]["name"] for n in stores)
    assert not any(s.holds_data for s in read_services(found))
    assert [s.name for s in read_services(whole) if s.holds_data] == ["keeper"]


def test_what_tikv_may_take_and_its_whole_volume_fit_into_its_limit(whole: Config):
    settings = tomllib.loads((SUBJECT / "tikv/tikv.toml").read_text())
    process = size(str(settings["memory-usage-limit"]))
    volume = size(re.sub("size=", "", whole["volumes"]["tikv0"]["driver_opts"]["o"]))
    files = size(str(settings["raft-engine"]["purge-threshold"])) + size(str(settings["rocksdb"]["max-total-wal-size"]))

    assert process + volume < int(whole["services"]["tikv0"]["mem_limit"])
    assert size(str(settings["storage"]["block-cache"]["capacity"])) < process
    assert files + size(str(settings["storage"]["reserve-space"])) < volume / 2


def test_operator_has_nothing_of_the_host_and_no_docker_socket(whole: Config):
    operator = whole["services"]["operator"]
    binds = [v["source"] for v in operator["volumes"] if v["type"] == "bind"]

    assert binds == [str(SUBJECT / "operator")]
    assert (operator["cap_drop"], operator["read_only"]) == (["ALL"], True)
    assert not {"network_mode", "pid", "privileged", "devices"} & operator.keys()
    assert "docker.sock" not in json.dumps(whole)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda p: p.parent.name)
def test_a_dockerfile_takes_another_base(dockerfile: Path):
    text = dockerfile.read_text()

    assert re.search(r"^ARG BASE_IMAGE=\S+:\S+$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) <= {"${BASE_IMAGE}", "wheels", "installed"}


def _drive(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the load's script until its ninth step, with a go-ycsb that says what it was told."""
    (tmp_path / "go-ycsb").write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/told\n[ "$(wc -l < {tmp_path}/told)" -lt 10 ] || kill $PPID\n'
    )
    (tmp_path / "go-ycsb").chmod(0o755)
    defaults: Mapping[str, str] = config("load")["services"]["load"]["environment"]
    return subprocess.run(
        ["sh", str(SUBJECT / "load" / "drive")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", **defaults, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("pattern", "rates"),
    [
        ("steady", [200, 200, 200, 200, 200, 200]),
        ("waves", [40, 70, 110, 150, 180, 200]),
        ("bursts", [40, 40, 40, 40, 600, 40]),
        ("ramp", [20, 40, 60, 80, 100, 120]),
    ],
)
def test_the_load_follows_its_pattern(tmp_path: Path, pattern: str, rates: list[int]):
    _drive(tmp_path, PATTERN=pattern)

    first, *steps = (tmp_path / "told").read_text().splitlines()
    assert first.startswith("load tikv -P ")
    assert "-p tikv.pd=pd0:2379,pd1:2379,pd2:2379" in first
    assert "-p recordcount=50000 " in first
    assert [int(re.findall(r"target=(\d+)", step)[0]) for step in steps][:6] == rates
    assert [int(re.findall(r"operationcount=(\d+)", step)[0]) for step in steps][:6] == [30 * r for r in rates]


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("WORKLOAD", "nono", "no workload nono; there is: balanced hot-spot newest"),
        ("PATTERN", "zigzag", "no pattern zigzag; there is: steady waves bursts ramp"),
        ("RATE", "fast", "RATE=fast; a whole number of 1 or more is meant"),
        ("THREADS", "0", "THREADS=0; a whole number"),
        ("STEP_S", "", "STEP_S=; a whole number"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused_with_what_there_is(tmp_path: Path, variable: str, value: str, says: str):
    answer = _drive(tmp_path, **{variable: value})

    assert answer.returncode == 2
    assert says in answer.stderr
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize("workload", sorted((SUBJECT / "load" / "workloads").iterdir()), ids=lambda p: p.name)
def test_the_shares_of_a_workload_make_a_whole(workload: Path):
    properties = dict(line.split("=") for line in workload.read_text().splitlines() if not line.startswith("#"))

    assert sum(float(v) for k, v in properties.items() if k.endswith("proportion")) == pytest.approx(1)
    assert properties["workload"] == "core"
