"""``operator deploy local`` with a docker program that does nothing but answer; Compose itself reads the files."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

_PROGRAM = """\
#!{python}
import json, os, sys
arguments = sys.argv[1:]
line = " ".join(arguments)
open({asked!r}, "a").write(json.dumps(arguments) + chr(10))
for when, complaint in json.load(open({complaints!r})):
    if when in line:
        sys.stderr.write(complaint)
        sys.exit(1)
if "compose version" in line:
    print("5.0.0")
elif "info --format" in line:
    print(32 << 30)
elif arguments[0] == "compose" and "config" in arguments:
    os.execv({compose!r}, [{compose!r}, *arguments[1:]])
elif "version --format" in line:
    print("28.2.2")
elif "image inspect" in line:
    print(json.dumps([dict(Id="sha256:" + "a" * 64)]))
"""


@dataclass
class Docker:
    """What the program was asked, and what it complains of when it is asked something."""

    folder: Path

    def complains(self, when: str, complaint: str) -> None:
        book = self.folder / "complaints.json"
        book.write_text(json.dumps([(when, complaint), *json.loads(book.read_text())]))

    def asked(self, word: str) -> list[list[str]]:
        lines = (json.loads(line) for line in (self.folder / "asked").read_text().splitlines())
        return [arguments for arguments in lines if word in arguments]


@pytest.fixture(autouse=True)
def no_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPERATOR_PORT_OFFSET", raising=False)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "complaints.json").write_text("[]")
    program = folder / "docker"
    program.write_text(
        _PROGRAM.format(
            python=sys.executable,
            asked=str(folder / "asked"),
            complaints=str(folder / "complaints.json"),
            compose=str(Path(sysconfig.get_path("scripts")) / "docker-compose"),
        )
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Docker(folder)


def _addresses(operator: Run, *options: str) -> dict[str, str]:
    answer = operator("deploy", "local", "endpoints", "--json", *options)
    return {door["advertised"]: door["reachable"] for door in json.loads(answer.stdout)["result"]}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("when", "complaint", "says"),
    [
        (
            "version --format",
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "start Docker",
        ),
        (
            "version --format",
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "group docker",
        ),
        ("compose version", "docker: 'compose' is not a docker command.", "install the Docker Compose plugin"),
        (
            " up ",
            "Error response from daemon: driver failed: Bind for 127.0.0.1:2379 failed: port is already allocated",
            "port 127.0.0.1:2379 is taken by another container; stop that one, or move every port: --port-offset 1000",
        ),
        (
            "image inspect",
            "Error response from daemon: No such image: pingcap/pd:v8.5.5",
            "docker load",
        ),
        (" up ", "write /var/lib/docker/overlay2/x: no space left on device", "the disk is full; make room"),
    ],
)
def test_what_docker_lacks_is_said_in_one_line_and_nothing_is_remembered(
    operator: Run, docker: Docker, tmp_path: Path, when: str, complaint: str, says: str
) -> None:
    docker.complains(when, complaint)
    docker.complains(
        "image pull", 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host'
    )

    answer = operator("deploy", "local", "up")

    assert answer.returncode == 4
    (line,) = answer.stderr.splitlines()
    assert says in line
    assert list((tmp_path / "state" / "local").iterdir()) == []


def test_a_machine_without_docker_is_told_to_install_it(
    operator: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    for command in (("up",), ("down",), ("status",), ("logs",), ("restart",), ("endpoints",), ("export-logs",)):
        answer = operator("deploy", "local", *command)
        assert answer.returncode == 4, command
        (line,) = answer.stderr.splitlines()
        assert "there is no docker program on this machine; install Docker" in line


def test_too_little_memory_is_told_before_anything_is_started(operator: Run, docker: Docker) -> None:
    program = docker.folder / "docker"
    program.write_text(program.read_text().replace("32 << 30", "2 << 30"))

    answer = operator("deploy", "local", "up", "--stores", "5")

    assert answer.returncode == 4
    assert "GiB of memory, and Docker has 2.0 GiB" in answer.stderr
    assert docker.asked("up") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--stores", "2"), ("--stores is 2", "3 to 9")),
        (("--stores", "10"), ("--stores is 10", "3 to 9")),
        (("--name", "Two Words"), ("--name is 'Two Words'",)),
        (("--name", "../x"), ("--name is '../x'",)),
        (("--port-offset", "-1"), ("--port-offset is -1",)),
        (("--port-offset", "60000"), ("--port-offset is 60000",)),
        (("--profile", "lode"), ("no profile 'lode'", "load, operator")),
        (("--profile", "stores-5"), ("--profile is 'stores-5'", "--stores")),
        (("--file", "nono.yaml"), ("--file is 'nono.yaml'", "no such file")),
        (("--timeout", "soon"), ("--timeout is 'soon'",)),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_its_value(
    operator: Run, docker: Docker, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    answer = operator("deploy", "local", "up", *options)

    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert all(word in line for word in words)
    assert not list(tmp_path.glob("state/local/*"))


@pytest.mark.sampled(0)
def test_what_was_chosen_once_is_known_to_later_commands_until_it_is_down(operator: Run, docker: Docker) -> None:
    up = operator("deploy", "local", "up", "--stores", "5", "--port-offset", "1000", "--profile", "load", "--no-wait")
    known = _addresses(operator)
    down = operator("deploy", "local", "down")

    assert (up.returncode, down.returncode) == (0, 0)
    assert (known["pd0:2379"], known["tikv4:20180"]) == ("127.0.0.1:3379", "127.0.0.1:21184")
    assert len([a for a in known if a.endswith(":20160")]) == 5
    (asked,) = docker.asked("up")
    assert [asked[n + 1] for n, word in enumerate(asked) if word == "--profile"] == ["stores-5", "load"]
    assert "--wait" not in asked
    after = _addresses(operator)
    assert (after["pd0:2379"], "tikv4:20180" in after) == ("127.0.0.1:2379", False)


@pytest.mark.sampled(0)
def test_the_offset_of_the_environment_is_remembered_and_an_option_wins_over_it(
    operator: Run, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_PORT_OFFSET", "2000")
    operator("deploy", "local", "up", "--no-wait")
    operator("deploy", "local", "up", "--no-wait", "--name", "two", "--port-offset", "3000")
    monkeypatch.delenv("OPERATOR_PORT_OFFSET")

    assert _addresses(operator)["pd0:2379"] == "127.0.0.1:4379"
    assert _addresses(operator, "--name", "two")["pd0:2379"] == "127.0.0.1:5379"


@pytest.mark.sampled(0)
def test_each_name_is_a_project_of_its_own(operator: Run, docker: Docker) -> None:
    operator("deploy", "local", "up", "--no-wait")
    operator("deploy", "local", "up", "--no-wait", "--name", "two", "--port-offset", "1000")
    operator("deploy", "local", "down", "--name", "two")

    projects = [a[a.index("--project-name") + 1] for word in ("up", "down") for a in docker.asked(word)]
    assert projects == ["operator-default", "operator-two", "operator-two"]
    assert _addresses(operator)["pd0:2379"] == "127.0.0.1:2379"


@pytest.mark.sampled(0)
def test_a_store_is_not_left_behind_by_asking_for_fewer(
    operator: Run, docker: Docker, refused: Callable[..., None]
) -> None:
    operator("deploy", "local", "up", "--stores", "5", "--no-wait")

    refused(("deploy", "local", "up", "--stores", "4"), "--stores is 4, and there are 5", "down --volumes")
    assert operator("deploy", "local", "up", "--stores", "6", "--no-wait").returncode == 0
    assert "tikv5:20160" in _addresses(operator)


@pytest.mark.sampled(0)
def test_a_compose_file_over_the_subjects_own_is_kept_by_its_whole_path(
    operator: Run, docker: Docker, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text('services: {pd0: {image: "mine:1"}}')

    operator("deploy", "local", "up", "--no-wait", "--file", "mine.yaml")
    operator("deploy", "local", "status")

    for word in ("up", "ps", "config"):
        for asked in docker.asked(word)[-1:]:
            files = [asked[n + 1] for n, part in enumerate(asked) if part == "--file"]
            assert files[-1] == str(tmp_path / "mine.yaml"), shlex.join(asked)
            assert files[0].endswith("docker-compose.yaml")


@pytest.mark.sampled(0)
def test_volumes_on_disk_are_removed_only_when_it_is_said_twice(
    operator: Run, docker: Docker, refused: Callable[..., None]
) -> None:
    refused(("deploy", "local", "down", "--volumes"), "nobody to ask; say --yes")
    assert docker.asked("down") == [] if (docker.folder / "asked").exists() else True

    assert operator("deploy", "local", "down").returncode == 0
    assert operator("deploy", "local", "down", "--volumes", "--yes").returncode == 0
    assert ["--volumes" in asked for asked in docker.asked("down")] == [False, True]


def test_what_is_not_up_is_not_well(operator: Run, docker: Docker) -> None:
    plain = operator("deploy", "local", "status")
    as_json = operator("deploy", "local", "status", "--json")

    assert (plain.returncode, plain.stdout) == (1, "deployment default is not up\n")
    told = json.loads(as_json.stdout)
    assert (as_json.returncode, told["schema"]) == (1, "operator.deployment/1")
    assert (told["result"]["is_up"], told["result"]["is_healthy"]) == (False, False)
    assert {s["health"] for s in told["result"]["services"]} == {"missing"}
    assert len(told["result"]["services"]) == 9


def test_the_result_alone_is_on_standard_output_when_json_is_asked_for(operator: Run, docker: Docker) -> None:
    answer = operator("deploy", "local", "up", "--no-wait", "--json")

    assert json.loads(answer.stdout)["result"]["name"] == "default"
    assert "bringing up 9 services" in answer.stderr


def test_logs_are_asked_for_from_an_instant_on(operator: Run, docker: Docker) -> None:
    assert operator("deploy", "local", "logs", "pd0", "--since", "10m", "--tail", "5").returncode == 0
    assert operator("deploy", "local", "logs", "pd0", "--since", "one day").returncode == 2

    (asked,) = docker.asked("logs")
    assert asked[asked.index("--since") + 1].endswith("+00:00")
    assert asked[-2:] == ["--no-log-prefix", "pd0"]


@pytest.mark.sampled(0)
def test_data_on_disk_is_found_again_after_down_and_not_after_down_with_volumes(
    operator: Run, docker: Docker, refused: Callable[..., None], tmp_path: Path
) -> None:
    def files_of(word: str) -> list[str]:
        asked = docker.asked(word)[-1]
        return [Path(asked[n + 1]).name for n, part in enumerate(asked) if part == "--file"]

    operator("deploy", "local", "up", "--no-wait", "--on-disk", "--stores", "4")
    assert files_of("up") == ["docker-compose.yaml", "on-disk.yaml"]
    refused(("deploy", "local", "up", "--in-memory"), "--in-memory: the data is on disk already", "down --volumes")
    operator("deploy", "local", "down")
    assert "no deployment is up" in operator("status").stderr
    refused(("deploy", "local", "up", "--stores", "3"), "there are 4")

    operator("deploy", "local", "down", "--volumes", "--yes")
    assert files_of("down") == ["docker-compose.yaml", "on-disk.yaml"]
    operator("deploy", "local", "up", "--no-wait")
    assert files_of("up") == ["docker-compose.yaml"]
    assert [p.name for p in (tmp_path / "state" / "local").iterdir()] == ["default"]
