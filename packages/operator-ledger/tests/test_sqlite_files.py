"""Files: who may read them, what survives, what is said when they cannot be had."""

import os
import sqlite3
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.errors import LedgerError
from operator_core.faults import Fault, FaultName, Undo
from operator_core.readings import ClusterName, Observation
from operator_core.record import ObservationKept, Progress
from operator_core.runtime import RealClock
from operator_ledger import SqlFaultJournal, SqlLedger
from operator_ledger.migrate import Schema, bring_up
from operator_ledger.migrations.faults import SCHEMA as FAULTS
from operator_ledger.migrations.ledger import SCHEMA as LEDGER
from operator_ledger.sqlite import SqliteFile, open_file
from sqlalchemy import Connection, event, text

NORTH = ClusterName("north")
At = Callable[[float], datetime]
SHORT = timedelta(milliseconds=200)


@asynccontextmanager
async def opened(path: Path, schema: Schema) -> AsyncGenerator[SqliteFile]:
    """A file below the ledger, so that a test can look at its live connections."""
    file = await open_file(path, patience=SHORT)
    try:
        await bring_up(file, schema, RealClock())
        yield file
    finally:
        await file.close()


@pytest.fixture(params=[SqlLedger, SqlFaultJournal])
def kind(request: pytest.FixtureRequest) -> type[SqlLedger] | type[SqlFaultJournal]:
    return request.param


@pytest.fixture(params=[LEDGER, FAULTS], ids=["ledger", "faults"])
def schema(request: pytest.FixtureRequest) -> Schema:
    return request.param


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
async def test_only_the_owner_can_read_what_is_created_whatever_the_umask(
    kind: type[SqlLedger], tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "state" / "operator" / "file.sqlite"
    before = os.umask(umask)
    try:
        async with await kind.open(path):
            files = {f.name: mode(f) for f in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert files == dict.fromkeys(["file.sqlite", "file.sqlite-shm", "file.sqlite-wal"], 0o600)
    assert (mode(path.parent), mode(path.parent.parent)) == (0o700, 0o700)


async def test_the_modes_of_what_is_there_already_are_left_alone(kind: type[SqlLedger], tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o750)
    path = folder / "file.sqlite"
    path.touch()
    path.chmod(0o640)
    async with await kind.open(path):
        pass
    assert (mode(folder), mode(path)) == (0o750, 0o640)


async def test_every_connection_syncs_its_commits_and_writes_ahead(schema: Schema, tmp_path: Path) -> None:
    def settings(connection: Connection) -> tuple[object, ...]:
        names = ("synchronous", "journal_mode", "foreign_keys", "busy_timeout")
        return tuple([connection.scalar(text(f"PRAGMA {name}")) for name in names])

    async with opened(tmp_path / "file.sqlite", schema) as file:
        assert await file.write(settings) == await file.read(settings) == (2, "wal", 1, 200)  # 2 is FULL


async def test_a_ledger_can_be_opened_by_a_url_and_is_the_same_file(tmp_path: Path, t: At) -> None:
    path = tmp_path / "a b?c.sqlite"
    async with await SqlLedger.open(path) as ledger:
        await ledger.append(NORTH, [Progress(number=3, at=t(0), tracked={})], at=t(0))
    path.rename(tmp_path / "plain.sqlite")
    async with await SqlLedger.open(f"sqlite:///{tmp_path}/plain.sqlite") as ledger:
        assert (await ledger.standpoint(NORTH)).last_number == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "names no file"),
        (":memory:", "names no file"),
        ("sqlite://", "names no file"),
        ("mysql://ada:secret@db/x", r"mysql://ada:\*\*\*@db/x: only SQLite files can be opened"),
        ("://", "is not a database URL"),
    ],
)
async def test_a_name_that_means_no_file_is_refused_and_no_password_is_told(
    kind: type[SqlLedger], name: str, says: str
) -> None:
    with pytest.raises(LedgerError, match=says) as refused:
        await kind.open(name)
    assert "secret" not in str(refused.value)


async def test_what_cannot_be_created_is_said_with_its_path(kind: type[SqlLedger], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match=r"file/below/x.sqlite: Not a directory"):
        await kind.open(tmp_path / "file" / "below" / "x.sqlite")
    with pytest.raises(LedgerError, match=f"{tmp_path}: Is a directory"):
        await kind.open(tmp_path)
    with pytest.raises(LedgerError, match=r"/proc/operator/x.sqlite: "):
        await kind.open("/proc/operator/x.sqlite")  # not even root can create a folder there


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written_is_said_with_its_path(kind: type[SqlLedger], tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(LedgerError, match=r"closed/x.sqlite: Permission denied"):
        await kind.open(folder / "x.sqlite")


async def test_a_file_that_is_not_a_database_is_refused_and_left_as_it_was(
    kind: type[SqlLedger], tmp_path: Path
) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada, " * 1000)
    with pytest.raises(LedgerError, match=r"letter.txt: the file is not a database$"):
        await kind.open(path)
    assert path.read_text() == "Dear Ada, " * 1000


async def test_the_database_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).executescript("create table songs (title text)").connection.close()
    with pytest.raises(LedgerError, match="database of something else"):
        await SqlLedger.open(other)
    with sqlite3.connect(other) as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == [("songs",)]
    connection.close()


