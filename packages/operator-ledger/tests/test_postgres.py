"""A PostgreSQL server: how it is named, what is tried again, what is said when it does not answer."""

import socket
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pytest
from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.readings import ClusterName, Observation
from operator_core.record import ObservationKept, Progress
from operator_core.tickets import Violation
from operator_ledger import SqlFaultJournal, SqlLedger
from operator_ledger.migrations.ledger import SCHEMA as LEDGER
from operator_ledger.postgres import PostgresServer as Server
from operator_ledger.postgres import name_of, open_server
from postgres_server import PostgresServer
from sqlalchemy import Connection, text

NORTH = ClusterName("north")
At = Callable[[float], datetime]
SHORT = timedelta(milliseconds=300)
SECRET = "s" + str(31337) + "t"  # put together, lest the lines of this file hold it


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://ada:se%2Fcret@db.example:5433/book", "postgresql://db.example:5433/book"),
        ("postgres://ada@db/book?sslmode=require&password=secret", "postgresql://db/book"),
        ("postgresql://ada:secret@one,two:5433/book", "postgresql://one,two:5433/book"),
        ("postgresql:///book?host=/run/postgresql", "postgresql:///run/postgresql/book"),
        ("postgresql://ada:secret@[::1]:5432/my%20book", "postgresql://[::1]:5432/my book"),
    ],
)
def test_a_database_is_named_by_its_host_and_without_secrets(url: str, name: str) -> None:
    assert name_of(url) == name


async def test_a_url_that_cannot_be_read_is_refused_without_repeating_it() -> None:
    with pytest.raises(LedgerError, match="cannot be read") as refused:
        await SqlLedger.open(f"postgresql://ada:{SECRET}@[::1/book")
    assert SECRET not in "".join(traceback.format_exception(refused.value))


async def test_a_fault_journal_is_a_file_and_nothing_else() -> None:
    with pytest.raises(LedgerError, match="only SQLite files can be opened, not postgresql"):
        await SqlFaultJournal.open("postgresql://ada:secret@db/book")


async def test_a_server_that_nobody_runs_is_said_to_be_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(LedgerError, match=f"^postgresql://127.0.0.1:{port}/book: nobody listens there$") as refused:
            await SqlLedger.open(f"postgresql://ada:{SECRET}@127.0.0.1:{port}/book")
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    with pytest.raises(LedgerError, match=r"^postgresql:///nowhere/book: No such file or directory$"):
        await SqlLedger.open("postgresql://ada@/book?host=/nowhere")


