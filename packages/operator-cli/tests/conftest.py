"""The command in this process, and an incident that the real parts recorded, in a ledger on disk."""

from __future__ import annotations

import asyncio
import io
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_cli.logs import configure
from operator_cli.main import main
from operator_core.components import AddressMap, ComponentRef, Kind
from operator_core.faults import Fault, FaultName
from operator_core.incidents import OpenTicket
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.ports import Clock, Lease
from operator_core.readings import ClusterName
from operator_core.record import Entry
from operator_core.runtime import VirtualClock, run_virtual
from operator_core.tickets import Ticket, Violation
from operator_diagnosis import Rechecked, RulesDiagnoser
from operator_ledger import MemoryLedger, SqlLedger
from operator_monitor import Monitor
from operator_simulator import ClusterConfig, InProcessDeployment
from operator_tikv import TikvSubject, TikvTargets

PROD = ClusterName("prod")
STORE = ComponentRef(Kind("store"), "4")
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


Run = Callable[..., subprocess.CompletedProcess[str]]
Append = tuple[ClusterName, tuple[Entry, ...], datetime]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment in which nothing of the machine's user is seen or touched, in a zone that is not UTC."""
    ours = ("OPERATOR_CONFIG", "OPERATOR_LEDGER", "OPERATOR_USER", "OPERATOR_LOG", "OPERATOR_INTERVAL")
    for name in (*ours, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPERATOR_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)
    configure()
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command with some arguments and give what it said and how it ended."""

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["operator", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(arguments, ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def refused(operator: Run) -> Callable[..., None]:
    """Run a command that must be refused: exit code 2, one line that has these words in it."""

    def check(arguments: Sequence[str], *words: str, stdin: bytes = b"") -> None:
        done = operator(*arguments, stdin=stdin)
        assert (done.returncode, done.stdout) == (2, ""), done
        (line,) = done.stderr.splitlines()
        for word in words:
            assert word in line

    return check


class _Remembering(MemoryLedger):
    """Remembers what was appended, so that it can be written into another ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.appends: list[Append] = []

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        touched = await super().append(cluster, entries, at=at, lease=lease)
        self.appends.append((cluster, tuple(entries), at))
        return touched


async def _play(clock: Clock) -> list[Append]:
    """A store dies a minute after the monitor began, comes back a minute later, and is well again."""
    deployment = InProcessDeployment(name=PROD, config=ClusterConfig(seed=5), clock=clock)
    await deployment.up(lambda _: None)
    endpoints = await deployment.endpoints()
    subject = TikvSubject(
        cluster=PROD,
        targets=TikvTargets(
            pd=tuple(f"http://{e.reachable}" for e in endpoints if e.component.kind == "pd"),
            addresses=AddressMap.of(endpoints),
        ),
        clock=clock,
        transport=deployment.network.transport,
        dialer=deployment.network.dialer,
    )
    ledger = _Remembering()
    monitor = Monitor(
        cluster=PROD,
        subject=subject,
        ledger=ledger,
        clock=clock,
        diagnoser=Rechecked(RulesDiagnoser()),
        interval=timedelta(seconds=5),
        jitter=0,
    )

    async def watch() -> None:
        async for _ in monitor.cycles():
            pass

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        await clock.sleep(timedelta(seconds=62))
        fault = Fault(name=FaultName("kill"), target=STORE)
        undo = await deployment.plan(fault)
        await deployment.inject(fault, undo)
        await clock.sleep(timedelta(seconds=60))
        await deployment.undo(undo)
        await clock.sleep(timedelta(seconds=90))
        watching.cancel()
    await subject.close()
    await deployment.down(lambda _: None)
    return ledger.appends


@pytest.fixture(scope="session")
def appends() -> list[Append]:
    """What the monitor recorded of one incident: ticket 1 of prod, a store that died, from open to resolved."""
    configure()
    return run_virtual(_play(VirtualClock(START)))


def _write(file: Path, appends: Sequence[Append]) -> None:
    async def write() -> None:
        async with await SqlLedger.open(file) as ledger:
            for cluster, entries, at in appends:
                await ledger.append(cluster, entries, at=at)

    asyncio.run(write())


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """The file in which the command keeps its record when nothing else is said."""
    return tmp_path / "state" / "ledger.db"


@pytest.fixture(scope="session")
def recorded(appends: list[Append], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with that incident, from which every test has a copy."""
    file = tmp_path_factory.mktemp("recorded") / "ledger.db"
    _write(file, appends)
    assert not file.with_name("ledger.db-wal").exists()
    return file


@pytest.fixture
def incident(ledger: Path, recorded: Path) -> Path:
    """A ledger with that incident, where the command keeps its record."""
    ledger.parent.mkdir(mode=0o700, parents=True)
    shutil.copy(recorded, ledger)
    return ledger


Opens = Callable[..., None]


@pytest.fixture
def opens(ledger: Path) -> Opens:
    """Open tickets in the ledger, each of one violation that lasts."""

    def put(
        *invariants: str,
        cluster: str = "prod",
        component: ComponentRef = STORE,
        severity: Severity = Severity.WARNING,
        at: datetime = START,
    ) -> None:
        def violation(invariant: str) -> Violation:
            return Violation(
                key=JudgementKey(invariant=InvariantName(invariant), component=component),
                since=at - timedelta(seconds=5),
                opened_at=at,
                because=f"{component} is not well",
                severity=severity,
                concern=Concern.SUBJECT,
                readings=(),
            )

        name = ClusterName(cluster)
        _write(ledger, [(name, (OpenTicket(cluster=name, at=at, violations=(violation(i),)),), at) for i in invariants])

    return put
