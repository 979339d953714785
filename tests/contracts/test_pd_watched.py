"""What an observer of TiKV makes of a real PD v8.5.5 that has lost its majority: looks on the recorded time lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import pytest
from operator_core.components import CLUSTER, Address, AddressMap
from operator_core.readings import ClusterName, Contact, Observation
from operator_core.runtime import VirtualClock, run_virtual
from operator_tikv import TikvSubject, TikvTargets
from operator_tikv import names as n
from operator_tikv.names import pd_ref

Timeline = Callable[[str], Sequence[dict[str, Any]]]
NAMES: Final = ("pd0", "pd1", "pd2")
ADVERTISED: Final = tuple(Address(f"127.0.0.1:{port}") for port in (23791, 23792, 23793))
REACHED: Final = tuple(Address(f"{name}.example:2379") for name in NAMES)
LOOK_S: Final = 4.5


class Tape:
    """Answers as a survivor did at the same second; the dead are refused, no TiKV listens."""

    def __init__(self, rows: Sequence[dict[str, Any]], dead: Sequence[str], fault_at: datetime) -> None:
        self.clock = VirtualClock(fault_at - timedelta(seconds=2))
        self.asked: set[str] = set()
        self._rows, self._dead, self._fault_at = rows, dead, fault_at

    @property
    def t(self) -> float:
        return (self.clock.now() - self._fault_at).total_seconds()

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.add(request.url.host)
        name = request.url.host.partition(".")[0]
        if name not in NAMES or (name in self._dead and self.t > 0):
            raise httpx.ConnectError("refused", request=request)
        rows = [r for r in self._rows if r["path"] == request.url.path and not r["request_headers"]]
        if not rows:
            return httpx.Response(404, text="404 page not found\n")
        row = [r for r in rows if r["t_s"] <= self.t][-1:] or rows[:1]
        await self.clock.sleep(timedelta(seconds=row[0]["elapsed_s"]))
        return httpx.Response(row[0]["status"], text=row[0]["body"])

    async def dial(self, host: str, port: int, hello: bytes, *, within: timedelta) -> tuple[Contact, bytes]:
        name = host.partition(".")[0]
        if name not in NAMES or (name in self._dead and self.t > 0):
            return Contact.REFUSED, b""
        return Contact.ANSWERED, b"\0\0\0\4\0\0\0\0\0" if hello.startswith(b"PRI") else b"HTTP/1.1 200 OK"


def watch(tape: Tape, at_s: Sequence[float]) -> Sequence[tuple[Observation, float]]:
    """Looks at these seconds after the fault, each with how long it took; only one member is configured."""

    async def main() -> Sequence[tuple[Observation, float]]:
        addresses: Mapping[Address, Address] = dict(zip(ADVERTISED, REACHED, strict=True))
        subject = TikvSubject(
            cluster=ClusterName("real"),
            targets=TikvTargets(pd=(f"http://{REACHED[1]}",), addresses=AddressMap(addresses)),
            clock=tape.clock,
            transport=httpx.MockTransport(tape.handle),
            dialer=tape,
        )
        seen: list[tuple[Observation, float]] = []
        for number, due in enumerate(at_s, 1):
            await tape.clock.sleep(timedelta(seconds=due - tape.t))
            began = tape.t
            seen.append((await subject.observe(number), tape.t - began))
        await subject.close()
        return seen

    return run_virtual(main())


@pytest.fixture(params=["quorum_lost", "quorum_lost_leader_survives"])
def lost(request: pytest.FixtureRequest, timeline: Timeline) -> tuple[str, Tape]:
    """The survivor, and the tape of it."""
    rows = timeline(request.param)
    survivor: str = rows[0]["asked"]
    return survivor, Tape(rows, [p for p in NAMES if p != survivor], datetime.fromisoformat("2026-11-22T13:40:00Z"))


def test_without_a_majority_there_is_no_leader_and_each_member_is_known_for_what_it_is(lost: tuple[str, Tape]) -> None:
    survivor, tape = lost
    (before, _), *after = watch(tape, (-1.5, 6, 11, 16, 21))
    assert before.reading(n.PD_ANSWER, CLUSTER) is not None
    for look, _ in after:
        found = {s: look.reading(s, CLUSTER) for s in (n.PD_ANSWER, n.PD_LEADER, n.PD_MEMBERS_ANSWERING)}
        assert {s: r and r.value for s, r in found.items()} == {
            n.PD_ANSWER: "no leader",
            n.PD_LEADER: n.NO_LEADER,
            n.PD_MEMBERS_ANSWERING: 1.0,
        }
        for name in NAMES:
            contact, health = look.reading(n.PD_CONTACT, pd_ref(name)), look.reading(n.PD_HEALTH, pd_ref(name))
            assert contact is not None
            assert contact.value == ("answered" if name == survivor else "refused")
            assert (health and health.value) == (None if name == survivor else "unhealthy"), (
                "nobody else is there to ask"
            )


def test_a_look_ends_in_time_whatever_the_survivor_does(lost: tuple[str, Tape]) -> None:
    _, tape = lost
    assert max(took for _, took in watch(tape, (-1.5, 0.5, 1.5, 6, 7.3, 12, 17))) <= LOOK_S


def test_members_that_were_only_told_of_are_asked_where_they_can_be_reached(lost: tuple[str, Tape]) -> None:
    _, tape = lost
    watch(tape, (-1.8, -0.2))
    assert {host for host in tape.asked if "pd" in host} == {f"{name}.example" for name in NAMES}
