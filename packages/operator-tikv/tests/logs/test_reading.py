"""What a whole log tells: how a start came about, what repeats told once, and nothing of what is no sign."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.components import ComponentRef
from operator_core.log_events import LogEvent
from operator_tikv.logs import read_log
from operator_tikv.logs.catalogue import MEANINGS, START, STARTS_AFTER_A_STOP, STARTS_AFTER_NONE, Meaning
from operator_tikv.names import PD, STORE

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
FOUR = ComponentRef(STORE, "4")
REAL = Path(__file__).parents[1] / "fixtures" / "pd-logs" / "v8.5.5"


def line(after: float, message: str, level: str = "INFO", fields: str = "") -> str:
    at = T0 + timedelta(seconds=after)
    return f'[{at:%Y/%m/%d %H:%M:%S}.{at.microsecond // 1000:03} +00:00] [{level}] [a.rs:1] ["{message}"] {fields}'


def events(lines: Iterable[str], ref: ComponentRef = FOUR) -> Sequence[LogEvent]:
    return read_log(ref, [list(lines)]).events


def starts(*lines: str) -> list[str]:
    return [e.says for e in events(lines) if e.name == START]


WELCOME, STOPPING = "Welcome to TiKV", "receive signal 15, starting graceful shutdown..."


class TestStarts:
    def test_after_an_orderly_stop_it_just_starts(self) -> None:
        assert starts(line(0, WELCOME), line(50, STOPPING), line(53, "stop raft store thread"), line(60, WELCOME)) == [
            STARTS_AFTER_A_STOP,
            STARTS_AFTER_A_STOP,
        ]

    def test_after_no_stop_it_was_killed_or_crashed(self) -> None:
        assert starts(line(0, WELCOME), line(50, "using config"), line(60, WELCOME)) == [
            STARTS_AFTER_A_STOP,
            STARTS_AFTER_NONE,
        ]

    def test_one_stop_excuses_one_start(self) -> None:
        assert starts(line(0, STOPPING), line(5, WELCOME), line(60, WELCOME)) == [
            STARTS_AFTER_A_STOP,
            STARTS_AFTER_NONE,
        ]

    def test_a_crash_that_was_told_is_not_told_again_by_the_start(self) -> None:
        assert starts(line(0, WELCOME), line(9, "it broke", "FATAL"), line(12, WELCOME)) == [STARTS_AFTER_A_STOP] * 2

    def test_of_the_time_before_the_log_nothing_is_known(self) -> None:
        assert starts(line(0, "use physical memory hook"), line(0.1, WELCOME)) == [STARTS_AFTER_A_STOP]

    def test_but_lines_of_a_life_before_tell_that_it_did_not_stop(self) -> None:
        assert starts(line(0, "using config"), line(300, WELCOME)) == [STARTS_AFTER_NONE]

    @pytest.mark.parametrize(
        "end",
        ["receive signal 1, stopping server...", "receive signal 2, stopping server...", "stop raft store thread"],
    )
    def test_every_orderly_end_excuses_a_start(self, end: str) -> None:
        assert starts(line(0, WELCOME), line(50, end), line(60, WELCOME)) == [STARTS_AFTER_A_STOP] * 2


class TestFiles:
    def test_files_are_read_in_the_order_of_what_is_in_them(self) -> None:
        older, newer = [line(0, WELCOME), line(50, STOPPING)], [line(60, WELCOME), line(61, "using config")]
        told = [read_log(FOUR, parts) for parts in ([older, newer], [newer, older])]
        assert told[0] == told[1]
        assert told[0].first == T0
        assert [e.says for e in told[0].events if e.name == START] == [STARTS_AFTER_A_STOP] * 2

    def test_what_has_no_time_in_a_file_of_its_own_is_dated_by_no_other(self) -> None:
        read = read_log(FOUR, [[line(0, WELCOME)], ["panic: runtime error", "goroutine 1 [running]:"]])
        assert [e.name for e in read.events] == [START]


class TestRepeats:
    def test_what_goes_on_is_one_event_with_its_last_line(self) -> None:
        (told,) = events(line(n * 10, "wait connect timeout", "WARN", "[store_id=5]") for n in range(6))
        assert (told.times, told.at, told.until) == (6, T0, T0 + timedelta(seconds=50))
        assert told.says == "store 5 does not answer its connecting"

    def test_what_comes_back_later_or_is_about_another_is_another_event(self) -> None:
        told = events(
            [
                line(0, "wait connect timeout", "WARN", "[store_id=5]"),
                line(1, "wait connect timeout", "WARN", "[store_id=1]"),
                line(60, "wait connect timeout", "WARN", "[store_id=5]"),
            ]
        )
        assert [e.says for e in told] == [f"store {n} does not answer its connecting" for n in (5, 1, 5)]

    def test_a_clock_that_jumped_back_hides_nothing(self) -> None:
        told = events(line(after, "starting a new election") for after in (3600, 300, 1800))
        assert [(e.times, e.at - T0) for e in told] == [(1, timedelta(seconds=s)) for s in (3600, 300, 1800)]

    def test_each_life_has_crashes_of_its_own(self) -> None:
        lives = ("first", WELCOME, "second", WELCOME, "third")
        told = events(line(2 * n, said, "INFO" if said == WELCOME else "FATAL") for n, said in enumerate(lives))
        assert [(e.name, e.text.split()[0]) for e in told] == [
            ("crash", "first"),
            (START, "Welcome"),
            ("crash", "second"),
            (START, "Welcome"),
            ("crash", "third"),
        ]

    def test_one_death_with_several_last_words_is_one(self) -> None:
        (told,) = events([line(3, "using config"), "panic: nil pointer", "[signal SIGSEGV: segmentation violation]"])
        assert told.times == 1

    def test_starts_are_told_one_by_one(self) -> None:
        assert len(starts(*(line(n, WELCOME) for n in range(5)))) == 5


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda m: f"{m.about}-{m.fragment[:40]}")
def test_every_line_of_the_catalogue_is_known_as_what_it_is(meaning: Meaning) -> None:
    fields = "[leader=a] [prev_leader=b]"
    (told,) = events([line(0, f"{meaning.fragment} 1234", fields=fields)], ComponentRef(meaning.about, "x"))
    assert (told.name, told.level) == (meaning.name, "INFO")


def test_what_is_no_sign_is_passed_over() -> None:
    calm = [line(0, "using config"), line(1, "kv rpc failed"), line(2, "sent snapshot"), "a line without a format"]
    assert read_log(FOUR, [calm]).events == ()
    assert read_log(FOUR, [calm]).lines == 4
    assert events([line(0, WELCOME)], ComponentRef(PD, "pd1")) == (), "what TiKV writes means nothing in PD"


@pytest.mark.parametrize("dying", ["panic: runtime error: index out of range", "fatal runtime error: stack overflow"])
def test_the_last_words_of_a_dying_process_are_heard_though_they_have_no_format(dying: str) -> None:
    (told,) = events([line(3, "using config"), dying, "goroutine 1 [running]:"])
    assert (told.name, told.at, told.text) == ("crash", T0 + timedelta(seconds=3), dying)


def test_what_is_quoted_is_one_line_without_secrets_and_not_long() -> None:
    hostile = line(
        0,
        "it broke",
        "FATAL",
        r'[err="password=hunter2hunter2\n\u001b[31m ignore previous"] [big="' + "x" * 9000 + '"]',
    )
    (told,) = events([hostile])
    assert "hunter2" not in told.text
    assert "\n" not in told.text
    assert len(told.text) <= 300


@pytest.mark.parametrize("field", ['[password="correct horse battery"]', '["db password"="correct horse battery"]'])
def test_a_secret_of_several_words_is_masked_whole(field: str) -> None:
    (told,) = events([line(0, "it broke", "FATAL", field)])
    assert not {"correct", "horse", "battery"} & set(told.text.split())


def test_what_cannot_be_shown_or_kept_is_not_quoted() -> None:
    (told,) = events([line(0, "it broke", "FATAL", r'[err="\u001b[2J \ud800 \u0000 \u202e"]')])
    assert told.text.isprintable()
    told.text.encode("utf-8")


class TestHealth:
    """Lines that are written in health too."""

    def test_an_election_that_the_leader_asked_for_is_none_of_need(self) -> None:
        asked = line(0, "received MsgTimeoutNow from 7 and starts an election", fields="[region_id=2]")
        assert events([asked, line(0.1, "starting a new election", fields="[region_id=2]")]) == ()
        (told,) = events([asked, line(0.1, "starting a new election", fields="[region_id=3]")])
        assert told.name == "election"

    def test_a_new_connection_to_the_same_pd_leader_is_no_change(self) -> None:
        same = "[leader=http://a:1] [prev_leader=http://a:1] [via=]"
        other = "[leader=http://a:1] [prev_leader=http://b:1] [via=]"
        assert events([line(0, "update pd client", fields=same)]) == ()
        assert [e.name for e in events([line(0, "update pd client", fields=other)])] == ["pd-leader-changed"]

    def test_what_a_leader_hears_of_anothers_disk_is_not_its_own(self) -> None:
        assert events([line(0, "reported disk usage changes Normal -> AlmostFull", fields="[region_id=2]")]) == ()
        (told,) = events([line(0, "disk usage Normal->AlmostFull (raft engine usage: Normal)", "WARN")])
        assert told.name == "disk-usage"

    def test_what_pd_only_complains_of_is_no_crash(self) -> None:
        assert events([line(0, "something should not be", "DPANIC")], ComponentRef(PD, "pd1")) == ()


def test_what_it_says_of_a_line_has_no_secrets_either() -> None:
    (told,) = events([line(0, "failed to start server: password=hunter2hunter2", "FATAL")])
    assert told.says.startswith("it cannot start: failed to start server")
    assert "hunter2" not in told.says + told.text


class TestARealPd:
    """Members of PD v8.5.5 that were killed, stopped and started; see the fixture's README."""

    @staticmethod
    def told(name: str) -> Sequence[LogEvent]:
        return events((REAL / f"{name}.log").read_text().splitlines(), ComponentRef(PD, name))

    @pytest.mark.parametrize("name", ["pd1", "pd2", "pd3"])
    def test_every_line_has_the_format(self, name: str) -> None:
        whole = (REAL / f"{name}.log").read_text().splitlines()
        assert read_log(ComponentRef(PD, name), [whole]).lines == len(whole) > 300
        assert len([e for e in self.told(name) if e.name == "crash"]) == 0

    def test_who_was_killed_and_who_was_stopped_is_told_apart(self) -> None:
        begun = {name: [e.says for e in self.told(name) if e.name == START] for name in ("pd1", "pd2", "pd3")}
        assert begun == {
            "pd1": [STARTS_AFTER_A_STOP, STARTS_AFTER_NONE],
            "pd2": [STARTS_AFTER_A_STOP, STARTS_AFTER_A_STOP],
            "pd3": [STARTS_AFTER_A_STOP],
        }
        stops = {name: len([e for e in self.told(name) if e.name == "orderly-stop"]) for name in begun}
        assert stops == {"pd1": 1, "pd2": 2, "pd3": 1}

    def test_who_led_when(self) -> None:
        led = {
            (e.component.id, f"{e.at:%H:%M:%S}")
            for n in ("pd1", "pd2", "pd3")
            for e in self.told(n)
            if e.name == "leads"
        }
        assert led == {("pd1", "06:42:03"), ("pd2", "06:42:20"), ("pd3", "06:42:33")}

    def test_who_changed_a_setting(self) -> None:
        (asked,) = (e for e in self.told("pd3") if e.name == "changed-by-hand")
        assert "SetConfig" in asked.says
        assert [e for e in self.told("pd1") if e.name == "changed-by-hand"] == [], "it was asked of the leader"
