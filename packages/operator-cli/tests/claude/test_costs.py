"""``operator costs``: what it took, put together from what was written down on the way."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from messages_server import MessagesServer
from operator_cli.use_cases.costing import CUT_OFF, costs_of
from operator_cli.use_cases.investigating import Bill
from operator_core.readings import ClusterName
from operator_core.record import InvestigationPaid
from operator_core.runtime import VirtualClock, run_virtual
from operator_diagnosis.claude import Spent
from operator_ledger import MemoryLedger, SqlLedger

NORTH = ClusterName("north")
Run = Callable[..., subprocess.CompletedProcess[str]]
Api = Callable[..., MessagesServer]

CALL = Spent(
    attempts=1, turns=1, tokens_in=100, tokens_out=20, cache_read=3000, usd=Decimal("0.01"), wall=timedelta(seconds=2)
)


def test_what_was_booked_on_the_way_is_one_investigation_also_when_it_was_cut_off() -> None:
    async def story() -> tuple[InvestigationPaid, ...]:
        ledger, clock = MemoryLedger(), VirtualClock()
        bills = [Bill(ledger, NORTH, model=model, case="c", ticket=None, clock=clock) for model in ("a", "a", "b")]
        for each in (CALL, CALL, CALL):
            for bill in bills:
                await bill.book(each)
            await clock.sleep(timedelta(seconds=1))
        await bills[0].close("closed")
        await bills[2].book(Spent(attempts=1, usd=None))
        await bills[2].close("limit")
        return await ledger.paid()

    found = costs_of(run_virtual(story()))
    assert [(i.model, i.ended) for i in found.investigations] == [("a", "closed"), ("a", CUT_OFF), ("b", "limit")]
    assert [i.cost.usd for i in found.investigations] == [Decimal("0.03")] * 3
    assert [i.cost.unpriced for i in found.investigations] == [0, 0, 1]
    total = found.total
    assert (total.investigations, total.attempts, total.turns, total.cache_read) == (3, 10, 9, 27_000)
    assert (total.usd, total.wall) == (Decimal("0.09"), timedelta(seconds=18))
    assert {m: c.investigations for m, c in found.by_model.items()} == {"a": 2, "b": 1}


@pytest.mark.usefixtures("incident")
class TestShown:
    def test_nothing_spent_is_said(self, operator: Run) -> None:
        assert operator("costs").stdout == "nothing was spent\n"
        assert operator("costs", "--since", "1h").stdout == "nothing was spent since then\n"

    def test_each_investigation_and_each_model_has_a_line(self, operator: Run, api: Api, incident: Path) -> None:
        api()
        operator("diagnose", "1", "--with", "claude")
        shown = operator("costs", "--since", "1h").stdout.splitlines()
        assert shown[0].split()[:5] == ["began", "ticket", "cluster", "model", "ended"]
        assert shown[1].split()[3:7] == ["1", "prod", "claude-sonnet-5-5", "closed"]
        assert "prices of 2026-" in shown[-1]

        async def book() -> None:
            async with await SqlLedger.open(incident) as ledger:
                bill = Bill(ledger, ClusterName("prod"), model="of-tomorrow", case="c", ticket=None)
                await bill.book(Spent(attempts=1, usd=None))

        asyncio.run(book())
        found = json.loads(operator("costs", "--json").stdout)["result"]
        assert found["total"]["unpriced"] == 1
        assert [i["ended"] for i in found["investigations"]] == ["closed", CUT_OFF]
        assert "?" in operator("costs").stdout

    def test_what_is_no_instant_is_refused(self, refused: Callable[..., None]) -> None:
        refused(["costs", "--since", "soon"], "--since is 'soon'")
