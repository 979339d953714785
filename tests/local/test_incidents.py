"""What a person does from `up` to `down`, on three simulated deployments at once: no fault, no ticket; a fault, one.

Nothing here is told to anybody: the faults are done to containers, the model feels them over the network, Operator
reads ports and a real Prometheus.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from urllib.request import urlopen
from uuid import uuid4

import pytest
from python_on_whales import DockerClient
from watch_process import OPERATOR, WALL, pause

pytestmark = [
    pytest.mark.docker,
    pytest.mark.usefixtures("simulated_images", "tools_image", "operator_image"),
]

BOARDS = Path(str(files("operator_subject_tikv"))) / "grafana" / "dashboards"

QUIET: Final = timedelta(minutes=3)
TOLD_WITHIN: Final = timedelta(seconds=150)
OVER_WITHIN: Final = timedelta(minutes=7)
"""Where a busy machine loses a look now and then, a ticket flaps, and then it needs five minutes of calm."""
SETTLES_WITHIN: Final = timedelta(seconds=120)


@dataclass(frozen=True, kw_only=True)
class Does:
    """One fault, as a person types it, and the invariants by which its ticket may tell it."""

    command: tuple[str, ...]
    told_by: frozenset[str]

    @property
    def name(self) -> str:
        return " ".join(self.command)


def does(command: str, *told_by: str) -> Does:
    return Does(command=tuple(command.split()), told_by=frozenset(told_by))


UNREACHABLE = ("store-reachable", "store-heard-by-pd")
SLOW = ("append-quick", "commit-quick", "apply-quick", "propose-wait-short")


@dataclass(frozen=True)
class Death:
    """When the command that isolates a store is killed: so long after its start, or after its entry in the journal."""

    seconds: float
    in_journal: bool = True


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one deployment goes through.

    Attributes:
        quiet: for how long nothing is done to it, from the monitor's start on.
        deaths: of whoever isolates a store, each time from the start again.
    """

    options: tuple[str, ...]
    faults: tuple[Does, ...]
    quiet: timedelta = timedelta(0)
    deaths: tuple[Death, ...] = ()


# No component has two faults: trouble that comes back to the same one soon is the same ticket, reopened.
COURSES = (
    Course(
        options=("--profile", "load"),
        faults=(
            does("kill-pd-leader", "pd-member-reachable", "pd-has-leader"),
            does("kill-store tikv0", *UNREACHABLE),
            does("pause-store tikv1", *UNREACHABLE),
            does("fill-disk-store tikv2", "disk-space", "store-takes-writes"),
        ),
        deaths=(
            *(Death(s, in_journal=False) for s in (0.2, 0.8, 1.4)),
            *(Death(s) for s in (0.0, 0.3, 0.8, 1.5, 2.5)),
        ),
    ),
    Course(
        options=("--profile", "operator"),
        faults=(
            does("isolate-store tikv0", *UNREACHABLE),
            does("cut-from-pd tikv1", "store-heard-by-pd"),
            does("loss-from-store tikv2 --set share=0.3", *SLOW),
        ),
    ),
    Course(
        options=("--stores", "4"),
        quiet=QUIET,
        faults=(does("delay-store tikv3 --set ms=100", *SLOW),),
    ),
)


