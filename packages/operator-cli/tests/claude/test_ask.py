"""``operator ask``: a question about a ticket, answered from readings."""

import json
import subprocess
from collections.abc import Callable

import pytest
from messages_replies import Answer, Failed
from messages_server import MessagesServer
from messages_shapes import Asked
from scripted_minds import claim, closes, seen

Run = Callable[..., subprocess.CompletedProcess[str]]
Api = Callable[..., MessagesServer]


async def answers(asked: Asked) -> Answer:
    """One true statement, one false one."""
    reading = next(r for r in seen(asked) if isinstance(r.value, float))
    true, false = claim(reading, "is", reading.value), claim(reading, "is", 12345.0)
    return closes({"answer": "It was read, and \x1b[31mnothing more.", "claims": [true, false]})


@pytest.mark.usefixtures("incident")
class TestAsk:
    def test_what_a_reading_bears_out_is_told_and_what_none_does_is_struck(self, operator: Run, api: Api) -> None:
        server = api(answers)
        done = operator("ask", "1", "since when?")
        assert done.returncode == 0, done
        assert "It rests on:" in done.stdout
        assert "Struck, for the readings do not bear it out:" in done.stdout
        assert "\x1b" not in done.stdout
        assert any("since when?" in asked.text for asked in server.calls)
        told = json.loads(operator("ask", "1", "since when?", "--json").stdout)
        assert (told["schema"], told["result"]["ended"]) == ("operator.answer/1", "closed")
        assert [len(told["result"][part]) for part in ("claims", "struck")] == [1, 1]
        total = json.loads(operator("costs", "--json").stdout)["result"]["total"]
        assert total["investigations"] == 2

    def test_asked_with_a_note_question_and_answer_stay_with_the_ticket_and_only_then(
        self, operator: Run, api: Api
    ) -> None:
        api(answers)
        assert operator("ask", "1", "since when?").returncode == 0
        assert "since when?" not in operator("timeline", "1").stdout
        done = operator("ask", "1", "since when?", "--note", "--by", "ada", "--json")
        (rests_on,) = (c["readings"] for c in json.loads(done.stdout)["result"]["claims"])
        happened = json.loads(operator("timeline", "1", "--json").stdout)["result"]["happenings"]
        (noted,) = (json.dumps(h) for h in happened if h["what"] == "note")
        for words in ("ada", "Asked Claude: since when?", "It was read", rests_on[0], "1 of its claims were struck"):
            assert words in noted
        assert "since when?" in operator("tickets", "show", "1").stdout

    def test_without_a_key_or_a_question_it_is_refused(self, refused: Callable[..., None], api: Api) -> None:
        refused(["ask", "1", "since when?"], "ANTHROPIC_API_KEY")
        api(answers)
        refused(["ask", "1", "  "], "QUESTION is empty")
        refused(["ask", "7", "since when?"], "there is no ticket 7")

    def test_an_api_that_fails_is_told_by_the_exit_code(self, operator: Run, api: Api) -> None:
        api(Failed(status=500, type="api_error", headers={"retry-after-ms": "1"}))
        done = operator("ask", "1", "since when?")
        assert done.returncode == 4
        assert "It is not whole" in done.stdout
