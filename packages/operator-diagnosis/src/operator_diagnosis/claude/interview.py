"""The conversation with the model: one request after the other until it closes, or until something ends it.

Every request is weighed against the budget before it is sent, each repetition again. What ends an interview is told
by :class:`Closed`; nothing that a model or a network can do raises.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, Generic, TypeVar

from operator_core.redaction import redact, redact_text

from operator_diagnosis.claude import instructions, layout
from operator_diagnosis.claude.budget import Budget, Room, tokens_of
from operator_diagnosis.claude.failures import Failure, FailureKind, pause
from operator_diagnosis.claude.json_values import Json, as_list, as_object, as_text
from operator_diagnosis.claude.limits import Spent
from operator_diagnosis.claude.line import Delivery, Line
from operator_diagnosis.claude.results import Ended
from operator_diagnosis.claude.spoken import one_line
from operator_diagnosis.claude.task import SHOWN, Read, Task
from operator_diagnosis.claude.toolbox import Toolbox
from operator_diagnosis.outward import Outward

T = TypeVar("T")

PAUSES = 5
"""How often a turn may be paused by the API and taken up again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What stays the same on every turn.

    Attributes:
        most: what the model writes at most in one answer; None where it does not say.
    """

    model: str
    effort: str | None
    system: Sequence[Json]
    tools: Sequence[Json]
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Generic[T]):
    """How an interview ended.

    Attributes:
        value: the best that the model has given; None when it gave nothing that could be read.
        because: one line for a person.
        failure: what stood in the way, where it was on the way to the API.
    """

    ended: Ended
    because: str
    value: T | None = None
    is_usable: bool = False
    failure: Failure | None = None


class Interview(Generic[T]):
    """One conversation about one task."""

    def __init__(
        self,
        *,
        line: Line,
        terms: Terms,
        task: Task[T],
        toolbox: Toolbox,
        budget: Budget,
        outward: Outward,
        told: Callable[[str], None],
        book: Callable[[Spent], Awaitable[None]],
    ) -> None:
        self._line = line
        self._terms = terms
        self._task = task
        self._schema = task.schema
        self._toolbox = toolbox
        self._budget = budget
        self._outward = outward
        self._told = told
        self._book = book
        self._messages: list[dict[str, Any]] = []
        self._known_tokens = 0
        self._known_letters = 0
        self._best: Read[T] | None = None
        self._is_closing = False
        self._is_repaired = self._is_malformed = self._was_cut = False
        self._pauses = 0

    async def hold(self, opening: str) -> Closed[T]:
        """Hold the conversation to its end."""
        self._say(opening)
        while True:
            room = self._budget.room(sending=self._sending())
            if room.is_none:
                return self._ended(Ended.LIMIT, f"the budget is used up: {room.because}")
            if (room.is_last or self._toolbox.repeats.are_too_many) and not self._is_closing:
                self._is_closing = True
                self._say(instructions.CLOSE_NOW)
            delivery = await self._delivered(room)
            if delivery is None:
                continue  # what was spent on trying again has left no room
            if delivery.message is None:
                return self._failed(delivery.failure)
            closed = await self._heard(delivery.message, delivery.used)
            if closed is not None:
                return closed

    async def _delivered(self, room: Room) -> Delivery | None:
        """The message, or the failure that trying again did not mend; None when the budget allows no further try."""
        self._told(f"asking {self._terms.model}, turn {self._budget.spent.turns + 1} …")
        for tried in count(1):
            left = self._left()
            delivery = await self._line.send(self._request(room), within=left, heard=self._hear)
            await self._book(self._budget.book(delivery.used))
            if delivery.failure is None:
                return delivery
            wait = pause(delivery.failure, tried=tried, left=self._left())
            if wait is None:
                return delivery
            self._told(f"{one_line(str(delivery.failure))}; again in {wait.total_seconds():g} s …")
            self._budget.book(Spent(wall=await self._line.rest(wait)))
            room = self._budget.room(sending=self._sending())
            if room.is_none:
                return None
        return None

    def _request(self, room: Room) -> dict[str, Any]:
        terms = self._terms
        return layout.request(
            model=terms.model,
            effort=terms.effort,
            system=terms.system,
            tools=terms.tools,
            schema=self._schema,
            messages=self._messages,
            max_tokens=room.answer_tokens if terms.most is None else min(room.answer_tokens, terms.most),
            may_ask=not self._is_closing,
        )

    async def _heard(self, message: Json, used: Spent) -> Closed[T] | None:
        """What a message means for what comes next; None when the conversation goes on."""
        content = [as_object(block) for block in as_list(message.get("content"))]
        calls = [block for block in content if block.get("type") == "tool_use"]
        match message.get("stop_reason"):
            case "tool_use" | "pause_turn" if calls:
                self._answered(content, used)
                results, took = await self._toolbox.answer(calls, within=self._left(), may_ask=not self._is_closing)
                self._budget.book(Spent(wall=took))
                self._messages.append({"role": "user", "content": results})
                return None
            case "pause_turn" if _can_go_back(content) and self._pauses < PAUSES:
                self._pauses += 1
                self._answered(content, used)
                return None
            case "refusal":
                return self._ended(Ended.REFUSAL, _refusal(as_object(message.get("stop_details"))))
            case "model_context_window_exceeded":
                return self._ended(Ended.CONTEXT, "the conversation no longer fits the model")
            case "max_tokens":
                return self._cut()
            case _:
                return self._closing(content, used)

    def _cut(self) -> Closed[T] | None:
        """An answer that was cut off is left out of the conversation: half a call, or half an object, helps nobody."""
        if self._was_cut:
            return self._ended(Ended.CUT, "the answer was cut off at its longest, twice")
        self._was_cut = True
        self._say(instructions.TOO_LONG)
        return None

    def _closing(self, content: list[dict[str, Any]], used: Spent) -> Closed[T] | None:
        text = "".join(as_text(block.get("text")) for block in content if block.get("type") == "text")
        read = self._task.read(redact_text(self._outward.restored(text)).value, self._toolbox.asked)
        if read.value is None:
            if self._is_malformed:
                return self._ended(Ended.NONSENSE, "the closing object could not be read, twice")
            self._is_malformed = True
            self._told("the closing object could not be read; asking for it once more …")
            self._back(content, used, f"{instructions.MALFORMED} {'; '.join(read.problems[:SHOWN])}")
            return None
        self._best = _better(self._best, read)
        if not read.problems or self._is_repaired:
            return self._ended(Ended.CLOSED, "the model has closed")
        self._is_repaired = True
        self._told(f"{len(read.problems)} things do not hold; giving them back once …")
        faults = list(dict.fromkeys(read.problems))
        lines = [*faults[:SHOWN], *(["and more of the kind"] if len(faults) > SHOWN else [])]
        fenced = "\n".join(layout.fences(lines, self._outward, source="the check of the closing object"))
        self._back(content, used, f"{instructions.TO_REPAIR}\n\n{fenced}")
        return None

    def _back(self, content: list[dict[str, Any]], used: Spent, text: str) -> None:
        """Give an answer back with what is wrong with it; calls that stand in it are answered too."""
        calls = [block for block in content if block.get("type") == "tool_use"]
        if _can_go_back(content):
            self._answered(content, used)
        results = [
            {"type": "tool_result", "tool_use_id": c.get("id"), "content": "Not asked.", "is_error": True}
            for c in calls
        ]
        if results:
            self._messages.append({"role": "user", "content": results})
        self._say(text)

    def _failed(self, failure: Failure | None) -> Closed[T]:
        assert failure is not None
        room = self._budget.room(sending=self._sending())
        if failure.kind.may_pass and room.is_none:
            return self._ended(Ended.LIMIT, f"the budget is used up: {room.because}")
        ended = Ended.CONTEXT if failure.kind is FailureKind.TOO_LONG else Ended.UNREACHABLE
        closed = self._ended(ended, one_line(str(failure)))
        return Closed(
            ended=closed.ended, because=closed.because, value=closed.value, is_usable=closed.is_usable, failure=failure
        )

    def _ended(self, ended: Ended, because: str) -> Closed[T]:
        best = self._best
        if best is None:
            return Closed(ended=ended, because=because)
        return Closed(ended=ended, because=because, value=best.value, is_usable=best.is_usable)

    def _say(self, text: str) -> None:
        """Say something in the turn that is ours."""
        block = {"type": "text", "text": text}
        if self._messages and self._messages[-1]["role"] == "user":
            said = self._messages[-1]
            self._messages[-1] = {"role": "user", "content": [*said["content"], block]}
        else:
            self._messages.append({"role": "user", "content": [block]})

    def _answered(self, content: list[dict[str, Any]], used: Spent) -> None:
        """Keep the model's turn as it is: its thinking is signed, and goes back to the letter."""
        # the API takes no blank text back
        kept = [b for b in content if b.get("type") != "text" or as_text(b.get("text")).strip()]
        self._messages.append({"role": "assistant", "content": kept})
        self._known_tokens = used.sent + used.tokens_out
        self._known_letters = _letters(self._messages)

    def _sending(self) -> int:
        """The tokens of the next request: what the last one is known to have had, and what was said since."""
        if self._known_tokens:
            return self._known_tokens + tokens_of(max(0, _letters(self._messages) - self._known_letters))
        prefix = [list(self._terms.system), list(self._terms.tools), self._schema]
        return tokens_of(_letters(prefix) + _letters(self._messages))

    def _left(self) -> timedelta:
        return max(timedelta(0), self._budget.limits.wall - self._budget.spent.wall)

    def _hear(self, block: str) -> None:
        says = {"thinking": "thinking …", "text": "writing …"}.get(block)
        if says is not None:
            self._told(says)


def _can_go_back(content: Sequence[Json]) -> bool:
    """Whether anything is left of an answer without its blank texts."""
    return any(b.get("type") != "text" or as_text(b.get("text")).strip() for b in content)


def _better(best: Read[T] | None, read: Read[T]) -> Read[T]:
    """The later of two closing objects, unless it is worse: there is nothing in it, or more does not hold."""
    if best is None or (read.is_usable and not best.is_usable):
        return read
    if best.is_usable and not read.is_usable:
        return best
    return best if len(read.problems) > len(best.problems) else read


def _refusal(details: Json) -> str:
    category = one_line(as_text(details.get("category")), longest=40)
    explanation = one_line(as_text(redact(details).value.get("explanation")))
    return (
        "the model refused to go on"
        + (f" ({category})" if category else "")
        + (f": {explanation}" if explanation else "")
    )


def _letters(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False))
