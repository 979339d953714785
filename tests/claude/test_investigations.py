"""Scripted models end to end: what is shown, what is offered, and what is booked come out as they must."""

from __future__ import annotations

import re
from datetime import timedelta

from investigating import Held, investigate
from messages_replies import Answer
from messages_shapes import Asked
from operator_core.diagnosis import Standing
from operator_core.errors import ConfigurationError, LedgerError, SubjectRefused
from operator_core.readings import by_id
from operator_core.verify import verify
from operator_diagnosis.claude import Ended, Limits, Recording, replay
from scripted_minds import (
    asks,
    claim,
    closes,
    closing,
    evidence,
    good_closing,
    hypothesis,
    in_turn,
    investigates_well,
    of,
    seen,
    step,
)
from toy_incident import KNOWLEDGE, NODES, SICK, ToyProber, incident

OPTIONS = {o.name for t in KNOWLEDGE.modes for o in t.options} | {o.name for o in KNOWLEDGE.unknown}


def asserted_sound(held: Held) -> None:
    """What holds of every diagnosis, whatever the model was like."""
    diagnosis = held.asserted_good().diagnosis
    recorded = by_id(incident().observations) | {r.id: r for r in held.result.readings}
    assert verify(diagnosis.claims(), recorded).struck == ()
    assert {o.name for o in diagnosis.options} <= OPTIONS
    assert diagnosis.recommended in {o.name for o in diagnosis.options}
    assert sum(s.attempts for s in held.booked) == len(held.server.asked) == held.result.spent.attempts


async def test_a_good_investigation_closes_with_claims_that_hold() -> None:
    held = await investigate(investigates_well)
    asserted_sound(held)
    diagnosis = held.diagnosis
    assert (held.result.ended, held.result.is_partial) == (Ended.CLOSED, False)
    assert (diagnosis.first.mode, diagnosis.first.components) == ("slow-disk", (SICK,))
    assert diagnosis.struck == ()
    assert [e.standing for e in diagnosis.first.evidence] == [Standing.FOR] * 4
    assert all(step.is_supported for step in diagnosis.path)
    assert {"p1.1"} < {i for c in diagnosis.claims() for i in c.readings}
    assert diagnosis.recommended == "move-work"
    assert held.result.opinion is not None
    assert held.result.opinion.agrees


async def test_what_is_done_can_be_followed() -> None:
    held = await investigate(investigates_well)
    assert [line for line in held.told if line.startswith("reading")] == [
        "reading disk-now of component node/2 …",
        "reading disk-now of component node/1 …",
    ]
    assert all(line.isprintable() for line in held.told)


async def test_every_call_is_answered_in_order_and_was_kept_before_it_was_shown() -> None:
    calls = [("disk-now", {"component": n.key}) for n in (*NODES, *NODES[:1])]
    held = await investigate(in_turn(asks(*calls), investigates_well))
    asserted_sound(held)
    told = held.server.calls[1].results
    asked = [b["id"] for b in held.server.calls[1].messages[1]["content"] if b["type"] == "tool_use"]
    assert [r["tool_use_id"] for r in told] == asked
    assert ["p1.1 " in told[0]["content"], "p4.1 " in told[3]["content"], "p5" in told[4]["content"]] == [
        True,
        True,
        False,
    ]
    prober = held.prober
    assert isinstance(prober, ToyProber)
    assert len(prober.asked) == 4


async def test_the_prefix_is_read_from_the_cache() -> None:
    held = await investigate(investigates_well)
    first, second = (m["usage"] for m in held.server.replied)
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"] > 1000
    assert held.result.spent.cache_read == second["cache_read_input_tokens"]
    assert held.result.spent.usd is not None
    assert held.result.spent.usd > 0


async def test_false_citations_go_back_once_and_are_then_struck() -> None:
    async def cites_falsely(asked: Asked) -> Answer:
        readings = seen(asked)
        disk, queue = of(readings, "disk_wait", "node/2"), of(readings, "queue", "node/2")
        return closes(
            closing(
                hypothesis(
                    "slow-disk",
                    ["node/2"],
                    0.9,
                    evidence("its disk lets wait for long", claim(disk[-1], "is above", 0.05)),
                    evidence("it waited 95 s", claim(disk[-1], "is", 95.0)),
                    evidence("node 1 is slow too", claim(disk[-1], "is above", 0.05, component="node/1")),
                    evidence("its queue shrank", claim(queue[0], "falls by at least", 10, queue[-1])),
                    evidence("it was seen before", claim(disk[-1], "is above", 0.05, readings=["o99.1"])),
                ),
                summary="The disk of node 2 waited for 95 s, and node 3 is down (o99.1).",
            )
        )

    held = await investigate(cites_falsely)
    asserted_sound(held)
    assert len(held.server.calls) == 2
    repair = held.server.calls[1].messages[-1]["content"][-1]["text"]
    assert all(what in repair for what in ("reading o99.1 is not in the record", "not node 1", "says 0.85"))
    first = held.diagnosis.first
    assert len(held.diagnosis.struck) == 4
    assert [e.standing for e in first.evidence] == [Standing.FOR] + [Standing.MISSING] * 4
    assert not [word for word in ("95", "node 3", "o99") if word in held.diagnosis.summary]


