"""What docs/running.md says works: its blocks are taken from the page and run, with other paths and ports."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from operator_cli.settings import Settings
from postgres_server import PostgresServer
from watch_process import OPERATOR, PATIENCE, WALL, Watch, pause

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
PROMETHEUS = shutil.which("prometheus")
ANALYZE = shutil.which("systemd-analyze")
INSTALLED = "/opt/operator/bin/operator"
DOOR = "127.0.0.1:9187"


def blocks(language: str) -> list[str]:
    """The blocks of the page in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[str]:
    """What a person types there, without what stands behind a number sign."""
    lines = re.sub(r"\\\n\s*", "", block).splitlines()
    return [re.sub(r"\s{2,}#.*", "", line[2:]) for line in lines if line.startswith("$ ")]


def free_door() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.sampled(0)
def test_the_commands_run_by_hand(watch: Callable[..., Watch], attached: Path) -> None:
    ran: list[str] = []
    for line in commands(blocks("console")[0]):
        program, command, *options = shlex.split(line)
        assert program == "operator"
        ran.append(command)
        if command == "monitor":
            watching = watch(*options, env={"OPERATOR_CONFIG": str(attached)})
            watching.until("hold", times=2)
            watching.end(signal.SIGTERM)
    assert ran == ["monitor", "monitor", "status"]


def test_the_settings_are_settings() -> None:
    settings = Settings(**tomllib.loads("".join(blocks("toml"))))
    assert list(settings.clusters) == ["prod"]
    assert {ref.key for ref in settings.clusters["prod"].log_files} == {"store/4", "pd/pd1"}


