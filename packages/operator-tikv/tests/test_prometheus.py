"""The same signals from a Prometheus server: one query each, and the same answer as from direct scrapes."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from operator_core.components import CLUSTER
from operator_core.readings import Cause, Observation, SignalName
from operator_core.runtime import RealClock, run_virtual
from operator_core.signals import SignalKind
from operator_tikv import compile as to_promql
from operator_tikv import evaluate, signals
from operator_tikv import names as n
from operator_tikv.http import Http
from operator_tikv.metrics.evaluate import Missing
from operator_tikv.metrics.history import History
from operator_tikv.metrics.prometheus import Prometheus
from operator_tikv.metrics.scraper import scrape
from operator_tikv.names import store_ref
from stream_server import stream_server

if TYPE_CHECKING:
    from conftest import Cluster


@pytest.mark.parametrize(
    ("name", "promql"),
    [
        (
            n.STORE_APPEND_P99,
            (
                "histogram_quantile(0.99, sum by (le, instance)"
                ' (rate(tikv_raftstore_append_log_duration_seconds_bucket{job=~".*tikv"}[60s])))'
            ),
        ),
        (
            n.STORE_APPEND_MEAN,
            (
                'sum by (instance) (rate(tikv_raftstore_append_log_duration_seconds_sum{job=~".*tikv"}[60s]))'
                ' / sum by (instance) (rate(tikv_raftstore_append_log_duration_seconds_count{job=~".*tikv"}[60s]))'
            ),
        ),
        (
            n.STORE_UNREACHABLE_REPORTS,
            (
                "sum by (instance, store_id)"
                ' (rate(tikv_server_report_failure_msg_total{job=~".*tikv",type="unreachable"}[60s]))'
            ),
        ),
        (n.STORE_LEADERS_LOCAL, 'sum by (instance) (tikv_raftstore_region_count{job=~".*tikv",type="leader"})'),
        (n.PD_IS_LEADER, 'sum by (instance) (etcd_server_is_leader{job=~".*pd"})'),
        (n.REGIONS_DOWN, 'sum by (instance) (pd_regions_status{job=~".*pd",type="down-peer-region-count"})'),
    ],
)
def test_signals_compile_to_what_one_would_write(name: SignalName, promql: str) -> None:
    assert to_promql(signals.BY_NAME[name]) == promql


def test_labels_that_pick_a_cluster_are_in_every_query_and_escaped() -> None:
    assert 'cluster="a\\"b"' in to_promql(signals.BY_NAME[n.STORE_LEADERS_LOCAL], {"cluster": 'a"b'})


def test_every_measured_signal_compiles_and_the_others_do_not() -> None:
    for signal in signals.SIGNALS:
        if signal.metric is None:
            with pytest.raises(ValueError, match="no metric"):
                to_promql(signal)
        else:
            assert signal.metric in to_promql(signal)


def test_prometheus_is_asked_once_a_signal_however_many_stores(make_cluster: Callable[[], Cluster]) -> None:
    def queries(stores: int) -> tuple[int, int]:
        cluster = make_cluster()
        node = type(cluster.stores[1])
        cluster.stores = {i: node(phase=i % 10, leaders=1) for i in range(1, stores + 1)}

        async def main() -> Observation:
            return (await cluster.looks(cluster.subject(prometheus=True), 10))[-1]

        seen = run_virtual(main())
        assert len(seen.refs("store")) == stores
        asked = [u for u in cluster.asked if "prometheus" in u]
        return len(asked), sum("/metrics" in u and "tikv" in u for u in cluster.asked)

    few, many = queries(3), queries(60)
    assert few[0] == many[0]
    assert many[1] == 2 * 8, "at most eight stores are scraped directly beside it"


def test_prometheus_comes_first_for_windows_and_nan_is_no_value(cluster: Cluster) -> None:
    async def main() -> Observation:
        return (await cluster.looks(cluster.subject(prometheus=True), 10))[-1]

    seen = run_virtual(main())
    served = seen.reading(n.STORE_APPEND_P99, store_ref(1))
    assert served is not None
    assert (served.value, served.source.startswith("prometheus histogram_quantile")) == (0.123, True)
    direct = seen.reading(n.STORE_APPEND_P99, store_ref(4))
    assert direct is not None
    assert direct.source == "metrics of store 4"
    assert seen.reading(n.PROMETHEUS_FRESHNESS, CLUSTER) is not None


@pytest.mark.parametrize(
    ("state", "cause"), [("killed", Cause.REFUSED), ("paused", Cause.SILENT), ("stale", Cause.ABSENT)]
)
def test_a_prometheus_that_fails_is_replaced_by_direct_scrapes(cluster: Cluster, state: str, cause: Cause) -> None:
    async def main() -> Observation:
        subject = cluster.subject(prometheus=True)
        await cluster.looks(subject, 10)
        cluster.prometheus_state = state
        return (await cluster.looks(subject, 10, first=3))[-1]

    seen = run_virtual(main())
    assert {s.source: s.failure for s in seen.sources if s.failure is not None} == {"prometheus": cause}
    for ref in seen.refs("store"):
        reading = seen.reading(n.STORE_APPENDS, ref)
        assert reading is not None
        assert reading.source == f"metrics of {ref}"


# Against a real one.

PROMETHEUS = shutil.which("prometheus")
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
scrape_configs:
- {{job_name: tikv, static_configs: [{{targets: ["{exporter}"]}}]}}
"""


