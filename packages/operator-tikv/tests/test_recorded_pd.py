"""What a real PD v8.5.5 said, second by second, while its leader was killed or frozen: the same looks, on that tape."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from operator_core.components import CLUSTER
from operator_core.decide import OpenViolation, Tracked, decide, follow, settle
from operator_core.judgements import JudgementKey, judge
from operator_core.readings import ClusterName, Contact, Observation
from operator_core.runtime import VirtualClock, run_virtual
from operator_tikv import KNOWLEDGE, TikvSubject, TikvTargets
from operator_tikv import names as n
from operator_tikv.names import pd_ref


class Tape:
    """Plays a recorded time line back: what was asked last before now is what is answered now."""

    def __init__(self, recorded: list[dict[str, Any]], old_leader: str, contact: Contact, fault_at: datetime) -> None:
        self.clock = VirtualClock(fault_at - timedelta(seconds=1))
        self._fault_at = fault_at
        self._old = old_leader
        self._contact = contact
        by_place = {(r["asked"], r["path"], r["t_s"]): r for r in recorded}

        def body_of(record: dict[str, Any]) -> str:
            same = record.get("same_body_as") or record.get("same_but_order_as")
            return record["body"] if same is None else body_of(by_place[same["asked"], same["path"], same["t_s"]])

        self._records: dict[tuple[str, str], list[tuple[float, float, int | None, str]]] = {}
        for r in recorded:
            if r["request_headers"]:
                continue
            answer = (r["t_s"], r["elapsed_s"], r.get("status"), body_of(r))
            self._records.setdefault((r["asked"], r["path"]), []).append(answer)

    @property
    def t(self) -> float:
        return (self.clock.now() - self._fault_at).total_seconds()

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.port is None or not 23791 <= request.url.port <= 23793:
            raise httpx.ConnectError("no TiKV ran", request=request)
        name = f"pd{request.url.port - 23791}"
        if name == self._old and self.t > 0:
            if self._contact is Contact.REFUSED:
                raise httpx.ConnectError("refused", request=request)
            await self.clock.sleep(timedelta(hours=1))
        records = self._records.get((name, request.url.path), [])
        if not records and name == self._old:  # little was asked of it; before the fault all say the same
            records = next((r for (_, path), r in self._records.items() if path == request.url.path), records)
        at = [r for r in records if r[0] <= self.t] or records[:1]
        if not at:
            return httpx.Response(404, text="404 page not found\n")
        _, elapsed, status, body = at[-1]
        await self.clock.sleep(timedelta(seconds=elapsed))
        if status is None:
            raise httpx.ReadTimeout("recorded", request=request)
        return httpx.Response(status, text=body)

    async def dial(self, host: str, port: int, hello: bytes, *, within: timedelta) -> tuple[Contact, bytes]:
        assert host == "127.0.0.1"
        if port == 23791 + int(self._old[2:]) and self.t > 0:
            if self._contact is Contact.SILENT:
                await self.clock.sleep(within)
            return self._contact, b""
        return Contact.ANSWERED, b"\0\0\0\4\0\0\0\0\0" if hello.startswith(b"PRI") else b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("phase", [0.3, 1.6, 2.9, 4.2, 4.9])
@pytest.mark.parametrize(
    ("situation", "old", "contact"),
    [("leader_killed", "pd1", Contact.REFUSED), ("leader_paused", None, Contact.SILENT)],
)
def test_a_real_loss_of_the_leader_is_seen_in_time_and_of_the_right_member(
    recorded: Callable[[str], bytes], situation: str, old: str | None, contact: Contact, phase: float
) -> None:
    tape_records: list[dict[str, Any]] = json.loads(recorded(f"v8.5.5/{situation}/timeline.json"))
    leader = old or next(r["asked"] for r in tape_records if r["asked_role"] == "old leader")
    beats = next(r["body"] for r in tape_records if r["path"].endswith("/stores") and r["t_s"] < 0 and "body" in r)
    newest = max(s["store"]["last_heartbeat"] for s in json.loads(beats)["stores"]) / 1e9
    tape = Tape(tape_records, leader, contact, datetime.fromtimestamp(newest + 2, UTC))

    async def main() -> tuple[dict[tuple[str, object], float], list[Observation]]:
        targets = TikvTargets(pd=tuple(f"http://127.0.0.1:{p}" for p in (23791, 23792, 23793)))
        subject = TikvSubject(
            cluster=ClusterName("real"),
            targets=targets,
            clock=tape.clock,
            transport=httpx.MockTransport(tape.handle),
            dialer=tape,
        )
        seen, opened = list[Observation](), dict[tuple[str, object], float]()
        tracked: dict[JudgementKey, Tracked] = {}
        begin = -0.9
        for number, due in enumerate([begin, *(phase + 5 * i for i in range(5))], 1):
            await tape.clock.sleep(timedelta(seconds=due - tape.t))
            seen.append(await subject.observe(number))
            judgements = judge(KNOWLEDGE.invariants, seen[-1])
            tracked = follow(tracked, judgements)
            commands = tuple(decide(tracked, judgements, now=seen[-1].at))
            tracked = settle(tracked, commands)
            for command in commands:
                if isinstance(command, OpenViolation):
                    key = command.violation.key
                    opened.setdefault((key.invariant, key.component), tape.t)
        return opened, seen

    opened, seen = run_virtual(main())
    leaders = [r.value for o in seen if (r := o.reading(n.PD_LEADER, CLUSTER)) is not None]
    assert leaders[0] == leader
    assert leaders[-1] not in (leader, n.NO_LEADER)
    about_pd = {key: at for key, at in opened.items() if key[0].startswith("pd-")}
    assert about_pd
    assert min(about_pd.values()) <= 15
    assert {c for _, c in about_pd} == {pd_ref(leader)}
    assert not [i for i, _ in opened if i.startswith(("store-", "raft-", "regions-"))], "stores flicker at a new leader"
