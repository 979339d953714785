"""The dashboards ask only for what there is, in expressions that Prometheus takes."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from operator_core.ports import Clock
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock
from operator_monitor.vitals import Vitals

FOLDER = Path(str(files("operator_subject_tikv"))) / "grafana" / "dashboards"
BOARDS = sorted(FOLDER.glob("*.json"))
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
KNOWN = frozenset(
    line for line in (Path(__file__).parent / "known_metrics.txt").read_text().splitlines() if not line.startswith("#")
)

_STRING = re.compile(r"\"[^\"]*\"")
_NO_METRICS = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_WORD = re.compile(r"[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()")
_KEYWORDS = {"and", "or", "unless", "bool", "offset"}


@dataclass
class _Watching:
    """What is watched, as far as the watcher's metrics care."""

    cluster: ClusterName = field(default_factory=lambda: ClusterName("prod"))
    interval: timedelta = timedelta(seconds=5)
    clock: Clock = field(default_factory=RealClock)

    async def run(self, tell: object, *, after: timedelta = timedelta(0)) -> None:
        raise NotImplementedError


def _panels(board: Path) -> list[dict[str, Any]]:
    return json.loads(board.read_text())["panels"]


def _expressions() -> Iterator[tuple[str, str, str]]:
    for board in BOARDS:
        for panel in _panels(board):
            for target in panel.get("targets", ()):
                yield board.name, panel["title"], target["expr"]


def metrics_of(expression: str) -> set[str]:
    """The names of metrics in an expression, those of histograms without their endings."""
    bare = _NO_METRICS.sub(" ", _STRING.sub("", expression))
    words = {w for w in _WORD.findall(bare) if w not in _KEYWORDS}
    return {re.sub(r"_(bucket|sum|count)$", "", w) if w not in KNOWN else w for w in words}


async def _own_metrics() -> set[str]:
    async def size() -> int:
        return 1

    text, _ = await Vitals([_Watching()], ledger_bytes=size).exposition()
    return set(re.findall(r"^# TYPE (\w+) ", text.decode(), re.MULTILINE))


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (le, instance) (rate(tikv_x_seconds_bucket{type!="a"}[1m])) / y', {"tikv_x_seconds", "y"}),
        ("time() - max without (job) (a_total) and on (instance) b == 1", {"a_total", "b"}),
    ],
)
def test_the_names_in_an_expression_are_found(expression: str, names: set[str]):
    assert metrics_of(expression) == names


def test_there_are_two_boards_and_every_panel_asks_the_provisioned_source():
    sources = {p["datasource"]["uid"] for board in BOARDS for p in _panels(board) if p["type"] != "row"}

    assert [b.name for b in BOARDS] == ["cluster.json", "operator.json"]
    assert sources == {"prometheus"}
    assert "uid: prometheus" in (FOLDER.parent / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    assert len(list(_expressions())) > 50


def test_no_panel_lies_over_another():
    for board in BOARDS:
        cells = [
            (x, y)
            for p in _panels(board)
            for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
            for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)), board.name
        assert max(x for x, _ in cells) < 24


async def test_the_boards_name_only_metrics_that_there_are():
    own = await _own_metrics()
    asked = {(board, name) for board, _, expression in _expressions() for name in metrics_of(expression)}

    assert {name for board, name in asked if board == "cluster.json"} <= KNOWN | {"up"}
    assert {name for board, name in asked if board == "operator.json"} <= own
    assert len(own) >= 6


@pytest.mark.prometheus
def test_every_expression_is_one(tmp_path: Path):
    if PROMTOOL is None:
        pytest.skip("promtool is not installed")
    rules = [{"record": f"x{n}", "expr": e} for n, (_, _, e) in enumerate(_expressions())]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "boards", "rules": rules}]}))

    answer = subprocess.run(
        [PROMTOOL, "check", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert f"{len(rules)} rules found" in answer.stdout


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[str]:
    if PROMETHEUS is None:
        pytest.skip("the prometheus program is not installed")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        web = f"127.0.0.1:{s.getsockname()[1]}"
    (tmp_path / "prometheus.yml").write_text("global: {}")
    program = await asyncio.create_subprocess_exec(
        *(PROMETHEUS, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/db"),
        f"--web.listen-address={web}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    clock = RealClock()
    try:
        async with clock.deadline(timedelta(seconds=30)):
            while not await asyncio.to_thread(_is_ready, web):
                await clock.sleep(timedelta(seconds=0.2))
        yield web
    finally:
        program.terminate()
        await program.wait()


def _is_ready(web: str) -> bool:
    try:
        with urlopen(f"http://{web}/-/ready", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def _query(web: str, expression: str) -> dict[str, Any]:
    with urlopen(f"http://{web}/api/v1/query?query={quote(expression)}", timeout=5) as answer:
        return json.load(answer)


@pytest.mark.looptime(False)
@pytest.mark.prometheus
async def test_a_real_prometheus_runs_every_expression(prometheus: str):
    for _, title, expression in _expressions():
        answer = await asyncio.to_thread(_query, prometheus, expression)
        assert answer["status"] == "success", title
        assert "warnings" not in answer, title


@pytest.mark.prometheus
@pytest.mark.parametrize("stores", range(3, 10))
def test_the_configuration_of_prometheus_is_valid(tmp_path: Path, stores: int):
    if PROMTOOL is None:
        pytest.skip("promtool is not installed")
    text = (FOLDER.parents[1] / "prometheus" / "prometheus.yml").read_text()
    targets = FOLDER.parents[1] / "prometheus" / "stores" / f"{stores}.yml"
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/targets/stores.yml", str(targets)))

    answer = subprocess.run(
        [PROMTOOL, "check", "config", f"{tmp_path}/prometheus.yml"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert "WARNING" not in answer.stdout
