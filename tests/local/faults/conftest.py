"""A few containers on a real engine that faults are done to, and a look at everything that a fault could leave."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from operator_core.components import ComponentRef
from operator_core.faults import Fault, FaultName
from operator_local import LocalFaultTarget

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[3]

Docker = Callable[..., str]


@pytest.fixture(scope="session")
def run_docker(docker_config: Path, node_image: str) -> Docker:
    """What docker prints for a command line."""
    environment = {**os.environ, "NODE_IMAGE": node_image, "POTS": str(HERE)}

    def run(*arguments: str) -> str:
        command = ["docker", "--config", str(docker_config), *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
        assert answer.returncode == 0, f"{command}: {answer.stderr}"
        return answer.stdout.strip()

    return run


@pytest.fixture(scope="session")
def name(run_docker: Docker, tools_image: str) -> Iterator[str]:
    """The name of a deployment of pots that is up."""
    name = f"pots-{uuid4().hex[:8]}"
    compose = ("compose", "--file", str(HERE / "pots.yaml"), "--project-name", f"operator-{name}")
    run_docker(*compose, "up", "--detach", "--quiet-pull")
    yield name
    for left in run_docker(
        "ps", "--all", "--quiet", "--filter", f"label=operator.fault.project=operator-{name}"
    ).split():
        run_docker("rm", "--force", left)
    run_docker(*compose, "down", "--volumes", "--remove-orphans")


@pytest.fixture(scope="session")
def container(run_docker: Docker, name: str) -> Callable[[str], str]:
    """The id of a service's container."""

    def find(service: str) -> str:
        labels = (f"com.docker.compose.project=operator-{name}", f"com.docker.compose.service={service}")
        filters = [part for label in labels for part in ("--filter", f"label={label}")]
        return run_docker("ps", "--all", "--quiet", "--no-trunc", *filters)

    return find


@pytest.fixture
def target(name: str, docker_config: Path) -> LocalFaultTarget:
    return LocalFaultTarget(name=name, docker_config=docker_config)


@pytest.fixture
def state_of(run_docker: Docker, container: Callable[[str], str]) -> Callable[[str], dict[str, object]]:
    """Docker's own words about the state of a service's container."""

    def look(service: str) -> dict[str, object]:
        return json.loads(run_docker("inspect", "--format", "{{json .State}}", container(service)))

    return look


_INSIDE = "ip route; tc qdisc; tc class show dev eth0; iptables-save; ip6tables-save; ls -A /paint /shards"


@pytest.fixture(scope="session")
def everything(
    run_docker: Docker, name: str, container: Callable[[str], str], tools_image: str
) -> Callable[[str], dict[str, str]]:
    """All that a fault could leave at a service: in its network, its limits, its disk, its policy, beside it."""

    def look(service: str) -> dict[str, str]:
        ident = container(service)
        inside = run_docker(
            *("run", "--rm", "--network", f"container:{ident}", "--volumes-from", ident, "--cap-add", "NET_ADMIN"),
            *(tools_image, "bash", "-c", f"({_INSIDE}) 2>/dev/null || true"),
        )
        told = run_docker("inspect", "--format", "{{.State.Status}} {{json .HostConfig}}", ident)
        status, _, host_config = told.partition(" ")
        limits = json.loads(host_config)
        limits["RestartPolicy"]["Name"] = limits["RestartPolicy"]["Name"] or "no"
        limits["CpuQuota"] = max(limits["CpuQuota"], 0)  # -1 and 0 are both Docker's words for no limit
        wanted = " -o ".join(f"-path '*{ident}*' -name '{file}'" for file in _CGROUP_FILES)
        command = f"cd /sys/fs/cgroup && for f in $(find . {wanted} | sort); do echo $f; cat $f; done"
        cgroup = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30, check=True).stdout
        return {
            "inside": "\n".join(line for line in inside.splitlines() if not _is_noise(line)),
            "limits": str({key: limits[key] for key in sorted(limits) if key.startswith(_LIMITS)}),
            "cgroup": cgroup,
            "beside": run_docker("ps", "--all", "--quiet", "--filter", f"label=operator.fault.project=operator-{name}"),
            "state": status,
        }

    return look


@pytest.fixture(scope="session")
def untouched(everything: Callable[[str], dict[str, str]]) -> dict[str, dict[str, str]]:
    """What there is at each service before any fault."""
    return {service: everything(service) for service in ("kiln0", "kiln1", "glaze")}


def _is_noise(line: str) -> bool:
    # Who once wrote a rule leaves an empty table behind, which does nothing; Docker's name server takes other ports
    # after every start.
    return line.startswith(("#", ":", "*", "COMMIT")) or "127.0.0.11" in line


_CGROUP_FILES = (
    *("cpu.cfs_quota_us", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "blkio.throttle.*_bps_device"),
    *("cpu.max", "memory.max", "io.max"),
)
_LIMITS = ("NanoCpus", "Memory", "CpuShares", "CpuPeriod", "CpuQuota", "Blkio", "RestartPolicy", "PidsLimit")


def fault(name: str, target: str, toward: str | None = None, **parameters: float) -> Fault:
    """A fault, its ends written ``kind/id``."""
    return Fault(
        name=FaultName(name),
        target=ComponentRef.parse(target),
        toward=None if toward is None else ComponentRef.parse(toward),
        parameters=parameters,
    )


@pytest.fixture(name="fault")
def _fault() -> Callable[..., Fault]:  # pyright: ignore[reportUnusedFunction] - pytest calls it
    return fault
