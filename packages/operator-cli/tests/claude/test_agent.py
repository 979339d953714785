"""``operator agent``: tickets as they come, each by one agent, within a day's money, always diagnosed by somebody."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from messages_replies import Failed, Hangs
from messages_server import MessagesServer
from operator_cli.reasoners import Reasoner
from operator_cli.settings import load
from operator_cli.use_cases.agent import Agent, AgentTerms
from operator_cli.wiring import knowledge
from operator_core.diagnosis import Diagnosis
from operator_core.incidents import JoinTicket, OpenTicket
from operator_core.judgements import InvariantName
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from operator_core.record import DiagnosisMade, Entry
from operator_core.runtime import RealClock
from operator_core.tickets import Ticket, TicketId
from operator_ledger import SqlLedger

Run = Callable[..., subprocess.CompletedProcess[str]]
Api = Callable[..., MessagesServer]
Settings = Callable[[str], None]
Append = tuple[ClusterName, tuple[Entry, ...], Any]


def spent(operator: Run) -> dict[str, Any]:
    return json.loads(operator("costs", "--json").stdout)["result"]


def diagnosers(ledger: Path) -> list[str]:
    """Who diagnosed, in order, as the record has it."""

    async def read() -> list[str]:
        async with await SqlLedger.open(ledger) as opened:
            return [r.entry.diagnosis.diagnoser for r in await opened.history() if isinstance(r.entry, DiagnosisMade)]

    return asyncio.run(read())


@pytest.mark.usefixtures("lasting")
class TestOnce:
    def test_by_the_rules_a_ticket_is_diagnosed_once(self, operator: Run, lasting: Path, api: Api) -> None:
        server = api()
        for _ in range(2):
            assert operator("agent", "--once").returncode == 0
        assert (server.asked, diagnosers(lasting)) == ([], ["rules"])

    def test_by_claude_it_is_diagnosed_and_paid_once(self, operator: Run, lasting: Path, api: Api) -> None:
        server = api()
        done = operator("agent", "--once", "--with", "claude")
        assert done.returncode == 0, done
        assert "ticket 1 of prod, by claude: " in done.stdout
        assert "ticket 1: " in done.stderr
        assert done.stderr.startswith("agent: diagnosing with claude-sonnet-5-5, 20 USD a day at most, 1 at a time\n")
        assert operator("agent", "--once", "--with", "claude").stdout == ""
        assert operator("agent", "--once", "--with", "both").stdout == ""
        assert (len(server.calls), diagnosers(lasting)) == (1, ["claude"])
        assert spent(operator)["total"]["investigations"] == 1

    def test_both_is_the_rules_first_and_then_claude(self, operator: Run, lasting: Path, api: Api) -> None:
        api()
        assert operator("agent", "--once", "--with", "both").returncode == 0
        assert diagnosers(lasting) == ["rules", "claude"]

    def test_what_joins_a_ticket_makes_another_case_of_it(
        self, operator: Run, lasting: Path, api: Api, appends: list[Append]
    ) -> None:
        server = api()
        operator("agent", "--once", "--with", "claude")

        async def join() -> None:
            async with await SqlLedger.open(lasting) as ledger:
                (ticket,) = await ledger.tickets()
                old = ticket.violations[0]
                new = replace(old, key=replace(old.key, invariant=InvariantName("something-else-holds")))
                await ledger.append(
                    ticket.cluster, [JoinTicket(ticket=ticket.id, at=old.opened_at, violation=new)], at=old.opened_at
                )

        asyncio.run(join())
        operator("agent", "--once", "--with", "claude")
        assert len(server.calls) == 2

    def test_without_a_key_the_rules_do_it_and_it_is_said(self, operator: Run, lasting: Path) -> None:
        done = operator("agent", "--once", "--with", "claude")
        assert done.returncode == 0
        assert "ANTHROPIC_API_KEY" in done.stderr
        assert "the rules alone diagnose" in done.stderr
        assert diagnosers(lasting) == ["rules"]

    def test_with_a_key_that_is_not_valid_too(
        self, operator: Run, lasting: Path, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api()
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-another")
        done = operator("agent", "--once", "--with", "claude")
        assert done.returncode == 0
        assert "Claude cannot be asked, the rules alone diagnose" in done.stderr
        assert diagnosers(lasting) == ["rules"]

    def test_when_the_days_money_is_spent_too(self, operator: Run, lasting: Path, api: Api, settings: Settings) -> None:
        server = api()
        settings("[claude]\ndaily_usd = 0.01\n")
        done = operator("agent", "--once", "--with", "claude")
        assert "0.01 USD were spent in the last 24 hours" in done.stderr.replace("\n", " ")
        assert (server.asked, diagnosers(lasting)) == ([], ["rules"])

    def test_of_a_model_whose_price_is_not_known_too(
        self, operator: Run, lasting: Path, api: Api, settings: Settings
    ) -> None:
        server = api()
        settings('[claude]\nmodel = "claude-of-tomorrow"\n')
        done = operator("agent", "--once", "--with", "claude")
        assert "what claude-of-tomorrow costs is not known" in done.stderr
        assert (server.asked, diagnosers(lasting)) == ([], ["rules"])

    def test_an_api_that_fails_leaves_the_rules_diagnosis_and_is_not_asked_for_ever(
        self, operator: Run, lasting: Path, api: Api
    ) -> None:
        server = api(Failed(status=500, type="api_error", headers={"retry-after-ms": "1"}))
        for _ in range(4):
            assert operator("agent", "--once", "--with", "claude").returncode == 0
        assert diagnosers(lasting) == ["rules", "rules"]
        assert [i["ended"] for i in spent(operator)["investigations"]] == ["unreachable"] * 2
        assert len(server.calls) <= 8

    def test_a_record_that_is_not_there_is_refused(self, refused: Callable[..., None]) -> None:
        refused(["agent", "--once", "--ledger", "missing.db"], "there is no file")

    def test_the_settings_say_who(self, operator: Run, lasting: Path, api: Api, settings: Settings) -> None:
        api()
        settings('[claude]\nwith = "claude"\n')
        operator("agent", "--once")
        assert diagnosers(lasting) == ["claude"]


class Heard:
    """Remembers what an agent told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.made: list[tuple[TicketId, str]] = []

    def said(self, text: str) -> None:
        self.lines.append(text)

    def progressed(self, ticket: Ticket, text: str) -> None:
        self.lines.append(f"{ticket.id}: {text}")

    def diagnosed(self, ticket: Ticket, diagnosis: Diagnosis, remark: str) -> None:
        self.made.append((ticket.id, diagnosis.diagnoser))