@dataclass(kw_only=True)
class Lived:
    """What came of a fault."""

    target: dict[str, str]
    injected_at: datetime
    told: list[dict[str, Any]]
    in_the_end: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Stack:
    """One deployment, and the person at it."""

    def __init__(self, course: Course, offset: int, environment: dict[str, str], folder: Path, tools: str) -> None:
        self.name = f"test-{uuid4().hex[:8]}"
        self.course = course
        self.offset = offset
        self.tools = tools
        self.environment = environment
        self.log = folder / f"{self.name}.log"
        self.lived: dict[str, Lived] = {}
        self.quiet_tickets: list[dict[str, Any]] | None = None
        self.without_series: list[str] = []
        self.monitor: subprocess.Popen[bytes] | None = None
        self.untouched = ""
        self.after_deaths: dict[Death, str] = {}
        self.was_in_journal: set[bool] = set()

    def operator(self, *arguments: str, may_fail: bool = False) -> str:
        answer = subprocess.run(
            [OPERATOR, *arguments], capture_output=True, text=True, timeout=400, check=False, env=self.environment
        )
        assert may_fail or answer.returncode == 0, f"{arguments}: {answer.stdout[-2000:]}{answer.stderr[-2000:]}"
        return answer.stdout

    def tickets(self) -> list[dict[str, Any]]:
        answer = self.operator("tickets", "list", "--all", "--json", "--cluster", f"local:{self.name}", may_fail=True)
        return json.loads(answer)["result"] if answer else []

    def news(self) -> int:
        """How often the monitor has said something about a ticket."""
        return len(re.findall(r"^\S+ (opened|came back|resolved) +ticket", self.log.read_text(), re.MULTILINE))

    def until(self, holds: Callable[[], bool], within: timedelta) -> bool:
        """Whether something holds in time; it is asked again when the monitor has said something."""
        end, seen = WALL.now() + within, -1
        while WALL.now() < end:
            if seen != (seen := self.news()) and holds():
                return True
            pause(0.5)
        return holds()

    def live(self) -> None:
        """Everything that its course says, from `up` on."""
        offset = ("--port-offset", str(self.offset))
        self.operator("deploy", "local", "up", "--simulated", "--name", self.name, *offset, *self.course.options)
        with self.log.open("wb") as log:
            command = [OPERATOR, "monitor", "--name", self.name]
            self.monitor = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        if self.course.quiet:
            pause(self.course.quiet.total_seconds())
            self.quiet_tickets = self.tickets()
        self.settle()
        for fault in self.course.faults:
            self.lived[fault.name] = self.break_and_mend(fault)
        self.untouched = self.network_of("tikv0") if self.course.deaths else ""
        self.after_deaths = {death: self.killed_and_healed(death) for death in self.course.deaths}
        self.without_series = [e for e in self.expressions() if not self.series(e)]

    def settle(self) -> None:
        """Wait until nothing is violated or not seen; what has just been started may still be beyond judgement."""
        end = WALL.now() + SETTLES_WITHIN
        while not self.is_settled():
            assert WALL.now() < end, self.log.read_text()[-3000:]
            pause(0.5)

    def is_settled(self) -> bool:
        return re.search(r"#\d+ +\d+ hold(?!.*(violated|unseen))", self.log.read_text()) is not None

    def break_and_mend(self, fault: Does) -> Lived:
        before = {t["id"] for t in self.tickets()}

        def new() -> list[dict[str, Any]]:
            return [t for t in self.tickets() if t["id"] not in before]

        began = WALL.now()
        done = json.loads(self.operator("chaos", *fault.command, "--name", self.name, "--json"))["result"]
        lived = Lived(target=done["fault"]["target"], injected_at=began, told=[])
        self.until(lambda: bool(new()), TOLD_WITHIN)
        pause(10)
        lived.told = new()
        self.operator("chaos", "heal", "--name", self.name)
        self.until(lambda: all(t["state"] == "resolved" for t in new()), OVER_WITHIN)
        lived.in_the_end = new()
        return lived

    def killed_and_healed(self, death: Death) -> str:
        """The network of a store after whoever was isolating it was killed, and what was done was healed."""
        command = [OPERATOR, "chaos", "isolate-store", "tikv0", "--name", self.name]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment
        ) as it:
            while death.in_journal and it.poll() is None and not self.is_planned():
                pause(0.02)
            pause(death.seconds)
            it.kill()
        planned = self.is_planned()
        self.was_in_journal.add(planned)
        assert planned or not death.in_journal
        assert ("healed" if planned else "nothing") in self.operator("chaos", "heal", "--name", self.name)
        assert "nothing" in self.operator("chaos", "heal", "--name", self.name)
        return self.network_of("tikv0")

    def is_planned(self) -> bool:
        """Whether a fault is in the journal that was not healed."""
        journal = Path(self.environment["OPERATOR_STATE_DIRECTORY"], "faults.db")
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as opened:
            wanted = "SELECT count(*) FROM faults WHERE deployment = ? AND state <> 'healed'"
            return bool(opened.execute(wanted, (f"local:{self.name}",)).fetchone()[0])

    def network_of(self, service: str) -> str:
        """Routes, queues and rules in a service's network, without counters and what Docker's name server has there."""
        container = f"operator-{self.name}-{service}-1"
        command = ["docker", "run", "--rm", "--cap-add", "NET_ADMIN", "--network", f"container:{container}", self.tools]
        look = ["sh", "-c", "ip route; tc qdisc; iptables-save; ip6tables-save"]
        told = subprocess.run(
            [*command, *look], capture_output=True, text=True, timeout=60, check=True, env=self.environment
        ).stdout
        return "\n".join(n for n in told.splitlines() if not n.startswith(("#", ":", "*", "COMMIT")) and ".11" not in n)

    def expressions(self) -> Iterator[str]:
        for board in ("cluster.json", *(["operator.json"] if "operator" in self.course.options else [])):
            for panel in json.loads((BOARDS / board).read_text())["panels"]:
                for target in panel.get("targets", ()):
                    yield re.sub(r"\$\{?\w+\}?", ".*", target["expr"].replace("$__rate_interval", "1m"))

    def series(self, expression: str) -> list[dict[str, Any]]:
        address = f"http://127.0.0.1:{9090 + self.offset}/api/v1/query?query={quote(expression)}"
        with urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def value(self, expression: str) -> float:
        (series,) = self.series(expression)
        return float(series["value"][1])

    def end(self) -> None:
        if self.monitor is not None:
            self.monitor.send_signal(signal.SIGTERM)
            self.monitor.wait(30)
        self.operator("chaos", "heal", "--name", self.name, may_fail=True)
        self.operator("deploy", "local", "down", "--volumes", "--yes", "--name", self.name)


