"""A small TiKV cluster made of answers: PD, stores and Prometheus behind one transport and one dialer, in virtual time.

It knows nothing of how it is watched. What goes wrong is set with a fault at an instant, and answers follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from operator_core.components import AddressMap
from operator_core.readings import ClusterName, Contact, Observation
from operator_core.runtime import VirtualClock
from operator_tikv import TikvSubject, TikvTargets

FIXTURES = Path(__file__).parent / "fixtures"
SETTINGS = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x7f\xff\xff\xff"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Node:
    """A process: up, killed, paused or cut (its network swallows everything)."""

    state: str = "up"
    since: float = 0.0
    started: float = -3600.0


@dataclass
class StoreNode(Node):
    """A store; `phase` is when within ten seconds its heartbeats fall, the first of them after its start.

    Attributes:
        heard_before: when PD last heard it before its process was started anew; None when it never did.
    """

    phase: float = 0.0
    heard_before: float | None = None
    registered: bool = True
    cut_from_pd_since: float | None = None
    status_hangs: bool = False
    pd_state: str | None = None
    available_gib: float = 600.0
    append_s: float = 0.002
    round_trip_s: float = 0.001
    regions: int = 100
    leaders: int = 34
    evicting: bool = False
    busy: bool = False


@dataclass
class Cluster:
    """Three PD members and some stores, as they answer at the clock's instant."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    leader: str | None = "pd0"
    members: dict[str, Node] = field(default_factory=lambda: {f"pd{i}": Node() for i in range(3)})
    stores: dict[int, StoreNode] = field(
        default_factory=lambda: {i: StoreNode(phase=p) for i, p in ((1, 1.0), (4, 4.0), (5, 7.0))}
    )
    observer_cut: bool = False
    bootstrapped: bool = True
    prometheus_state: str = "up"
    lost_scrapes: Callable[[int, float], bool] = lambda _store, _at: False
    lost_knocks: Callable[[], Contact | None] = lambda: None
    date_ahead_s: float | None = None
    asked: list[str] = field(default_factory=list[str])
    max_replicas: int = 3
    prefix: str = ""
    new_leader_after_s: float = 13.0
    down_regions: int = 0
    miss_regions: int = 0
    regions: int | None = None
    known_leaders: dict[int, int] = field(default_factory=dict[int, int])
    _led_by: str | None = "pd0"
    _led_since: float = -1e9

    @property
    def t(self) -> float:
        return (self.clock.now() - START).total_seconds()

    # What is done to it.

    def set_store(self, store: int, state: str) -> None:
        node = self.stores[store]
        node.heard_before = self.heard(node)
        node.state, node.since = state, self.t
        if state == "up":
            node.started, node.registered = self.t, True

    def resume_store(self, store: int) -> None:
        """A frozen process goes on; it was not started anew."""
        started = self.stores[store].started
        self.set_store(store, "up")
        self.stores[store].started = started

    def set_member(self, name: str, state: str) -> None:
        node = self.members[name]
        if node.state == "killed" and state == "up":
            node.started = self.t
        node.state, node.since = state, self.t

    def move_leaders(self, store: int) -> None:
        """Every region that it leads is led by others."""
        others = [s for i, s in self.stores.items() if i != store and s.state == "up"]
        for other in others:
            other.leaders += self.stores[store].leaders // len(others)
        self.stores[store].leaders = 0

    # How it works inside.

    def pd_leader(self) -> str | None:
        """Who leads now: a lost leader is replaced after a while, if a majority is up."""
        if not self.leader:
            return None
        node = self.members[self.leader]
        up = [n for n, m in self.members.items() if m.state == "up"]
        if len(up) * 2 <= len(self.members):
            return None
        if node.state != "up":
            if self.t - node.since < self.new_leader_after_s:
                return None
            self.leader = up[0]
        if self.leader != self._led_by:
            self._led_by, self._led_since = self.leader, self.t
        return self.leader

    def hears_pd(self, store: StoreNode) -> bool:
        return store.state == "up" and store.cut_from_pd_since is None and self.pd_leader() is not None

    def last_heartbeat(self, store: StoreNode) -> float:
        """The last of the instants at which it sends one, of its present process."""
        ends = [self.t]
        if store.state != "up":
            ends.append(store.since)
        if store.cut_from_pd_since is not None:
            ends.append(store.cut_from_pd_since)
        end = min(ends)
        return end - ((end - store.phase) % 10.0)

    def heard(self, store: StoreNode) -> float | None:
        """When PD heard it last; a new PD leader knows what was written down minutes ago until the next heartbeat."""
        last = self.last_heartbeat(store)
        if last < store.started:
            return store.heard_before
        return last if last >= self._led_since else last - 200

    def talked_until(self, a: int, b: int) -> float:
        """Until when two stores exchanged messages."""
        return min(self.t, *(s.since for s in (self.stores[a], self.stores[b]) if s.state != "up"), self.t)

    def metrics_of_store(self, store: int) -> str:
        me = self.stores[store]
        until = me.since if me.state != "up" else self.t
        lines = [
            "# TYPE tikv_raftstore_region_count gauge",
            f"process_start_time_seconds {START.timestamp() + me.started:.2f}",
            f'tikv_raftstore_region_count{{type="leader"}} {me.leaders}',
            f'tikv_raftstore_region_count{{type="region"}} {me.regions}',
            'tikv_irrelevant_total{type="x"} 1',
        ]
        for other, node in self.stores.items():
            if other == store:
                continue
            got = 20 * max(0.0, self.talked_until(store, other) - max(me.started, node.started))
            lines.append(f'tikv_raftstore_message_recv_by_store{{store="{other}"}} {got:.0f}')
            if node.state != "up":
                late = 0.5 if node.state == "killed" else 13.0
                failed = max(0.0, until - node.since - late) * 2
                lines.append(
                    f'tikv_server_report_failure_msg_total{{type="unreachable",store_id="{other}"}} {failed:.0f}'
                )
        served = max(0.0, until - me.started)
        appends = 50 * served
        for name, mean in (
            ("tikv_raftstore_append_log_duration_seconds", me.append_s),
            ("tikv_raftstore_commit_log_duration_seconds", me.append_s * 1.5 + me.round_trip_s),
            ("tikv_raftstore_apply_log_duration_seconds", 0.001),
            ("tikv_raftstore_request_wait_time_duration_secs", 0.0005),
        ):
            bound = 1e-5
            for _ in range(26):
                lines.append(f'{name}_bucket{{le="{bound:g}"}} {appends if bound >= mean else 0:.0f}')
                bound *= 2
            lines += [
                f'{name}_bucket{{le="+Inf"}} {appends:.0f}',
                f"{name}_sum {appends * mean}",
                f"{name}_count {appends:.0f}",
            ]
        lines += [
            f'tikv_grpc_msg_duration_seconds_count{{type="kv_get"}} {100 * served:.0f}',
            f'tikv_storage_engine_async_request_duration_seconds_bucket{{type="write",le="0.01"}} {appends:.0f}',
            f'tikv_storage_engine_async_request_duration_seconds_bucket{{type="write",le="+Inf"}} {appends:.0f}',
        ]
        pd_until = until if me.cut_from_pd_since is None else me.cut_from_pd_since
        leader = self.pd_leader()
        lost_pd = me.cut_from_pd_since
        if leader is None and self.leader:
            lost_pd = self.members[self.leader].since
        failures = 0.0 if lost_pd is None else max(0.0, until - lost_pd - 3.0)
        answered = pd_until if lost_pd is None else min(pd_until, lost_pd)
        lines += [
            f'tikv_pd_heartbeat_message_total{{type="noop"}} {2 * max(0.0, answered - me.started):.0f}',
            f'tikv_pd_heartbeat_message_total{{type="send"}} {2 * served:.0f}',
            f'tikv_pd_reconnect_total{{type="failure"}} {failures:.0f}',
            "tikv_pd_pending_heartbeat_total 0",
        ]
        return "\n".join(lines) + "\n"

    def metrics_of_member(self, name: str) -> str:
        leader = self.pd_leader()
        has = 1 if leader is not None else 0
        lines = [
            "# TYPE etcd_server_has_leader gauge",
            f"etcd_server_has_leader {has}",
            f"etcd_server_is_leader {int(name == leader)}",
            'pd_server_etcd_state{type="term"} 2',
            *(
                f'pd_regions_status{{type="{w}-peer-region-count"}} {count}'
                for w, count in (("miss", self.miss_regions), ("down", self.down_regions), ("pending", 0))
            ),
        ]
        return "\n".join(lines) + "\n"

    def store_json(self, ident: int) -> dict[str, object]:
        node = self.stores[ident]
        heard = self.heard(node)
        heartbeat = datetime(1970, 1, 1, tzinfo=UTC) if heard is None else START + timedelta(seconds=heard)
        age = (self.clock.now() - heartbeat).total_seconds()
        state = node.pd_state or ("Up" if age <= 20 else "Disconnected" if age <= 1800 else "Down")
        is_new_to_pd = self.last_heartbeat(node) < max(node.started, self._led_since)
        host = f"{self.prefix}tikv{ident}"
        return {
            "store": {
                "id": ident,
                "address": f"{host}:20160",
                "status_address": f"{host}:20180",
                "version": "8.5.5",
                "start_timestamp": int(START.timestamp() + node.started),
                "last_heartbeat": int(heartbeat.timestamp() * 1e9),
                "node_state": 1,
                "state_name": state,
            },
            "status": {
                "capacity": "0B" if is_new_to_pd else "1TiB",
                "available": "0B" if is_new_to_pd else f"{node.available_gib:g}GiB",
                "leader_count": self.known_leaders.get(ident, node.leaders),
                "region_count": node.regions,
                "slow_score": 1,
                "is_busy": node.busy,
                "last_heartbeat_ts": heartbeat.isoformat().replace("+00:00", "123Z")
                if heartbeat.microsecond
                else heartbeat.isoformat().replace("+00:00", "Z"),
            },
        }

    def members_json(self) -> dict[str, object]:
        listed = [
            {
                "name": n,
                "member_id": i + 1,
                "client_urls": [f"http://{self.prefix}{n}:2379"],
                "binary_version": "v8.5.5",
            }
            for i, n in enumerate(self.members)
        ]
        leader = self.pd_leader()
        body: dict[str, object] = {"header": {"cluster_id": 7}, "members": listed}
        if leader is not None:
            body["leader"] = next(m for m in listed if m["name"] == leader)
            body["etcd_leader"] = body["leader"]
        return body

    # How it answers.

    def node_at(self, host: str) -> tuple[str, Node] | None:
        if not host.startswith(self.prefix):
            return None
        name = host.removeprefix(self.prefix)
        if name in self.members:
            return name, self.members[name]
        if name.startswith("tikv") and name[4:].isdigit() and int(name[4:]) in self.stores:
            return name, self.stores[int(name[4:])]
        return None

    async def _hang(self) -> None:
        await self.clock.sleep(timedelta(hours=1))

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        host, path = request.url.host, request.url.path
        if host == "prometheus":
            return await self._prometheus(request)
        found = self.node_at(host)
        if found is None or (self.observer_cut and found[0] in self.members):
            raise httpx.ConnectError("All connection attempts failed", request=request)
        name, node = found
        match node.state:
            case "killed":
                raise httpx.ConnectError("Connection refused", request=request)
            case "paused" | "cut":
                await self._hang()
            case _:
                await self.clock.sleep(timedelta(milliseconds=3))
        if isinstance(node, StoreNode):
            if node.status_hangs:
                await self._hang()
            store = int(name[4:])
            if self.lost_scrapes(store, self.t):
                await self._hang()
            return httpx.Response(200, text=self.metrics_of_store(store))
        return await self._pd(name, path)

    async def _pd(self, name: str, path: str) -> httpx.Response:
        headers: dict[str, str] = {}
        if self.date_ahead_s is not None:
            at = self.clock.now() + timedelta(seconds=self.date_ahead_s)
            headers["date"] = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
        path = path.removeprefix("/pd/api/v1")
        if path == "/metrics":
            return httpx.Response(200, text=self.metrics_of_member(name))
        if path == "/ping":
            return httpx.Response(200)
        if path == "/status":
            started = int(START.timestamp() + self.members[name].started)
            return httpx.Response(200, json={"version": "v8.5.5", "start_timestamp": started})
        if path == "/health":
            if any(m.state in ("paused", "cut") for m in self.members.values()):
                await self.clock.sleep(timedelta(seconds=3))
            return httpx.Response(
                200, json=[{"name": n, "member_id": 1, "health": m.state == "up"} for n, m in self.members.items()]
            )
        leader = self.pd_leader()
        if leader is None:
            gone = self.members[self.leader] if self.leader else Node()
            if gone.state == "paused":  # a real follower forwards to it until another leads
                await self._hang()
            if gone.state == "killed" and self.t - gone.since < 4.0:
                return httpx.Response(500, text="[PD:apiutil:ErrRedirect]redirect failed\n")
            for _ in range(30):
                await self.clock.sleep(timedelta(milliseconds=100))
                if self.pd_leader() is not None:
                    break
            else:
                return httpx.Response(503, text="[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n")
        return self._as_leader(path, headers)

    def _as_leader(self, path: str, headers: dict[str, str]) -> httpx.Response:
        if path == "/members":
            return httpx.Response(200, json=self.members_json(), headers=headers)
        if not self.bootstrapped:
            text = '"[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"\n'
            return httpx.Response(500, text=text)
        match path:
            case "/stores":
                listed = [s for s, node in reversed(self.stores.items()) if node.registered]
                body = {"count": len(listed), "stores": [self.store_json(s) for s in listed]}
                return httpx.Response(200, json=body, headers=headers)
            case "/config/replicate":
                return httpx.Response(200, json={"max-replicas": self.max_replicas})
            case "/regions/count":
                count = sum(s.leaders for s in self.stores.values()) if self.regions is None else self.regions
                return httpx.Response(200, json={"count": count, "regions": None})
            case "/schedulers":
                extra = ["evict-leader-scheduler"] if any(s.evicting for s in self.stores.values()) else []
                return httpx.Response(200, json=["balance-leader-scheduler", *extra])
            case "/scheduler-config/evict-leader-scheduler/list":
                named: dict[str, list[object]] = {str(i): [] for i, s in self.stores.items() if s.evicting}
                return httpx.Response(200, json={"store-id-ranges": named, "batch": 3})
            case "/config/schedule":
                return httpx.Response(200, json={"leader-schedule-limit": 4, "max-store-down-time": "30m0s"})
            case "/operators":
                return httpx.Response(200, json=[])
            case _ if path.startswith("/regions/check/"):
                return httpx.Response(200, json={"count": 2, "regions": []})
            case "/region/id/2":
                peers = [{"id": 3, "store_id": 1}, {"id": 4, "store_id": 4}, {"id": 5, "store_id": 5}]
                return httpx.Response(200, json={"id": 2, "peers": peers, "leader": peers[0], "approximate_size": 96})
            case _ if path.startswith("/region/id/"):
                return httpx.Response(200, json={"id": 0})
            case _:
                return httpx.Response(404, text="404 page not found\n")

    async def _prometheus(self, request: httpx.Request) -> httpx.Response:
        match self.prometheus_state:
            case "killed":
                raise httpx.ConnectError("Connection refused", request=request)
            case "paused":
                await self._hang()
            case _:
                await self.clock.sleep(timedelta(milliseconds=3))
        query = request.url.params["query"]
        now = self.clock.now().timestamp()
        age = 300.0 if self.prometheus_state == "stale" else 7.0
        result: list[dict[str, object]] = []
        for ident in self.stores:
            labels = {"instance": f"{self.prefix}tikv{ident}:20180", "job": "tikv"}
            if query.startswith("timestamp(up"):
                result.append({"metric": labels, "value": [now, str(now - age)]})
            elif query.startswith("up{"):
                result.append({"metric": labels, "value": [now, "1"]})
            elif "append_log_duration_seconds_bucket" in query:
                result.append({"metric": labels, "value": [now, "0.123" if ident == 1 else "NaN"]})
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})

    async def dial(self, host: str, port: int, hello: bytes, *, within: timedelta) -> tuple[Contact, bytes]:
        self.asked.append(f"dial {host}:{port}")
        found = self.node_at(host)
        if found is None or (self.observer_cut and found[0] in self.members):
            return Contact.REFUSED, b""
        _, node = found
        lost = self.lost_knocks()
        if lost is not None:
            await self.clock.sleep(within)
            return lost, b""
        match node.state:
            case "killed":
                return Contact.REFUSED, b""
            case "paused":
                await self.clock.sleep(within)
                return Contact.SILENT, b""
            case "cut":
                await self.clock.sleep(within)
                return Contact.UNANSWERED, b""
            case _:
                if isinstance(node, StoreNode) and node.status_hangs and port == 20180:
                    await self.clock.sleep(within)
                    return Contact.SILENT, b""
                return Contact.ANSWERED, SETTINGS if hello.startswith(b"PRI") else b"HTTP/1.1 200 OK\r\n"

    # How it is watched.

    def subject(
        self, *, prometheus: bool = False, addresses: AddressMap | None = None, pd: tuple[str, ...] | None = None
    ) -> TikvSubject:
        targets = TikvTargets(
            pd=pd or tuple(f"http://{self.prefix}{m}:2379" for m in self.members),
            prometheus="http://prometheus:9090" if prometheus else None,
            addresses=addresses or AddressMap(),
        )
        return TikvSubject(
            cluster=ClusterName("test"),
            targets=targets,
            clock=self.clock,
            transport=httpx.MockTransport(self.handle),
            dialer=self,
        )

    async def looks(
        self, subject: TikvSubject, seconds: float, *, every: float = 5.0, first: int = 1
    ) -> list[Observation]:
        """Looks at fixed instants, `every` seconds apart, for so long."""
        seen: list[Observation] = []
        begin, end = self.t, self.t + seconds
        while self.t < end - 1e-6:
            seen.append(await subject.observe(first + len(seen)))
            due = begin + len(seen) * every
            await self.clock.sleep(timedelta(seconds=max(0.0, due - self.t)))
        return seen


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def make_cluster() -> Callable[[], Cluster]:
    return Cluster


@pytest.fixture
def recorded() -> Callable[[str], bytes]:
    """A recorded answer of a real PD, by its path under fixtures/pd."""

    def read(path: str) -> bytes:
        return (FIXTURES / "pd" / path).read_bytes()

    return read
