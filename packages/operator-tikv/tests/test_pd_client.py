"""PD as a client meets it: every way to fail leads to the next endpoint, and to the right verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from operator_core.errors import SubjectError, SubjectNonsense, SubjectRefused, SubjectUnreachable
from operator_core.readings import Cause
from operator_core.runtime import VirtualClock, run_virtual
from operator_tikv.http import Http
from operator_tikv.pd import wire
from operator_tikv.pd.client import PdClient, PdNoLeader, PdNotBootstrapped, Told, verdict_of
from operator_tikv.pd.model import PdVerdict, StoreState

Answering = Callable[[httpx.Request], Awaitable[httpx.Response]]
WITHIN = timedelta(seconds=4)


def saying(status: int, text: str) -> Answering:
    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=text)

    return answer


async def refusing(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Connection refused", request=request)


async def hanging(_: httpx.Request) -> httpx.Response:
    await VirtualClock().sleep(timedelta(hours=1))
    raise AssertionError


async def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)


GOOD = saying(200, '{"count": 34, "regions": null}')
FAILURES: dict[str, Answering] = {
    "refused": refusing,
    "silent": hanging,
    "disconnected": broken,
    "no leader": saying(503, "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n"),
    "no leader (7.5)": saying(503, "no leader"),
    "not leader": saying(500, "[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader\n"),
    "redirect failed": saying(500, "[PD:apiutil:ErrRedirect]redirect failed\n"),
    "not bootstrapped": saying(500, '"[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start"\n'),
    "server error": saying(500, '"[PD:server:ErrServerNotStarted]server not started"\n'),
    "too many": saying(429, "Too Many Requests"),
    "garbage": saying(200, "<html>welcome</html>"),
    "other json": saying(200, '{"regions": []}'),
}


def ask(*endpoints: Answering, times: int = 1) -> tuple[list[Told[int] | SubjectError], list[str], float]:
    """Ask PD behind some endpoints; gives the outcomes, who was asked, and the seconds it took."""
    asked: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return await endpoints[int(request.url.host.removeprefix("pd"))](request)

    async def main() -> tuple[list[Told[int] | SubjectError], list[str], float]:
        clock = VirtualClock()
        http = Http(clock, transport=httpx.MockTransport(handle))
        pd = PdClient(http, clock, [f"http://pd{i}:2379" for i in range(len(endpoints))])
        outcomes: list[Told[int] | SubjectError] = []
        began = clock.now()
        for _ in range(times):
            try:
                outcomes.append(await pd.ask("/pd/api/v1/regions/count", wire.to_count, within=WITHIN))
            except SubjectError as e:
                outcomes.append(e)
        await http.close()
        return outcomes, asked, (clock.now() - began).total_seconds()

    return run_virtual(main())


@pytest.mark.parametrize("failure", FAILURES)
def test_the_next_endpoint_is_asked_whatever_fails_at_the_first(failure: str) -> None:
    (outcome,), asked, took = ask(FAILURES[failure], GOOD)
    assert isinstance(outcome, Told)
    assert (outcome.value, outcome.endpoint) == (34, "http://pd1:2379")
    assert asked[0] == "pd0"
    assert took <= 0.5


@pytest.mark.parametrize("failure", FAILURES)
def test_the_last_of_three_endpoints_is_enough(failure: str) -> None:
    (outcome,), _, took = ask(FAILURES[failure], FAILURES[failure], GOOD)
    assert isinstance(outcome, Told)
    assert took <= 1


def test_a_healthy_endpoint_is_the_only_one_asked() -> None:
    _, asked, _ = ask(GOOD, GOOD, GOOD)
    assert asked == ["pd0"]


def test_whoever_hung_is_asked_last_the_next_time() -> None:
    outcomes, asked, took = ask(hanging, GOOD, GOOD, times=3)
    assert all(isinstance(o, Told) for o in outcomes)
    assert asked == ["pd0", "pd1", "pd1", "pd1"]
    assert took == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("failures", "error", "verdict"),
    [
        (("refused", "silent", "no leader"), PdNoLeader, PdVerdict.NO_LEADER),
        (("no leader (7.5)", "refused"), PdNoLeader, PdVerdict.NO_LEADER),
        (("not leader", "not leader"), PdNoLeader, PdVerdict.NO_LEADER),
        (("redirect failed", "refused"), PdNoLeader, PdVerdict.NO_LEADER),
        (("not bootstrapped", "refused"), PdNotBootstrapped, PdVerdict.ANSWER),
        (("refused", "refused"), SubjectUnreachable, PdVerdict.UNREACHABLE),
        (("silent", "silent", "silent"), SubjectUnreachable, PdVerdict.UNREACHABLE),
        (("garbage", "refused"), SubjectNonsense, PdVerdict.UNREACHABLE),
        (("server error",), SubjectUnreachable, PdVerdict.UNREACHABLE),
    ],
)
def test_what_pd_itself_says_outweighs_what_the_network_says(
    failures: tuple[str, ...], error: type[SubjectError], verdict: PdVerdict
) -> None:
    (outcome,), asked, took = ask(*(FAILURES[f] for f in failures))
    assert isinstance(outcome, error)
    assert verdict_of(outcome) is verdict
    assert set(asked) == {f"pd{i}" for i in range(len(failures))}
    assert took <= 4.001


def test_causes_are_told_apart() -> None:
    causes = [o.cause for f in (refusing, hanging) for o in ask(f)[0] if isinstance(o, SubjectError)]
    assert causes == [Cause.REFUSED, Cause.SILENT]


def test_a_clear_no_to_the_question_is_final() -> None:
    (outcome,), asked, _ = ask(saying(404, '"[PD:core:ErrStoreNotFound]store 99 not found"'), GOOD)
    assert isinstance(outcome, SubjectRefused)
    assert "store 99 not found" in str(outcome)
    assert asked == ["pd0"]


# What a real PD answers.


def test_recorded_stores_are_read(recorded: Callable[[str], bytes]) -> None:
    stores = wire.to_stores(recorded("v8.5.5/healthy/stores.json"))
    assert [s.id for s in stores] == [1, 4, 5]
    first = stores[0]
    assert (first.address, first.status_address) == ("127.0.0.1:20160", "127.0.0.1:20180")
    assert first.state is StoreState.UP
    assert first.capacity_bytes is not None
    assert first.available_bytes is not None
    assert 0.9 < first.available_bytes / first.capacity_bytes < 1
    assert first.last_heartbeat is not None
    assert first.last_heartbeat.isoformat() == "2026-11-22T13:34:00.946021+00:00"
    assert first.started is not None
    assert first.started < first.last_heartbeat


def test_a_recorded_disconnected_store_says_so(recorded: Callable[[str], bytes]) -> None:
    states = {s.id: s.state for s in wire.to_stores(recorded("v8.5.5/store_disconnected/stores.json"))}
    assert states == {1: StoreState.UP, 4: StoreState.UP, 5: StoreState.DISCONNECTED}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_recorded_stores_of_a_new_leader_are_read(recorded: Callable[[str], bytes], number: int) -> None:
    stores = wire.to_stores(recorded(f"v8.5.5/leader_killed/stores_new_leader_{number}.json"))
    assert [s.id for s in stores] == [1, 4, 5]
    assert all(s.capacity_bytes is None or s.available_bytes is not None for s in stores)


def test_recorded_members_and_their_leader_are_read(recorded: Callable[[str], bytes]) -> None:
    members = wire.to_members(recorded("v8.5.5/healthy/members.json"))
    assert [m.name for m in members.members] == ["pd0", "pd1", "pd2"]
    assert (members.leader, members.etcd_leader) == ("pd2", "pd2")
    assert members.members[2].client_urls == ("http://127.0.0.1:23793",)
    assert wire.to_members(recorded("v8.5.5/leader_killed/members_new_leader.json")).leader == "pd0"


def test_recorded_health_tells_the_dead_one(recorded: Callable[[str], bytes]) -> None:
    assert set(wire.to_health(recorded("v8.5.5/healthy/health.json")).values()) == {True}
    health = wire.to_health(recorded("v8.5.5/leader_killed/health_one_dead.json"))
    assert [name for name, is_healthy in health.items() if not is_healthy] == ["pd1"]


def test_other_recorded_answers_are_read(recorded: Callable[[str], bytes]) -> None:
    healthy = "v8.5.5/healthy"
    assert wire.to_count(recorded(f"{healthy}/regions_count.json")) == 34
    assert wire.to_replication(recorded(f"{healthy}/config_replicate.json")).max_replicas == 3
    assert "balance-leader-scheduler" in wire.to_names(recorded(f"{healthy}/schedulers.json"))
    assert wire.to_texts(recorded(f"{healthy}/operators.json")) == ()
    assert wire.to_count(recorded(f"{healthy}/regions_check_down-peer.json")) == 0
    assert wire.to_region(recorded(f"{healthy}/region_id_999999.json")).id == 0
    region = wire.to_region(recorded(f"{healthy}/region_id_2.json"))
    assert region.leader is not None
    assert region.leader.store_id in {1, 4, 5}
    down = wire.to_count(recorded("v8.5.5/unhealthy_regions/regions_check_down-peer.json"))
    assert down == 1
    status = wire.to_status(recorded("v8.5.5/quorum_lost/status.json"))
    assert status.version == "8.5.5"
    assert status.started is not None


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("v8.5.5/quorum_lost/members.txt", 500, PdNoLeader),
        ("v8.5.5/quorum_lost_leader_survives/members.txt", 503, PdNoLeader),
        ("v8.5.5/before_bootstrap/stores.json", 500, PdNotBootstrapped),
    ],
)
def test_recorded_refusals_have_the_right_meaning(
    recorded: Callable[[str], bytes], path: str, status: int, error: type[SubjectError]
) -> None:
    (outcome,), _, _ = ask(saying(status, recorded(path).decode()))
    assert isinstance(outcome, error)