async def test_what_is_mended_when_it_goes_back_is_not_struck() -> None:
    async def mends(asked: Asked) -> Answer:
        readings = seen(asked)
        wrong = claim(of(readings, "queue", "node/2")[-1], "is", 7.0)
        more = [] if "Code checked" in asked.text else [evidence("its queue is 7", wrong)]
        return closes(good_closing(readings, more=more))

    held = await investigate(mends)
    asserted_sound(held)
    assert (len(held.server.calls), held.diagnosis.struck, held.result.ended) == (2, (), Ended.CLOSED)


async def test_a_right_answer_with_false_causes_loses_its_causes() -> None:
    async def is_right_for_wrong_reasons(asked: Asked) -> Answer:
        readings = seen(asked)
        told = good_closing(readings)
        disk, queue = (
            [claim(r[0], "rises by at least", b, r[-1])]
            for r, b in (
                (of(readings, "disk_wait", "node/2"), 0.5),
                (of(readings, "queue", "node/2"), 50),
            )
        )
        told["path"] = [
            step("the long queue made the disk slow", queue, disk),
            step("the disk made itself slow", disk, disk),
        ]
        return closes(told)

    held = await investigate(is_right_for_wrong_reasons)
    asserted_sound(held)
    assert held.diagnosis.first.mode == "slow-disk"
    assert [s.is_supported for s in held.diagnosis.path] == [False, False]
    assert all("not supported" in s.says for s in held.diagnosis.path)


async def test_a_model_that_asks_the_same_again_is_stopped() -> None:
    words = ("node/2", "node/2 ", "Node/2", "NODE/2", "node/02")

    async def loops(asked: Asked) -> Answer:
        if asked.body["tool_choice"]["type"] == "none":
            return await investigates_well(asked)
        return asks(("disk-now", {"component": words[asked.number % len(words)]}))

    held = await investigate(loops)
    asserted_sound(held)
    prober = held.prober
    assert isinstance(prober, ToyProber)
    assert len(prober.asked) == 1
    assert len(held.server.calls) <= 6
    assert held.result.ended is Ended.CLOSED


async def test_a_model_that_never_closes_ends_at_a_limit_with_what_the_rules_say() -> None:
    held = await investigate(_asks_on, limits=Limits(turns=5))
    asserted_sound(held)
    assert (held.result.ended, held.result.is_partial) == (Ended.LIMIT, True)
    assert len(held.server.calls) == 5
    assert held.server.calls[-1].body["tool_choice"] == {"type": "none"}
    assert held.diagnosis.first.mode == "slow-disk"
    assert "Partial" in held.diagnosis.summary
    assert "5 turns" in held.result.because


async def _asks_on(asked: Asked) -> Answer:
    return asks(
        ("disk-now", {"component": NODES[asked.number % 4].key}),
        ("log-tail", {"component": NODES[asked.number % 4].key}),
    )


async def test_forbidden_things_are_refused_and_nothing_is_changed() -> None:
    forbidden = asks(
        ("wipe", {"node": "2"}),
        ("disk-now", {"component": "node/2; rm -rf /"}),
        ("disk-now", {"component": "node/2", "force": True}),
        ("bash", {"command": "cat /etc/passwd"}),
        ("disk-now", {}),
        breaks_schema=True,
    )
    wanted = {"recommended": "wipe"}

    async def closes_with_forbidden(asked: Asked) -> Answer:
        return closes(good_closing(seen(asked)) | wanted)

    held = await investigate(in_turn(forbidden, closes_with_forbidden))
    asserted_sound(held)
    results = held.server.calls[1].results
    assert [r.get("is_error") for r in results] == [True] * 5
    assert not [r for r in results for word in ("secret", "toml", "Error", "Traceback", "/etc") if word in r["content"]]
    assert held.diagnosis.recommended == "move-work"
    assert "wipe" not in {o.name for o in held.diagnosis.options}
    assert "would choose another" in held.diagnosis.because