@pytest.fixture
def unit() -> str:
    """The unit of the page, with the command where it is here."""
    (block,) = blocks("ini")
    assert INSTALLED in block
    return block.replace(INSTALLED, OPERATOR)


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit_and_little_that_it_may_do(unit: str, tmp_path: Path) -> None:
    assert ANALYZE is not None
    file = tmp_path / "operator.service"
    file.write_text(unit)
    verified = subprocess.run([ANALYZE, "verify", file], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    exposed = [ANALYZE, "security", "--offline=true", "--threshold=20", file]
    done = subprocess.run(exposed, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout[-500:]

    file.write_text(unit.replace("[Service]", "[Service]\nHardned=yes").replace("CapabilityBoundingSet=\n", ""))
    worse = subprocess.run([ANALYZE, "verify", file], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "Hardned" in worse.stderr


def unprivileged() -> str | None:
    """A user that may do nothing, if we may become it and it can run the command."""
    if os.geteuid() != 0:
        return None
    try:
        done = subprocess.run(
            [OPERATOR, "--version"], user="nobody", capture_output=True, timeout=PATIENCE, check=False
        )
    except PermissionError:
        return None
    return "nobody" if done.returncode == 0 else None


@pytest.mark.sampled(0)
def test_what_the_unit_starts_needs_no_home_and_writes_only_into_its_state_directory(
    unit: str, attached: Path, tmp_path: Path
) -> None:
    service = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    given = dict(line.split("=", 2)[1:] for line in unit.splitlines() if line.startswith("Environment="))
    assert given.pop("OPERATOR_CONFIG") == "/etc/operator/operator.toml"
    state = tmp_path / "state"
    kept = Path(given.pop("OPERATOR_STATE_DIRECTORY").replace("%S", str(state)))
    assert not given
    kept.mkdir(mode=int(service["StateDirectoryMode"], 8), parents=True)
    user = unprivileged()
    if user is not None:
        for folder in (tmp_path.parent, tmp_path, attached.parent):
            folder.chmod(0o755)
        shutil.chown(kept, user)
    command = service["ExecStart"].replace(DOOR, free_door())
    with subprocess.Popen(
        shlex.split(command),
        env={"PATH": os.defpath, "OPERATOR_CONFIG": str(attached), "OPERATOR_STATE_DIRECTORY": str(kept)},
        cwd="/",
        user=user,
        umask=int(service["UMask"], 8),
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        while "hold" not in running.stdout.readline():
            assert running.poll() is None
        start = WALL.now()
        running.terminate()
        running.communicate(timeout=PATIENCE)
        assert WALL.now() - start < timedelta(seconds=float(service["TimeoutStopSec"].removesuffix("s")))
    assert str(running.returncode) == service["SuccessExitStatus"]
    assert {p.name.removesuffix("-wal").removesuffix("-shm") for p in kept.iterdir()} == {"ledger.db"}
    assert all(p.stat().st_mode & 0o077 == 0 for p in kept.iterdir())


@pytest.mark.sampled(0)
@pytest.mark.prometheus
@pytest.mark.skipif(PROMETHEUS is None, reason="the prometheus program is not installed")
def test_a_real_prometheus_takes_the_series_that_the_page_names(
    watch: Callable[..., Watch], attached: Path, tmp_path: Path
) -> None:
    assert PROMETHEUS is not None
    door, web = free_door(), free_door()
    watching = watch("--cluster", "prod", "--listen", door, env={"OPERATOR_CONFIG": str(attached)})
    watching.until("hold", times=2)
    (block,) = blocks("yaml")
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1s, scrape_timeout: 1s}\n" + block.replace(DOOR, door))
    named = set(re.findall(r"`(operator_\w+)`", PAGE))
    assert len(named) >= 7
    flags = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/db", f"--web.listen-address={web}"]

    def series() -> set[str]:
        query = urllib.parse.urlencode({"query": '{job="operator"}'})
        try:
            with urllib.request.urlopen(f"http://{web}/api/v1/query?{query}", timeout=5) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return set()
        return {re.sub("_(bucket|sum|count)$", "", each["metric"]["__name__"]) for each in found}

    with subprocess.Popen([PROMETHEUS, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        try:
            start = WALL.now()
            while not named <= series():
                assert WALL.now() - start < timedelta(seconds=PATIENCE), named - series()
                pause(0.5)
        finally:
            program.terminate()


@pytest.mark.postgres
def test_two_machines_share_a_record_and_one_of_them_watches(
    watch: Callable[..., Watch], attached: Path, postgres: PostgresServer, tmp_path: Path
) -> None:
    (variable, *_), *more = (line.split("=", 1) for block in blocks("sh") for line in block.splitlines())
    assert (variable, more) == ("OPERATOR_LEDGER", [])
    url = postgres.new_url()

    def machine(number: int) -> Watch:
        state = {"OPERATOR_STATE_DIRECTORY": str(tmp_path / f"machine-{number}")}
        return watch("--cluster", "prod", env={"OPERATOR_CONFIG": str(attached), variable: url, **state})

    first = machine(1)
    first.until("hold", times=2)
    second = machine(2)
    second.until("standing by:")
    first.process.kill()
    second.until("the watch is ours now")
    second.until("hold", times=2)
    third = machine(1)
    third.until("standing by:")
    second.end(signal.SIGTERM)
    third.until("hold")
    for each in (first, second, third):
        assert urllib.parse.unquote("se%2Fc%3Ar%40t%25").encode() not in each.said
    assert not list(tmp_path.glob("machine-*/ledger.db"))


@pytest.fixture(scope="module")
def image() -> str:
    """The image of docker/operator; built once for its sources, which takes minutes."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker program")
    answer = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=30, check=False)
    if answer.returncode != 0:
        pytest.skip(f"no Docker engine answers: {answer.stderr.strip().splitlines()[-1]}")
    script = ROOT / "docker" / "operator" / "build-image"
    answer = subprocess.run([script], capture_output=True, text=True, timeout=1800, check=False)
    if answer.returncode == 3:
        pytest.skip(answer.stderr.strip())
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout.strip()


@pytest.fixture
def here(attached: Path, image: str) -> Iterator[Mapping[str, str]]:
    """What the page names, and what stands for it here."""
    name = f"operator-test-{os.getpid()}"
    attached.parent.chmod(0o755)
    attached.chmod(0o644)
    yield {
        "/etc/operator:/": f"{attached.parent}:/",
        "--volume operator:": f"--volume {name}:",
        "--name operator ": f"--name {name} ",
        " operator operator ": f" {name} operator ",
        "operator/operator:dev": image,
        "}' operator": f"}}' {name}",
        "stop operator": f"stop {name}",
    }
    subprocess.run(["docker", "rm", "--force", name], capture_output=True, timeout=PATIENCE, check=False)
    subprocess.run(["docker", "volume", "rm", name], capture_output=True, timeout=PATIENCE, check=False)


@pytest.mark.docker
def test_a_container_watches_is_healthy_and_ends_at_once(here: Mapping[str, str]) -> None:
    def run(line: str) -> str:
        for theirs, ours in here.items():
            line = line.replace(theirs, ours)
        done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout.strip()

    build, start, health, status, stop = commands(blocks("console")[-1])
    assert (
        build == "docker build --file docker/operator/Dockerfile --tag operator/operator:dev ."
    )  # as build-image does
    name = here["stop operator"].split()[1]
    run(start)
    began = WALL.now()
    while run(health) != "healthy":
        assert WALL.now() - began < timedelta(seconds=2 * PATIENCE), run(f"docker logs {name}")
        pause(1)
    assert "prod  TiKV cluster 8.5.5" in run(status)
    assert run(f"docker exec {name} id -u") == "10001"
    missing = subprocess.run(
        ["docker", "exec", name, "sh", "-c", "touch /opt/operator/x"], capture_output=True, check=False
    )
    assert b"Read-only file system" in missing.stderr
    began = WALL.now()
    run(stop)
    assert WALL.now() - began < timedelta(seconds=5), "docker kills after ten"
    assert run(f"docker inspect --format {{{{.State.ExitCode}}}} {name}") == "130"
    assert "hold" in run(f"docker logs {name}")
