"""Whatever dies in the middle, the journal brings everything back."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from operator_chaos import Chaos
from operator_core.errors import ActionIndeterminate, DeploymentError
from operator_core.faults import Fault, FaultState
from operator_core.runtime import RealClock
from operator_ledger import SqlFaultJournal
from operator_local import LocalFaultTarget

pytestmark = pytest.mark.docker

Makes = Callable[..., Fault]
Looks = Callable[[str], dict[str, str]]
Was = dict[str, dict[str, str]]

_ACT = Path(__file__).parent / "act.py"


def _chaos(name: str, target: LocalFaultTarget, journal: SqlFaultJournal) -> Chaos:
    return Chaos(deployment=name, target=target, journal=journal, clock=RealClock(), expendable=True)


@pytest.mark.parametrize(
    ("dies", "done"),
    [
        ("planned", "delay kiln/kiln0"),
        ("halfway", "delay kiln/kiln0"),
        ("injected", "delay kiln/kiln0 kiln/kiln1"),
        ("injected", "restart-loop kiln/kiln0"),
        ("injected", "fill-disk glaze/glaze"),
    ],
)
async def test_a_program_that_is_killed_around_the_fault_leaves_a_journal_that_heals(
    name: str,
    docker_config: Path,
    target: LocalFaultTarget,
    tmp_path: Path,
    everything: Looks,
    untouched: Was,
    dies: str,
    done: str,
):
    service = done.split()[1].split("/")[1]
    file = tmp_path / "faults.db"

    command = [sys.executable, str(_ACT), name, str(docker_config), str(file), dies, *done.split()]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)

    assert ended.returncode == -signal.SIGKILL, ended.stderr
    if dies == "injected":
        assert everything(service) != untouched[service]
    async with await SqlFaultJournal.open(file) as journal:
        (left,) = await journal.entries(name, unhealed_only=True)
        assert left.state is FaultState.PLANNED
        healed = await _chaos(name, target, journal).heal()
        assert [str(e.fault) for e in healed] == [str(left.fault)]
        assert await _chaos(name, target, journal).heal() == ()
    await target.undo(left.undo)
    assert everything(service) == untouched[service]


async def test_while_docker_does_not_answer_nothing_counts_as_healed_and_afterwards_it_is(
    name: str,
    target: LocalFaultTarget,
    fault: Makes,
    tmp_path: Path,
    everything: Looks,
    untouched: Was,
    monkeypatch: pytest.MonkeyPatch,
):
    async with await SqlFaultJournal.open(tmp_path / "faults.db") as journal:
        chaos = _chaos(name, target, journal)
        await chaos.inject(fault("pause", "kiln/kiln0"), groups=(), state={})

        with monkeypatch.context() as without:
            without.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
            with pytest.raises(ActionIndeterminate, match="does not answer"):
                await chaos.heal()
            with pytest.raises(DeploymentError, match="does not answer"):
                await chaos.capabilities()
        assert [e.state for e in await chaos.status()] == [FaultState.INJECTED]

        await chaos.heal()
        assert await chaos.status() == ()
    assert everything("kiln0") == untouched["kiln0"]