async def test_an_option_that_is_none_is_not_offered() -> None:
    async def invents(asked: Asked) -> Answer:
        return closes(good_closing(seen(asked)) | {"recommended": "drop-all-tables"}, breaks_schema=True)

    held = await investigate(invents)
    asserted_sound(held)
    assert held.diagnosis.recommended == "move-work"


async def test_what_a_probe_cannot_do_is_told_in_our_own_words() -> None:
    for failure in (
        ConfigurationError("see /etc/toys/secret.toml"),
        LedgerError("disk full at /var/lib/secret"),
        SubjectRefused("503 from http://10.0.0.1/secret"),
    ):
        held = await investigate(
            in_turn(asks(("disk-now", {"component": "node/1"})), investigates_well), prober=ToyProber(fails=failure)
        )
        asserted_sound(held)
        told = held.server.calls[1].results[0]
        assert told["is_error"]
        assert not [w for w in ("toml", "/var/lib", "10.0.0.1") for call in held.server.calls if w in call.text]
        assert held.result.ended is Ended.CLOSED


async def test_the_rules_opinion_can_be_kept_back_and_disagreement_is_shown() -> None:
    async def disagrees(asked: Asked) -> Answer:
        heat = of(seen(asked), "heat", "node/1")
        hot = evidence("it gets warmer", claim(heat[0], "rises by at least", 0.5, heat[-1]))
        return closes(
            closing(hypothesis("overheated", ["node/1"], 0.7, hot), recommended="restart", summary="It is hot.")
        )

    with_rules, without = await investigate(disagrees), await investigate(disagrees, second=False)
    for held in (with_rules, without):
        asserted_sound(held)
    assert "A second opinion" in with_rules.server.calls[0].text
    assert "A second opinion" not in without.server.calls[0].text
    assert with_rules.result.opinion is not None
    assert not with_rules.result.opinion.agrees
    assert "The rules disagree" in with_rules.diagnosis.summary
    assert without.result.opinion is None


async def test_without_a_prober_only_the_record_can_be_asked() -> None:
    async def looks_up(asked: Asked) -> Answer:
        if asked.number == 0:
            assert [t["name"] for t in asked.tools] == ["look-into-the-record"]
            return asks(("look-into-the-record", {"signal": "heard_after", "component": "node/3"}))
        assert "heard_after of node/3 toward node/1" in asked.results[0]["content"]
        return closes(good_closing(seen(asked)))

    held = await investigate(looks_up, has_prober=False)
    asserted_sound(held)
    assert held.result.ended is Ended.CLOSED


def _without_nonces(text: str) -> str:
    return re.sub(r"nonce=[0-9a-f]{24}", "nonce=", text)


async def test_a_recording_gives_the_same_without_a_network() -> None:
    held = await investigate(in_turn(asks(("log-tail", {"component": "node/2"})), investigates_well))
    text = held.result.recording.to_json()
    again = await replay(Recording.from_json(text), incident())
    assert again.diagnosis == held.diagnosis
    assert (again.ended, again.because, again.spent) == (held.result.ended, held.result.because, held.result.spent)
    assert _without_nonces(again.recording.to_json()) == _without_nonces(text)
    assert held.server.key not in text


async def test_a_question_is_answered_with_the_same_grounding() -> None:
    async def answers(asked: Asked) -> Answer:
        disk = of(seen(asked), "disk_wait", "node/2")
        told = {
            "answer": "The disk of node 2 let wait 0.85 s, which is 99 times too long for node 3.",
            "claims": [claim(disk[-1], "is above", 0.05), claim(disk[-1], "is", 7.0)],
        }
        return closes(told)

    held = (await investigate(answers, question="Why node 2? password=hunter2hunter2")).asserted_good()
    assert held.answered is not None
    assert held.answered.says == "The disk of node 2 let wait 0.85 s, which is [struck] times too long for [struck]."
    assert (len(held.answered.claims), len(held.answered.struck)) == (1, 1)
    assert "Why node 2?" in held.server.calls[0].text
    assert not [call for call in held.server.asked if b"hunter2" in call.raw]


async def test_a_dead_line_is_kept_by_the_clock() -> None:
    held = await investigate(investigates_well, limits=Limits(wall=timedelta(0)))
    assert (held.result.ended, held.server.calls) == (Ended.LIMIT, [])
