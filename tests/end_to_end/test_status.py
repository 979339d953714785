"""One look for a person: what is wrong, what the record says of it, and who has the watch."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from busy_machine import succeeded, until

Run = Callable[..., subprocess.CompletedProcess[str]]
OPERATOR = str(Path(sys.executable).with_name("operator"))


@pytest.fixture
def cluster(operator: Run) -> Iterator[Run]:
    up = operator("deploy", "embedded", "up", "--speed", "2", "--seed", "5")
    assert up.returncode == 0, up.stderr
    yield operator
    down = operator("deploy", "embedded", "down")
    assert down.returncode == 0, down.stderr


@pytest.mark.sampled(0)
def test_status_tells_a_well_cluster_from_one_with_a_dead_store(cluster: Run) -> None:
    well = until(lambda: cluster("status"), lambda done: done.returncode == 0 and "unknown" not in done.stdout)
    assert well.returncode == 0, well.stderr
    assert well.stdout.startswith(" WELL   embedded:default  TiKV cluster 8.5.5")
    for words in (
        "nobody watches this cluster",
        "tickets  none open",
        "silences none in force",
        "every source answered",
    ):
        assert words in well.stdout
    assert [line.split()[:4] for line in well.stdout.splitlines() if "store 4" in line] == [["✔", "store", "4", "Up"]]

    assert until(lambda: cluster("chaos", "kill-store", "4"), succeeded).returncode == 0
    watched = until(lambda: cluster("monitor", "--cycles", "5"), lambda done: "opened" in done.stdout, most=3)
    assert watched.returncode == 0
    broken = until(lambda: cluster("status"), lambda done: done.stdout.count("unseen   ") == 1)
    assert broken.returncode == 1, broken.stderr
    assert broken.stdout.startswith(" CRITICAL ")
    lines = broken.stdout.splitlines()
    assert any(line.startswith("tickets  ‼ 1  critical") and "store 4 cannot be reached" in line for line in lines)
    assert any("→ 9" in line and "a store's process is gone: store 4" in line for line in lines)
    assert any(line.startswith("✗  store 4") and " ? " in line for line in lines)
    assert any(line.startswith("unseen   metrics of store 4: refused") for line in lines)

    done = until(lambda: cluster("status", "--json"), lambda d: len(json.loads(d.stdout)["result"]["unseen"]) == 1)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["schema"] == "operator.status/1"
    result = document["result"]
    assert (result["cluster"], result["outcome"]) == ("embedded:default", "violated")
    assert {c["component"]["id"]: c["verdict"] for c in result["components"]}["4"] == "violated"
    (ticket,) = result["record"]["tickets"]
    assert (ticket["ticket"]["component"]["id"], ticket["first"]["mode"]) == ("4", "store-kill")
    assert result["record"]["watch"]["holder"] is None
    assert [s["source"] for s in result["unseen"]] == ["metrics of store 4"]


@pytest.mark.sampled(0)
def test_status_tells_who_has_the_watch_and_whether_it_lives(cluster: Run, surroundings: Mapping[str, str]) -> None:
    with subprocess.Popen([OPERATOR, "monitor"], stdout=subprocess.PIPE, env=dict(surroundings)) as watching:
        assert watching.stdout is not None
        while b"#" not in watching.stdout.readline():
            pass
        alive = json.loads(cluster("status", "--json").stdout)["result"]["record"]["watch"]
        watching.kill()
        watching.communicate()
    assert f"/{watching.pid}/" in alive["holder"]
    assert alive["is_alive"]
    silent = cluster("status")
    assert f"/{watching.pid}/" in silent.stdout
    assert "gave no sign of life for" in silent.stdout
    assert "newest look on record" in silent.stdout


@pytest.mark.sampled(0)
def test_a_cluster_that_cannot_be_seen_is_not_well(operator: Run) -> None:
    done = operator("status", "--pd", "http://127.0.0.1:1")
    assert done.returncode == 3
    assert done.stdout.startswith((" UNSURE ", " BLIND "))
    assert "unseen   pd: refused" in done.stdout


@pytest.mark.sampled(0)
def test_a_record_that_cannot_be_read_does_not_hide_the_cluster(cluster: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("no database " * 100)
    done = until(lambda: cluster("status", "--ledger", str(tmp_path / "broken.db")), lambda d: d.returncode != 3)
    assert done.returncode == 4
    assert "the record cannot be read:" in done.stdout
    assert "✔  store 4" in done.stdout


@pytest.mark.sampled(0)
def test_watched_again_and_again_it_draws_on_a_terminal_and_prints_elsewhere(
    cluster: Run, surroundings: Mapping[str, str]
) -> None:
    with subprocess.Popen(
        [OPERATOR, "status", "--watch", "--interval", "1s"], stdout=subprocess.PIPE, env=dict(surroundings), text=True
    ) as printing:
        assert printing.stdout is not None
        heads = 0
        while heads < 3:
            heads += printing.stdout.readline().startswith(" WELL ")
        printing.terminate()
        assert "\x1b" not in printing.communicate()[0]
    assert printing.returncode == 130

    ours, theirs = pty.openpty()
    env = {**surroundings, "TERM": "xterm-256color", "LANG": "C.UTF-8", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        ["setsid", "--ctty", OPERATOR, "status", "--watch", "--interval", "1s"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
    ) as drawing:
        said = b""
        while said.count(b"WELL") < 3:
            said += os.read(ours, 65536)
        os.write(ours, b"\x03")
        while b"\x1b[?1049l" not in said:
            said += os.read(ours, 65536)
    assert drawing.returncode == 130
    os.close(theirs)
    os.close(ours)


def test_watch_and_json_do_not_go_together(operator: Run) -> None:
    done = operator("status", "--pd", "http://127.0.0.1:1", "--watch", "--json")
    assert done.returncode == 2
    assert "--watch and --json" in done.stderr
