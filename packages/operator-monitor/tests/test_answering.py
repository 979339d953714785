"""What the process says of itself, over real loopback sockets."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import httpx
import operator_monitor
import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError, LedgerError
from operator_core.judgements import Concern, Severity
from operator_core.ports import Clock
from operator_core.readings import Cause, ClusterName, Observation, SignalName, SourceLook, Unseen
from operator_core.runtime import RealClock
from operator_core.tickets import Ticket, TicketId, TicketState
from operator_monitor import CycleReport, StandingBy, Vitals, Watching, listening
from operator_monitor.report import Report, Tell
from prometheus_client.parser import text_string_to_metric_families

Toy: TypeAlias = Any
NORTH, SOUTH = ClusterName("north"), ClusterName("south")
T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=5)
NODE = ComponentRef(Kind("node"), "1")
pytestmark = pytest.mark.looptime(False)


class SetClock(RealClock):
    """A clock that stands still; what waits, waits in real time."""

    def __init__(self) -> None:
        super().__init__(start=T0)
        self.at = T0

    def now(self) -> datetime:
        return self.at


class Eye:
    """Something that watches, as far as its vitals are concerned."""

    def __init__(self, cluster: ClusterName, clock: Clock) -> None:
        self.cluster, self.clock, self.interval = cluster, clock, INTERVAL

    async def run(self, tell: Tell[Report], *, after: timedelta = timedelta(0)) -> None: ...


def looked(
    at: datetime = T0, *, failed: str | None = None, took: float = 0.02, now_open: tuple[Ticket, ...] | None = ()
) -> CycleReport:
    silent = Unseen(component=NODE, signal=SignalName("s"), cause=Cause.SILENT, detail="", at=at, source="node 1")
    sources = (
        SourceLook(source="node 1", component=NODE, required=False),
        SourceLook(source="node 2", component=NODE, required=False, failure=Cause.REFUSED),
        SourceLook(source="node 3", component=NODE, required=False),
    )
    return CycleReport(
        number=1,
        at=at,
        took=timedelta(seconds=took),
        observation=Observation(cluster=NORTH, number=1, at=at, unseens=(silent, silent), sources=sources),
        now_open=now_open,
        failed=failed,
        fell_short=failed,
    )


def stood_by(at: datetime = T0, failed: str | None = None) -> StandingBy:
    return StandingBy(
        cluster=NORTH, at=at, holder="b", silent_for=timedelta(0), patience=2 * INTERVAL, because="", failed=failed
    )


TICKET = Ticket(
    id=TicketId(1),
    cluster=NORTH,
    state=TicketState.OPEN,
    title="node 1 is down",
    component=NODE,
    severity=Severity.CRITICAL,
    concern=Concern.SUBJECT,
    opened_at=T0,
    violations=(),
)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def vitals(clock: SetClock) -> Callable[..., Vitals]:
    def make(*clusters: ClusterName, **terms: Toy) -> Vitals:
        eyes: Sequence[Watching] = [Eye(c, clock) for c in clusters or (NORTH,)]
        return Vitals(eyes, **terms)

    return make


async def asked(vitals: Vitals, path: str, **headers: str) -> httpx.Response:
    async with listening(vitals) as port, httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}{path}", headers=headers)


async def samples(vitals: Vitals) -> dict[tuple[str, ...], float]:
    text = (await asked(vitals, "/metrics")).text
    return {
        (s.name, *(v for k, v in sorted(s.labels.items()) if k != "cluster")): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if "_bucket" not in s.name and "_created" not in s.name
    }


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("heard", "age", "status"),
    [
        ([], 0, 503),
        ([looked()], 15, 200),
        ([looked()], 16, 503),
        ([looked(failed="no answer")], 0, 503),
        ([looked(), looked(T0 + 2 * INTERVAL, failed="no answer")], 15, 200),
        ([looked(), looked(T0 + 2 * INTERVAL, failed="no answer")], 16, 503),
        ([stood_by()], 15, 200),
        ([stood_by()], 16, 503),
        ([stood_by(failed="locked")], 0, 503),
        ([looked(), stood_by(failed="locked")], 0, 503),
        ([stood_by(), looked(failed="no answer")], 0, 503),
    ],
)
async def test_health_is_a_good_look_or_a_sure_stand_by_within_three_intervals(
    vitals: Callable[..., Vitals], clock: SetClock, heard: list[Report], age: int, status: int
) -> None:
    v = vitals()
    for report in heard:
        v.heard(NORTH, report)
    clock.at = T0 + timedelta(seconds=age)
    assert (await asked(v, "/healthz")).status_code == status


async def test_an_unwell_process_names_the_cluster_and_the_age_of_its_last_good_look(
    vitals: Callable[..., Vitals], clock: SetClock
) -> None:
    v = vitals(NORTH, SOUTH)
    v.heard(NORTH, looked())
    v.heard(SOUTH, looked())
    clock.at = T0 + timedelta(seconds=20)
    v.heard(SOUTH, looked(clock.at))
    answer = await asked(v, "/healthz")
    assert answer.json() == {
        "status": "unwell",
        "watching": 2,
        "standing_by": 0,
        "unwell": [{"cluster": "north", "standing_by": False, "last_good_look_age_s": 20.0, "at_most_s": 15.0}],
    }
    v.heard(NORTH, stood_by(clock.at))
    assert (await asked(v, "/healthz")).json() == {"status": "well", "watching": 1, "standing_by": 1, "unwell": []}


async def test_metrics_say_how_the_looks_go(vitals: Callable[..., Vitals], clock: SetClock) -> None:
    async def size() -> int:
        return 4096

    v = vitals(ledger_bytes=size)
    v.heard(NORTH, looked(took=0.5, now_open=(TICKET, replace(TICKET, severity=Severity.WARNING), TICKET)))
    v.heard(NORTH, looked(took=1.5, failed="no answer", now_open=(TICKET,)))
    clock.at = T0 + timedelta(seconds=7)
    assert await samples(v) == {
        ("operator_cycle_seconds_count",): 2,
        ("operator_cycle_seconds_sum",): 2.0,
        ("operator_cycles_fell_short_total",): 1,
        ("operator_last_good_look_age_seconds",): 7,
        ("operator_unseen_readings", "node 1"): 2,
        ("operator_unseen_readings", "node 2"): 1,
        ("operator_unseen_readings", "node 3"): 0,
        ("operator_open_tickets", "info"): 0,
        ("operator_open_tickets", "warning"): 0,
        ("operator_open_tickets", "critical"): 1,
        ("operator_watch_held",): 1,
        ("operator_ledger_size_bytes",): 4096,
    }


async def test_what_is_not_known_is_not_shown(vitals: Callable[..., Vitals]) -> None:
    async def broken() -> int:
        raise LedgerError("locked")

    v = vitals(ledger_bytes=broken)
    assert await samples(v) == {
        ("operator_cycle_seconds_count",): 0,
        ("operator_cycle_seconds_sum",): 0,
        ("operator_cycles_fell_short_total",): 0,
        ("operator_watch_held",): 0,
    }
    v.heard(NORTH, looked(now_open=None))
    assert "operator_open_tickets" not in {name for name, *_ in await samples(v)}
    v.heard(NORTH, stood_by())
    shown = await samples(v)
    assert {"operator_last_good_look_age_seconds", "operator_unseen_readings"}.isdisjoint(n for n, *_ in shown)
    assert shown["operator_watch_held",] == 0


async def test_prometheus_gets_the_format_that_it_asks_for(vitals: Callable[..., Vitals]) -> None:
    open_metrics = await asked(vitals(), "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")
    plain = await asked(vitals(), "/metrics")
    assert plain.headers["content-type"].startswith("text/plain")


async def test_nothing_but_reading_is_answered(vitals: Callable[..., Vitals]) -> None:
    async with listening(vitals()) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.post("/metrics")).status_code == 405
        assert (await client.get("/")).status_code == 404


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", None), ("192.0.2.1", 0), ("127.0.0.1", 70000)])
async def test_an_address_that_cannot_be_had_is_named(
    vitals: Callable[..., Vitals], host: str, port: int | None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        wanted = other.getsockname()[1] if port is None else port
        with pytest.raises(ConfigurationError, match=f"{host}:{wanted}"):
            async with listening(vitals(), host, wanted):
                raise AssertionError


async def test_signals_stay_with_the_program_and_the_port_is_free_again(vitals: Callable[..., Vitals]) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    async with listening(vitals()) as port, httpx.AsyncClient() as client:
        await client.get(f"http://127.0.0.1:{port}/healthz")
        assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before
    async with listening(vitals(), "127.0.0.1", port) as again:
        assert again == port


async def test_cancelling_ends_it_within_a_second_also_with_somebody_connected(vitals: Callable[..., Vitals]) -> None:
    loop = asyncio.get_running_loop()
    is_up = asyncio.Event()
    ports: list[int] = []

    async def serve() -> None:
        async with listening(vitals()) as port:
            ports.append(port)
            is_up.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve())
        await is_up.wait()
        _, writer = await asyncio.open_connection("127.0.0.1", ports[0])
        writer.write(b"GET /healthz HTTP/1.1\r\n")  # and never a word more
        await writer.drain()
        asked_at = loop.time()
        serving.cancel()
        await asyncio.wait([serving])
        assert loop.time() - asked_at < 1
        writer.close()


def test_the_names_are_there_again_and_again() -> None:
    for _ in range(2):
        assert callable(operator_monitor.listening)
        assert callable(operator_monitor.Vitals)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = operator_monitor.nothing  # pyright: ignore[reportUnknownVariableType, reportAttributeAccessIssue]


def test_a_process_that_watches_nothing_has_no_vitals() -> None:
    with pytest.raises(ConfigurationError):
        Vitals([])