@pytest.fixture(scope="module")
def stacks(
    docker_config: Path, tools_image: str, port_offsets: Iterator[int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Stack]]:
    """All courses, lived through side by side."""
    folder = tmp_path_factory.mktemp("incidents")
    small = {"OPERATOR_TIKV_DISK": "512m", "OPERATOR_PD_DISK": "16m"}
    environment = {**os.environ, **small}
    environment |= {"DOCKER_CONFIG": str(docker_config), "OPERATOR_STATE_DIRECTORY": str(folder / "state")}
    made = [
        Stack(course, offset, environment, folder, tools_image)
        for course, offset in zip(COURSES, islice(port_offsets, len(COURSES)), strict=True)
    ]
    try:
        with ThreadPoolExecutor(len(made)) as threads:
            for living in [threads.submit(stack.live) for stack in made]:
                living.result()
        yield made
    finally:
        with ThreadPoolExecutor(len(made)) as threads:
            for ending in [threads.submit(stack.end) for stack in made]:
                ending.result()


@pytest.mark.parametrize("fault", [f for c in COURSES for f in c.faults], ids=lambda f: f.name)
def test_a_fault_is_one_ticket_about_the_right_component_and_over_when_it_is_healed(
    stacks: Sequence[Stack], fault: Does
):
    stack = next(s for s in stacks if fault.name in s.lived)
    lived = stack.lived[fault.name]

    (ticket,) = lived.told
    assert ticket["component"] == lived.target
    assert datetime.fromisoformat(ticket["opened_at"]) > lived.injected_at
    assert {v["key"]["invariant"] for v in ticket["violations"]} & fault.told_by
    (over,) = lived.in_the_end
    assert (over["id"], over["state"]) == (ticket["id"], "resolved"), stack.log.read_text()[-6000:]


def test_the_time_line_has_what_the_containers_wrote(stacks: Sequence[Stack]):
    (stack,) = (s for s in stacks if "kill-store tikv0" in s.lived)
    (ticket,) = stack.lived["kill-store tikv0"].in_the_end

    line = json.loads(stack.operator("timeline", str(ticket["id"]), "--json"))["result"]

    assert len(line["logs"]) == 6
    assert [look for look in line["logs"] if look["why"] or look["first"] is None] == []
    wrote = [(h["component"], h["says"]) for h in line["happenings"] if h["what"] == "log"]
    died = [c for c, says in wrote if "nothing before tells of an orderly stop" in says]
    assert [c for c in died if c["kind"] == "store"] == [ticket["component"]]
    silent = f"store {ticket['component']['id']} does not answer its connecting"
    others = {c["id"] for c, says in wrote if silent in says}
    assert len(others) == 2
    assert ticket["component"]["id"] not in others


def test_whoever_dies_while_doing_a_fault_leaves_nothing_that_is_not_healed(stacks: Sequence[Stack]):
    (stack,) = (s for s in stacks if s.course.deaths)

    assert stack.after_deaths == dict.fromkeys(stack.course.deaths, stack.untouched)
    assert stack.untouched
    assert stack.was_in_journal == {False, True}


def test_three_minutes_without_a_fault_open_no_ticket(stacks: Sequence[Stack]):
    assert [s.quiet_tickets for s in stacks if s.course.quiet] == [[]]


def test_every_expression_of_the_dashboards_gives_series(stacks: Sequence[Stack]):
    assert {s.name: s.without_series for s in stacks} == {s.name: [] for s in stacks}


def test_the_load_drives_the_clients_of_the_model(stacks: Sequence[Stack]):
    asked = {"load" in s.course.options: s.value("sum(rate(tikv_grpc_msg_duration_seconds_count[1m]))") for s in stacks}

    assert asked[True] > 1.4 * asked[False] > 0


def test_the_operator_in_a_container_saw_the_same_cluster(stacks: Sequence[Stack]):
    (stack,) = (s for s in stacks if "operator" in s.course.options)

    assert {s["metric"]["cluster"] for s in stack.series("operator_watch_held")} == {"local"}


def test_after_down_nothing_is_left_and_the_others_stay_as_they_are(stacks: Sequence[Stack], docker: DockerClient):
    first, *others = stacks

    first.end()
    first.monitor = None

    label = f"com.docker.compose.project=operator-{first.name}"
    assert docker.container.list(all=True, filters=[("label", label)]) == []
    assert docker.network.list(filters=[("label", label)]) == []
    assert docker.volume.list(filters=[("label", label)]) == []
    for other in others:
        status = json.loads(other.operator("deploy", "local", "status", "--name", other.name, "--json"))["result"]
        assert status["is_healthy"]