@pytest.mark.sampled(0)
def test_several_agents_at_once_never_do_the_same_ticket(lasting: Path, api: Api, settings: Settings) -> None:
    """Five tickets, three agents with two hands each: five investigations."""
    server = api()

    async def story() -> list[Heard]:
        async with await SqlLedger.open(lasting) as ledger:
            (ticket,) = await ledger.tickets()
            first = ticket.violations[0]
            for n in range(4):
                key = replace(first.key, invariant=InvariantName(f"another-holds-{n}"))
                entry = OpenTicket(cluster=ticket.cluster, at=first.opened_at, violations=(replace(first, key=key),))
                await ledger.append(ticket.cluster, [entry], at=first.opened_at)
        heard = [Heard() for _ in range(3)]

        async def one(shows: Heard) -> None:
            async with await SqlLedger.open(lasting) as ledger:
                terms = AgentTerms(reasoner=Reasoner.CLAUDE, parallel=2, once=True)
                await Agent(ledger, load(), terms, shows, known=knowledge(), clock=RealClock()).work()

        async with asyncio.TaskGroup() as tasks:
            for shows in heard:
                tasks.create_task(one(shows))
        return heard

    heard = asyncio.run(story())
    made = sorted(m for h in heard for m in h.made)
    assert made == [(TicketId(n), "claude") for n in range(1, 6)]
    assert len(server.calls) == 5


@pytest.mark.sampled(0)
def test_an_agent_that_is_terminated_gives_its_ticket_up_within_a_second(
    lasting: Path, api: Api, tmp_path: Path
) -> None:
    api(Hangs())
    began = subprocess.Popen(
        [str(Path(sys.executable).with_name("operator")), "agent", "--with", "claude", "--once"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ.copy(),
        cwd=tmp_path,
    )

    def lease() -> Lease | None:
        async def read() -> Lease | None:
            async with await SqlLedger.open(lasting) as ledger:
                return await ledger.ticket_lease(ClusterName("prod"), TicketId(1))

        return asyncio.run(read())

    with began:
        clock = RealClock()
        end = clock.now() + timedelta(seconds=30)
        while lease() is None and clock.now() < end:
            assert began.poll() is None, began.stderr and began.stderr.read()
        assert lease() is not None
        asked = clock.now()
        began.send_signal(signal.SIGTERM)
        assert began.wait(10) == 130
        assert clock.now() - asked < timedelta(seconds=1.5)  # a second, on a machine that may be busy
    assert lease() is None