class Exporter:
    """Serves counters and histograms that grow at a steady pace; the pace and one store restart are known."""

    def __init__(self) -> None:
        self.clock = RealClock()
        self.began = self.clock.now()

    def text(self) -> str:
        t = (self.clock.now() - self.began).total_seconds() + 100
        lines = ["# HELP process_start_time_seconds x", "# TYPE process_start_time_seconds gauge"]
        lines += ["process_start_time_seconds 1", 'tikv_raftstore_region_count{type="leader"} 7']
        for signal in signals.measured(n.STORE):
            match signal.kind:
                case SignalKind.RATE if not str(signal.metric).endswith("_count"):
                    extra = [f'{signal.toward}="4"'] if signal.toward is not None else []
                    chosen = ",".join([*(f'{k}="{v}"' for k, v in signal.selector.items()), *extra])
                    lines.append(f"{signal.metric}{{{chosen}}} {10 * t}")
                case SignalKind.QUANTILE:
                    chosen = "".join(f'{k}="{v}",' for k, v in signal.selector.items())
                    for i in range(24):
                        share = min(1.0, i / 20)
                        lines.append(f'{signal.metric}_bucket{{{chosen}le="{1e-5 * 2**i:g}"}} {200 * t * share}')
                    lines.append(f'{signal.metric}_bucket{{{chosen}le="+Inf"}} {200 * t}')
                    bare = f"{{{chosen.rstrip(',')}}}" if chosen else ""
                    lines += [f"{signal.metric}_sum{bare} {3 * t}", f"{signal.metric}_count{bare} {200 * t}"]
                case _:
                    pass
        return "\n".join(dict.fromkeys(lines)) + "\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = self.text().encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {len(body)}\r\n"
        writer.write(head.encode() + b"connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@asynccontextmanager
async def scraping(exporter: str, folder: Path) -> AsyncGenerator[str]:
    """A Prometheus that scrapes the exporter; gives its address."""
    assert PROMETHEUS is not None
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(exporter=exporter))
    web = f"127.0.0.1:{free_port()}"
    flags = [f"--config.file={config}", f"--storage.tsdb.path={folder}/db", f"--web.listen-address={web}"]
    program = await asyncio.create_subprocess_exec(
        PROMETHEUS, *flags, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield web
    finally:
        program.terminate()
        await program.wait()


@pytest.mark.sampled(0)
@pytest.mark.prometheus
@pytest.mark.skipif(PROMETHEUS is None, reason="the prometheus program is not installed")
async def test_a_real_prometheus_and_direct_scrapes_agree(tmp_path: Path) -> None:
    clock = RealClock()
    async with (
        stream_server(Exporter().serve) as (host, port),
        scraping(f"{host}:{port}", tmp_path) as web,
        AsyncExitStack() as stack,
    ):
        http = Http(clock)
        stack.push_async_callback(http.close)
        store_signals = signals.measured(n.STORE)
        history = History()
        for _ in range(17):
            history.add(await scrape(http, f"http://{host}:{port}", store_signals, within=timedelta(seconds=2)))
            await clock.sleep(timedelta(seconds=1))
        prometheus = Prometheus(http, f"http://{web}", labels={})
        asked = await prometheus.ask(store_signals, (n.STORE,), within=timedelta(seconds=10))
        assert asked.ages[f"{host}:{port}"] < 3
        assert [p.value for p in asked.targets] == [1.0]
        latest = history.latest
        assert latest is not None
        compared = 0
        for signal in store_signals:
            # Eight seconds of samples a second apart, instead of a minute of samples a quarter of it apart.
            query = asked.queries[signal.name].replace("[60s]", "[8s]")
            points = await prometheus.query(query, within=timedelta(seconds=10))
            direct = evaluate(signal, history.earlier(timedelta(seconds=8)), latest)
            if isinstance(direct, Missing):
                assert points == (), f"{signal.name}: {direct.detail}, and Prometheus has {points}"
                continue
            served = {p.labels.get(signal.toward or "", "") if signal.toward else "": p.value for p in points}
            assert served.keys() == direct.keys(), signal.name
            for key, value in direct.items():
                assert served[key] == pytest.approx(value, rel=0.03), signal.name
                compared += 1
        assert compared >= 15