async def test_a_ledger_is_no_fault_journal_and_a_fault_journal_no_ledger(tmp_path: Path) -> None:
    async with await SqlLedger.open(tmp_path / "ledger.sqlite"):
        pass
    async with await SqlFaultJournal.open(tmp_path / "faults.sqlite"):
        pass
    with pytest.raises(LedgerError, match="no table fault_journal_versions"):
        await SqlFaultJournal.open(tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerError, match="no table ledger_versions"):
        await SqlLedger.open(tmp_path / "faults.sqlite")


async def test_a_locked_file_is_waited_for_and_then_said_to_be_locked(tmp_path: Path, t: At) -> None:
    path = tmp_path / "ledger.sqlite"
    entry = Progress(number=1, at=t(0), tracked={})
    async with await SqlLedger.open(path, patience=SHORT) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"ledger.sqlite: another process has it locked$"):
            await ledger.append(NORTH, [entry], at=t(0))
        assert (await ledger.standpoint(NORTH)).last_number == 0  # who reads does not wait
        async with await SqlLedger.open(path, patience=SHORT):
            pass
        other.execute("ROLLBACK")
        other.close()
        await ledger.append(NORTH, [entry], at=t(0))
        assert (await ledger.standpoint(NORTH)).last_number == 1


async def test_a_file_that_is_locked_for_long_cannot_be_made_a_ledger(kind: type[SqlLedger], tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="locked"):
        await kind.open(path, patience=SHORT)
    other.execute("ROLLBACK")
    other.close()
    async with await kind.open(path, patience=SHORT):
        pass


class LetsGo:
    """A clock on which no time passes, and whoever sleeps by it finds the lock gone afterwards."""

    def __init__(self, holder: sqlite3.Connection) -> None:
        self.holder, self.slept = holder, 0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    async def sleep(self, duration: timedelta) -> None:
        self.slept += 1
        self.holder.execute("ROLLBACK")

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        return nullcontext()


async def test_a_file_that_somebody_else_is_just_creating_is_waited_for(kind: type[SqlLedger], tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    clock = LetsGo(other)
    async with await kind.open(path, clock=clock, patience=SHORT):
        assert clock.slept == 1
    other.close()


async def test_a_full_disk_is_said_and_nothing_is_half_written(
    tmp_path: Path, t: At, observation: Callable[..., Observation]
) -> None:
    async with opened(tmp_path / "ledger.sqlite", LEDGER) as file:
        ledger = SqlLedger(file)
        await ledger.append(NORTH, [Progress(number=1, at=t(0), tracked={})], at=t(0))
        file.engine.dispose()

        @event.listens_for(file.engine, "connect")
        def _small(connection: sqlite3.Connection, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
            connection.cursor().execute("PRAGMA max_page_count=1")  # SQLite takes the present size when that is more

        kept = [ObservationKept(observation=observation(n)) for n in range(1, 400)]
        with pytest.raises(LedgerError, match=r"ledger.sqlite: the disk is full$"):
            await ledger.append(NORTH, [Progress(number=9, at=t(0), tracked={}), *kept], at=t(0))
        assert (await ledger.standpoint(NORTH)).last_number == 1
        assert await ledger.history() == ()


async def test_a_damaged_record_is_said_with_the_path(
    tmp_path: Path, t: At, observation: Callable[..., Observation]
) -> None:
    path = tmp_path / "ledger.sqlite"
    async with await SqlLedger.open(path) as ledger:
        await ledger.append(NORTH, [ObservationKept(observation=observation(1))], at=t(0))
        with sqlite3.connect(path) as other:
            other.execute("update pending set body = x'00'")
        other.close()
        with pytest.raises(LedgerError, match=r"ledger.sqlite: look 1 is damaged"):
            await ledger.observations(NORTH)


async def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path, t: At) -> None:
    path = tmp_path / "faults.sqlite"
    fault = Fault(name=FaultName("kill"), target=ComponentRef(Kind("node"), "1"))
    async with await SqlFaultJournal.open(path) as journal:
        await journal.plan("lab", fault, Undo(steps={"a": "b"}), t(0))
        before = await journal.entries()
    async with await SqlFaultJournal.open(path) as journal:
        assert await journal.entries() == before
