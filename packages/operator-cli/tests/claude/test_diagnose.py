"""``operator diagnose --with``: who is asked, what is shown, what is paid, and what happens when it cannot be."""

import asyncio
import json
import re
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from messages_replies import Failed, Reply, Said
from messages_server import MessagesServer
from messages_shapes import Asked
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock
from operator_core.tickets import TicketId
from operator_ledger import SqlLedger

Run = Callable[..., subprocess.CompletedProcess[str]]
Api = Callable[..., MessagesServer]
Settings = Callable[[str], None]

PASSING = {"retry-after-ms": "1"}


def spent(operator: Run) -> dict[str, Any]:
    done = operator("costs", "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)["result"]


def diagnosed_by(operator: Run) -> str:
    found = json.loads(operator("tickets", "show", "1", "--json").stdout)["result"]["diagnosis"]
    return found["diagnoser"]


def addresses(ledger: Path) -> set[str]:
    """Every address that the recorded cluster advertises."""

    async def read() -> set[str]:
        async with await SqlLedger.open(ledger) as opened:
            (newest,) = await opened.observations(ClusterName("prod"), newest=1)
            return {address for c in newest.components for address in c.addresses.values()}

    return asyncio.run(read())


def asked_once(server: MessagesServer) -> Asked:
    (asked,) = server.calls
    assert server.refused == server.misfits == []
    return asked


@pytest.mark.usefixtures("incident")
class TestWhoIsAsked:
    def test_a_key_in_the_environment_alone_asks_nobody(self, operator: Run, api: Api) -> None:
        server = api()
        assert operator("diagnose", "1").returncode == 0
        assert server.asked == []
        assert diagnosed_by(operator) == "rules"

    def test_the_option_asks_claude_and_its_diagnosis_is_recorded_and_paid(self, operator: Run, api: Api) -> None:
        server = api()
        done = operator("diagnose", "1", "--with", "claude", "--json")
        assert done.returncode == 0, done
        asked_once(server)
        made = json.loads(done.stdout)
        assert made["diagnoser"] == diagnosed_by(operator) == "claude"
        assert "how to reach prod is not known here" in done.stderr
        total = spent(operator)["total"]
        assert (total["investigations"], total["turns"], total["unpriced"]) == (1, 1, 0)
        assert float(total["usd"]) > 0
        assert total["attempts"] == len(server.asked)

    def test_the_settings_ask_claude_and_the_option_comes_before_them(
        self, operator: Run, api: Api, settings: Settings
    ) -> None:
        server = api()
        settings('[claude]\nwith = "claude"\n')
        assert operator("diagnose", "1", "--with", "rules").returncode == 0
        assert server.asked == []
        assert operator("diagnose", "1").returncode == 0
        asked_once(server)

    def test_an_unchanged_ticket_is_not_paid_for_twice_unless_one_says_so(self, operator: Run, api: Api) -> None:
        server = api()
        first = operator("diagnose", "1", "--with", "claude")
        second = operator("diagnose", "1", "--with", "claude")
        assert second.stdout == first.stdout
        assert "not paid for again" in second.stderr
        asked_once(server)
        assert "not paid for" not in operator("diagnose", "1", "--with", "claude", "--again").stderr
        assert len(server.calls) == 2
        assert spent(operator)["total"]["investigations"] == 2

    @pytest.mark.sampled(0)
    def test_while_somebody_else_is_at_it_nothing_is_asked_and_when_he_is_dead_it_is(
        self, operator: Run, api: Api, incident: Path
    ) -> None:
        server = api()
        held = threading.Event()
        over = threading.Event()

        async def hold() -> None:
            async with await SqlLedger.open(incident) as ledger:
                patience = timedelta(seconds=3)
                lease = await ledger.take_ticket(
                    ClusterName("prod"), TicketId(1), holder="another", patience=patience, over=None
                )
                held.set()
                while lease is not None and not over.is_set():
                    await RealClock().sleep(timedelta(milliseconds=200))
                    lease = await ledger.beat(lease)

        other = threading.Thread(target=asyncio.run, args=(hold(),), daemon=True)
        other.start()
        assert held.wait(10)
        done = operator("diagnose", "1", "--with", "claude")
        assert done.returncode == 2
        assert "somebody else asks Claude about ticket 1 at this moment" in done.stderr
        assert server.asked == []
        over.set()
        other.join(10)
        done = operator("diagnose", "1", "--with", "claude")
        assert done.returncode == 0
        assert "waiting for a sign of life" in done.stderr
        asked_once(server)

    def test_both_shows_where_they_agree(self, operator: Run, api: Api) -> None:
        api()
        done = operator("diagnose", "1", "--with", "both")
        assert done.returncode == 0, done
        assert "Beside it, the rules:" in done.stdout
        assert "They agree on what comes first." in done.stdout
        assert operator("tickets", "show", "1").stdout.splitlines()[-1].startswith("By rules, at 2026-01-01 ")
        told = json.loads(operator("diagnose", "1", "--with", "both", "--json").stdout)
        assert told["schema"] == "operator.diagnoses/1"
        assert (told["result"]["agree"], told["result"]["claude"]["diagnoser"]) == (True, "claude")

    def test_a_past_instant_is_for_the_rules(self, operator: Run, api: Api, refused: Callable[..., None]) -> None:
        server = api()
        refused(["diagnose", "1", "--at", "2026-01-01T12:01:30Z", "--with", "claude"], "--at is for the rules alone")
        assert operator("diagnose", "1", "--at", "2026-01-01T12:01:40Z").returncode == 0
        assert server.asked == []


@pytest.mark.usefixtures("incident")
class TestWhenItCannotBeAsked:
    def test_claude_without_a_key_is_refused_in_one_line(self, refused: Callable[..., None]) -> None:
        refused(["diagnose", "1", "--with", "claude"], "ANTHROPIC_API_KEY", "api_key")

    def test_both_without_a_key_says_so_and_the_rules_reason(self, operator: Run) -> None:
        done = operator("diagnose", "1", "--with", "both")
        assert done.returncode == 0
        (line,) = done.stderr.splitlines()
        assert "ANTHROPIC_API_KEY" in line
        assert "the rules alone reason" in line
        assert diagnosed_by(operator) == "rules"

    def test_a_key_that_is_not_valid_fails_claude_in_one_line_and_both_falls_back(
        self, operator: Run, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api()
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-another")
        alone = operator("diagnose", "1", "--with", "claude")
        assert (alone.returncode, alone.stdout) == (4, "")
        assert "not valid" in alone.stderr.splitlines()[-1]
        assert "sk-ant-api03-another" not in alone.stderr
        both = operator("diagnose", "1", "--with", "both")
        assert both.returncode == 0
        assert "Claude could not be asked, the rules alone reason" in both.stderr
        found = spent(operator)
        assert [i["ended"] for i in found["investigations"]] == ["failed", "failed"]

    @pytest.mark.sampled(0)
    @pytest.mark.parametrize(
        ("answer", "ended"),
        [
            (Failed(status=529, type="overloaded_error", headers=PASSING), "unreachable"),
            (Failed(status=500, type="api_error", headers=PASSING), "unreachable"),
            (Reply(blocks=(Said(""),), stop="refusal", category="cyber"), "refusal"),
            (Reply(blocks=(Said("no object"),), breaks_schema=True), "nonsense"),
        ],
        ids=["overloaded", "broken", "refusal", "nonsense"],
    )
    def test_a_model_that_gives_nothing_leaves_the_rules_diagnosis_and_the_exit_code_tells(
        self, operator: Run, api: Api, answer: Failed | Reply, ended: str
    ) -> None:
        api(answer)
        alone = operator("diagnose", "1", "--with", "claude")
        assert alone.returncode == 4
        assert "store 4" in alone.stdout
        assert "this diagnosis is partial" in alone.stderr
        assert diagnosed_by(operator) == "rules"
        assert operator("diagnose", "1", "--with", "both").returncode == 0
        assert {i["ended"] for i in spent(operator)["investigations"]} == {ended}

    def test_what_was_spent_before_a_limit_is_booked(self, operator: Run, api: Api, settings: Settings) -> None:
        api()
        settings("[claude.limits]\nusd = 0.0001\n")
        done = operator("diagnose", "1", "--with", "claude")
        assert done.returncode == 4
        (one,) = spent(operator)["investigations"]
        assert one["ended"] == "limit"
        assert float(one["cost"]["usd"]) <= 0.0001

    def test_a_model_without_a_price_is_refused_for_money_could_not_be_counted(
        self, operator: Run, api: Api, settings: Settings
    ) -> None:
        server = api()
        settings('[claude]\nmodel = "claude-of-tomorrow"\n')
        done = operator("diagnose", "1", "--with", "claude")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()[-1]) < 400
        assert server.calls == []
        settings(
            '[claude]\nmodel = "claude-sonnet-5-5"\n'
            '[claude.prices."claude-sonnet-5-5"]\ntokens_in = 40\ntokens_out = 1\n'
        )
        assert operator("diagnose", "1", "--with", "claude").returncode == 0
        assert float(spent(operator)["total"]["usd"]) > 0.1


def without_nonces(request: dict[str, Any]) -> str:
    return re.sub(r"nonce=[0-9a-f]+", "nonce=N", json.dumps(request, sort_keys=True))


@pytest.mark.usefixtures("incident")
class TestWhatIsSent:
    def test_the_prompt_is_shown_to_the_letter_and_nothing_is_sent(
        self, operator: Run, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = api()
        key = server.key
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        shown = operator("diagnose", "1", "--show-prompt")
        assert shown.returncode == 0, shown
        assert server.asked == []
        assert spent(operator)["investigations"] == []
        monkeypatch.setenv("ANTHROPIC_API_KEY", key)
        operator("diagnose", "1", "--with", "claude")
        sent = dict(asked_once(server).body)
        del sent["stream"]
        assert without_nonces(json.loads(shown.stdout)) == without_nonces(sent)

    def test_the_second_opinion_can_be_kept_back(self, operator: Run, settings: Settings) -> None:
        assert "A second opinion" in operator("diagnose", "1", "--show-prompt").stdout
        settings("[claude]\nsecond_opinion = false\n")
        shown = operator("diagnose", "1", "--show-prompt").stdout
        assert "The case." in shown
        assert "A second opinion" not in shown

    def test_model_effort_and_the_rest_are_those_of_the_settings(
        self, operator: Run, api: Api, settings: Settings
    ) -> None:
        server = api()
        settings('[claude]\nmodel = "claude-opus-5-5"\neffort = "low"\n')
        shown = json.loads(operator("diagnose", "1", "--show-prompt").stdout)
        assert (shown["model"], shown["output_config"]["effort"]) == ("claude-opus-5-5", "low")
        done = operator("diagnose", "1", "--with", "claude")
        assert (done.returncode, server.calls) == (4, [])  # the server knows no such model
        assert "claude-opus-5-5" in done.stderr

    def test_addresses_have_other_names_outside_when_one_wants_it(
        self, operator: Run, api: Api, settings: Settings, incident: Path
    ) -> None:
        hosts = {a.rpartition(":")[0] for a in addresses(incident)}
        assert hosts
        server = api()
        operator("diagnose", "1", "--with", "claude")
        assert any(host in server.calls[0].text for host in hosts)
        settings("[claude]\npseudonyms = true\n")
        assert operator("diagnose", "1", "--with", "claude", "--again").returncode == 0
        assert [host for host in hosts if host.encode() in server.calls[-1].raw] == []
        assert "‹host:a›" in server.calls[-1].text

    def test_a_recording_gives_the_same_without_network_and_money(
        self, operator: Run, api: Api, tmp_path: Path, refused: Callable[..., None]
    ) -> None:
        server = api()
        file = tmp_path / "held.json"
        first = operator("diagnose", "1", "--with", "claude", "--record", str(file))
        assert first.returncode == 0, first
        assert file.stat().st_mode & 0o777 == 0o600
        assert server.key not in file.read_text()
        refused(["diagnose", "1", "--with", "claude", "--record", str(file)], "is there already")
        again = operator("diagnose", "1", "--replay", str(file))
        assert (again.returncode, again.stdout) == (0, first.stdout)
        asked_once(server)
        assert spent(operator)["total"]["investigations"] == 1

    @pytest.mark.sampled(2)
    @pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "investigation-1"}', "\x00\xff"])
    def test_what_is_no_recording_is_refused(self, refused: Callable[..., None], tmp_path: Path, text: str) -> None:
        file = tmp_path / "held.json"
        file.write_text(text, encoding="latin-1")
        refused(["diagnose", "1", "--replay", str(file)], "recording")

    @pytest.mark.sampled(2)
    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (["--replay", "a"], "TICKET"),
            (["1", "--replay", "a", "--with", "claude"], "--replay asks nobody"),
            (["1", "--replay", "missing"], "--replay: missing"),
            (["1", "--with", "claude", "--record", "no/where"], "there is no folder"),
        ],
    )
    def test_options_that_cannot_be_meant_are_refused(
        self, refused: Callable[..., None], arguments: list[str], word: str
    ) -> None:
        refused(["diagnose", *arguments], word)