async def test_a_server_that_says_nothing_is_not_waited_for_longer_than_the_patience() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        with pytest.raises(LedgerError, match=r"it did not answer in time$"):
            await SqlLedger.open(f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/book", patience=SHORT)


@pytest.mark.postgres
class TestOnAServer:
    async def test_a_wrong_password_is_said_and_not_told(self, postgres: PostgresServer) -> None:
        with pytest.raises(LedgerError, match=r"/postgres: it does not accept the password$") as refused:
            await SqlLedger.open(postgres.url("public", password=SECRET))
        assert SECRET not in "".join(traceback.format_exception(refused.value))

    async def test_a_database_that_is_not_there_is_said(self, postgres: PostgresServer) -> None:
        with pytest.raises(LedgerError, match=r"/moon: there is no such database$"):
            await SqlLedger.open(postgres.url("public", database="moon"))

    async def test_the_place_of_something_else_is_refused_and_left_as_it_was(self, postgres: PostgresServer) -> None:
        schema = postgres.new_schema()
        postgres.run(f"CREATE TABLE {schema}.songs (title text)")
        with pytest.raises(LedgerError, match="it is the database of something else"):
            await SqlLedger.open(postgres.url(schema))
        assert postgres.run(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'").split() == ["songs"]

    async def test_a_ledger_of_a_newer_program_is_refused(self, postgres: PostgresServer) -> None:
        schema = postgres.new_schema()
        await (await SqlLedger.open(postgres.url(schema))).close()
        postgres.run(f"UPDATE {schema}.ledger_versions SET version = 99 WHERE version = {len(LEDGER.migrations)}")
        with pytest.raises(
            LedgerError, match=rf"version 99 .* up to {len(LEDGER.migrations)}; a newer program wrote it"
        ):
            await SqlLedger.open(postgres.url(schema))

    async def test_other_names_of_the_scheme_are_taken(self, postgres: PostgresServer) -> None:
        url = postgres.new_url()
        for scheme in ("postgres://", "postgresql+asyncpg://"):
            await (await SqlLedger.open(url.replace("postgresql://", scheme))).close()

    async def test_every_connection_waits_for_its_commits_to_be_on_disk(self, postgres: PostgresServer) -> None:
        def settings(connection: Connection) -> list[object]:
            names = ("synchronous_commit", "lock_timeout", "application_name")
            return [connection.scalar(text(f"SHOW {name}")) for name in names]

        postgres.run("ALTER ROLE ada SET synchronous_commit = off")
        try:
            server = await open_server(postgres.new_url(), patience=timedelta(seconds=2))
            assert await server.write(settings) == await server.read(settings) == ["on", "2s", "operator"]
            await server.close()
        finally:
            postgres.run("ALTER ROLE ada RESET synchronous_commit")
        server = await open_server(postgres.new_url() + "&application_name=mine", patience=timedelta(seconds=2))
        assert (await server.read(settings))[2] == "mine"
        await server.close()


class Work:
    """Writes one row and then has trouble, so many times."""

    def __init__(self, trouble: str, times: int) -> None:
        self.trouble, self.times, self.runs = trouble, times, 0

    def __call__(self, connection: Connection) -> int:
        self.runs += 1
        connection.execute(text("INSERT INTO rows VALUES (:n)"), {"n": self.runs})
        if self.runs <= self.times:
            connection.execute(text(self.trouble))
        return self.runs


def _raise(state: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '{state}'; END $$"


def _kept(connection: Connection) -> list[int]:
    return list(connection.scalars(text("SELECT n FROM rows ORDER BY n")))


BREAKS = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.mark.postgres
class TestTransactions:
    @pytest.fixture
    async def server(self, postgres: PostgresServer) -> AsyncIterator[Server]:
        server = await open_server(postgres.new_url(), patience=timedelta(seconds=5))
        await server.write(lambda connection: connection.execute(text("CREATE TABLE rows (n int)")) and None)
        yield server
        await server.close()

    @pytest.mark.parametrize("trouble", [_raise("40001"), _raise("40P01"), BREAKS])
    async def test_what_surely_kept_nothing_is_done_again_and_kept_once(self, server: Server, trouble: str) -> None:
        work = Work(trouble, 2)
        assert await server.write(work) == 3
        assert await server.read(_kept) == [3]

    @pytest.mark.parametrize("trouble", [_raise("40001"), BREAKS])
    async def test_what_never_succeeds_is_given_up_in_words(self, server: Server, trouble: str) -> None:
        work = Work(trouble, 99)
        with pytest.raises(LedgerError, match=r"^postgresql://.*/postgres: \w"):
            await server.write(work)
        assert work.runs == 4
        assert await server.read(_kept) == []

    @pytest.mark.parametrize("trouble", [_raise("P0001"), "SELECT 1/0", _raise("53100")])
    async def test_a_clear_no_is_not_asked_again(self, server: Server, trouble: str) -> None:
        work = Work(trouble, 1)
        with pytest.raises(LedgerError, match=r"trouble|division by zero|the disk is full"):
            await server.write(work)
        assert work.runs == 1
        assert await server.read(_kept) == []

    async def test_a_connection_that_breaks_in_the_commit_is_told_as_not_known_and_not_done_again(
        self, server: Server
    ) -> None:
        def at_the_end(connection: Connection) -> None:
            body = "BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END"
            connection.execute(text(f"CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"))
            connection.execute(
                text(
                    "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED"
                    " FOR EACH ROW EXECUTE FUNCTION ends()"
                )
            )

        await server.write(at_the_end)
        work = Work("", 0)
        with pytest.raises(LedgerError, match="whether it was written is not known"):
            await server.write(work)
        assert work.runs == 1
        assert await server.read(_kept) == []

    async def test_a_connection_that_died_in_the_pool_is_replaced_unnoticed(
        self, server: Server, postgres: PostgresServer
    ) -> None:
        assert await server.write(Work("", 0)) == 1
        postgres.cut()
        work = Work("", 0)
        assert await server.write(work) == 1

    async def test_reading_sees_one_state_and_writes_nothing(self, server: Server) -> None:
        with pytest.raises(LedgerError, match="it may not be written"):
            await server.read(Work("", 0))

    async def test_a_bug_of_ours_is_no_error_of_the_server(self, server: Server) -> None:
        def buggy(connection: Connection) -> None:
            connection.execute(text("INSERT INTO rows VALUES (1)"))
            raise KeyError("ours")

        with pytest.raises(KeyError):
            await server.write(buggy)
        assert await server.read(_kept) == []


@pytest.mark.postgres
async def test_a_cluster_that_somebody_else_holds_is_waited_for_and_then_said_to_be_locked(
    postgres: PostgresServer, t: At
) -> None:
    url = postgres.new_url()
    entry = Progress(number=1, at=t(0), tracked={})
    async with await SqlLedger.open(url, patience=SHORT) as ledger:
        await ledger.append(NORTH, [entry], at=t(0))
        other = await open_server(url, patience=SHORT)
        async with other.engine.begin() as connection:
            await connection.execute(text("SELECT * FROM chains FOR UPDATE"))
            with pytest.raises(LedgerError, match=r"somebody else has it locked$"):
                await ledger.append(NORTH, [entry], at=t(0))
            await ledger.append(ClusterName("south"), [entry], at=t(0))  # clusters do not wait for each other
            assert (await ledger.standpoint(NORTH)).last_number == 1
        await ledger.append(NORTH, [entry], at=t(0))
        await other.close()


@pytest.mark.postgres
async def test_what_is_changed_in_a_table_of_a_server_is_caught(
    postgres: PostgresServer, t: At, violation: Callable[..., Violation], observation: Callable[..., Observation]
) -> None:
    schema = postgres.new_schema()
    async with await SqlLedger.open(postgres.url(schema)) as ledger:
        for n in range(1, 45):
            await ledger.append(NORTH, [ObservationKept(observation=observation(n, at=n))], at=t(n))
        await ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=t(50), violations=(violation(),))], at=t(50))
        assert (await ledger.verify()).holds
        for change, back in [
            ("tickets SET hold = NOT hold", "tickets SET hold = NOT hold"),
            ("tickets SET title = title || '.'", "tickets SET title = rtrim(title, '.')"),
            ("violations SET takes_away = NOT takes_away", "violations SET takes_away = NOT takes_away"),
            ("violations SET since = lower(since)", "violations SET since = upper(since)"),
            ("entries SET sequence = sequence + 1000", "entries SET sequence = sequence - 1000"),
            ("segments SET body = set_byte(body, 99, get_byte(body, 99) # 1)",) * 2,
            ("pending SET body = set_byte(body, 9, get_byte(body, 9) # 1) WHERE ordinal = 2",) * 2,
            ("chains SET last_number = last_number + 1", "chains SET last_number = last_number - 1"),
        ]:
            postgres.run(f"SET search_path = {schema}; UPDATE {change}")
            assert not (await ledger.verify()).holds, change
            postgres.run(f"SET search_path = {schema}; UPDATE {back}")
            assert (await ledger.verify()).holds, change
