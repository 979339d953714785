"""One investigation from the question for the model's facts to what a person is given; live or from a recording."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from operator_core.claims import Struck
from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.ports import Case, Probe
from operator_core.readings import Reading, by_id
from operator_core.redaction import redact, redact_text

from operator_diagnosis.claude import layout
from operator_diagnosis.claude.budget import Budget
from operator_diagnosis.claude.course import sights
from operator_diagnosis.claude.instructions import QUESTION
from operator_diagnosis.claude.interview import Closed, Interview, Terms
from operator_diagnosis.claude.limits import Limits, Spent
from operator_diagnosis.claude.models import Checked, check_model
from operator_diagnosis.claude.opinion import opinion
from operator_diagnosis.claude.prices import Prices
from operator_diagnosis.claude.recorder import RecordingAsking, RecordingLine, sight_json
from operator_diagnosis.claude.recording import Recording
from operator_diagnosis.claude.results import Answered, Ended, Investigated, InvestigationFailed
from operator_diagnosis.claude.spoken import one_line
from operator_diagnosis.claude.task import Answering, Diagnosing, Task
from operator_diagnosis.claude.toolbox import Toolbox
from operator_diagnosis.claude.tools import tools
from operator_diagnosis.outward import Outward
from operator_diagnosis.review import evidence_readings, recheck
from operator_diagnosis.rules import reason
from operator_diagnosis.wire import to_json

T = TypeVar("T")

QUESTION_PIECE = 300
"""Letters of a question that are put into a line at once."""
LONGEST_QUESTION = 4_000


class _Unasked(Exception):
    """The model cannot be asked before a person has changed something."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Everything that one investigation needs."""

    case: Case
    model: str
    effort: str | None
    limits: Limits
    prices: Prices
    probes: Sequence[Probe]
    second: Diagnosis | None
    outward: Outward
    line: RecordingLine
    asking: RecordingAsking
    told: Callable[[str], None]
    book: Callable[[Spent], Awaitable[None]]
    secrets: tuple[str, ...] = ()

    async def investigate(self) -> Investigated:
        """See :meth:`operator_diagnosis.claude.investigator.Investigator.investigate`."""
        budget = self._budget()
        toolbox = self._toolbox()
        opening = layout.case_text(self.case, self.second, self.outward)
        try:
            checked, closed = await self._held(Diagnosing(self.case), opening, toolbox, budget)
        except _Unasked as e:
            raise self._failed(e, budget, self._recording("diagnosis")) from None
        assembled = closed.value
        given = None if assembled is None else assembled.diagnosis
        ended, because = closed.ended, closed.because
        if given is None and ended is Ended.CLOSED:
            ended, because = Ended.NONSENSE, "nothing of what the model claims holds"
        is_partial = ended is not Ended.CLOSED
        view = None
        if given is None:
            given = self._of_rules(because, () if assembled is None else assembled.struck)
        else:
            view = None if self.second is None else opinion(given, self.second)
            given = _told(given, because if is_partial else "", "" if view is None else view.says)
        return Investigated(
            diagnosis=given,
            spent=budget.spent,
            ended=ended,
            because=because,
            is_partial=is_partial,
            recording=self._recording("diagnosis"),
            opinion=view,
            warnings=checked.warnings,
            readings=toolbox.asked,
        )

    async def answer(self, diagnosis: Diagnosis, question: str, known: Sequence[Reading] = ()) -> Answered:
        """See :meth:`operator_diagnosis.claude.investigator.Investigator.answer`."""
        asked = question.strip()
        if not asked or len(asked) > LONGEST_QUESTION:
            raise ConfigurationError(f"a question has between 1 and {LONGEST_QUESTION} letters, not {len(asked)}")
        budget = self._budget()
        known = redact(tuple(known)).value
        toolbox = self._toolbox(known)
        opening = "\n\n".join(
            [
                layout.case_text(self.case, self.second, self.outward, cited=evidence_readings(diagnosis)),
                "The diagnosis that the question is about:",
                *layout.fences(layout.diagnosis_lines(diagnosis), self.outward, source="the diagnosis"),
                *layout.fences(sights(known, self.outward.text), self.outward, source="what was asked for earlier"),
                f"{QUESTION}\nThe question: {_spoken(asked, self.outward)}",
            ]
        )
        about = {
            "diagnosis": to_json(diagnosis),
            "question": asked,
            "known": [sight_json(r) for r in known],
        }
        try:
            checked, closed = await self._held(Answering(self.case), opening, toolbox, budget)
        except _Unasked as e:
            raise self._failed(e, budget, self._recording("question", **about)) from None
        reply = closed.value if closed.is_usable else None
        return Answered(
            says=reply.says if reply is not None else f"There is no answer: {closed.because}.",
            claims=() if reply is None else reply.claims,
            struck=() if reply is None else reply.struck,
            spent=budget.spent,
            ended=closed.ended,
            because=closed.because,
            recording=self._recording("question", **about),
            warnings=checked.warnings,
            readings=toolbox.asked,
        )

    def _failed(self, why: _Unasked, budget: Budget, recording: Recording) -> InvestigationFailed:
        says = f"Claude, model {one_line(self.model)}: {why}"
        return InvestigationFailed(says, spent=budget.spent, recording=recording)

    def _budget(self) -> Budget:
        if not self.case.observations:
            raise ConfigurationError(f"there is nothing to diagnose: no observation of {self.case.cluster} was given")
        price = self.prices.of(self.model)
        if price is None and self.limits.usd is not None:
            raise ConfigurationError(
                f"no price is known for the model {one_line(self.model, longest=80)!r} (table of {self.prices.as_of}),"
                f" so a limit of {self.limits.usd} USD cannot be kept: give its price, or take the limit away"
            )
        return Budget(self.limits, price)

    def _toolbox(self, known: Sequence[Reading] = ()) -> Toolbox:
        return Toolbox(
            case=self.case,
            tools=tools(self.probes, self.case.knowledge),
            asking=self.asking,
            outward=self.outward,
            told=self.told,
            known=known,
        )

    async def _held(self, task: Task[T], opening: str, toolbox: Toolbox, budget: Budget) -> tuple[Checked, Closed[T]]:
        checked = await self._checked(budget)
        if checked.hindrance is not None:
            return checked, Closed(ended=Ended.LIMIT, because=checked.hindrance)
        interview = Interview(
            line=self.line,
            terms=Terms(
                model=self.model,
                effort=checked.effort,
                system=layout.system(self.case, self.outward),
                tools=layout.definitions(tools(self.probes, self.case.knowledge)),
                most=checked.most,
            ),
            task=task,
            toolbox=toolbox,
            budget=budget,
            outward=self.outward,
            told=self.told,
            book=self.book,
        )
        closed = await interview.hold(opening)
        if closed.failure is not None and closed.failure.kind.needs_a_person and not closed.is_usable:
            raise _Unasked(closed.because)
        return checked, closed

    async def _checked(self, budget: Budget) -> Checked:
        """Ask for the model's facts, which costs a request and no tokens."""
        if budget.room(sending=0).is_none:
            return Checked(hindrance=f"the budget is used up: {budget.room(sending=0).because}")
        self.told(f"asking for the limits of {self.model} …")
        introduced = await self.line.introduce(self.model, within=min(self.limits.wall, timedelta(seconds=30)))
        await self.book(budget.book(introduced.used))
        checked = check_model(introduced, self.model, self.effort)
        if checked.fault:
            raise _Unasked(checked.fault)
        for warning in checked.warnings:
            self.told(f"note: {warning}")
        return checked

    def _of_rules(self, because: str, struck: tuple[Struck, ...]) -> Diagnosis:
        """The rules' diagnosis, with what the model said and could not show."""
        rules = self.second or recheck(reason(self.case), by_id(self.case.observations))
        marked = _told(rules, f"Claude gave no diagnosis, {because}; this is the rules'", "")
        return replace(marked, struck=(*marked.struck, *(s for s in struck if s not in marked.struck)))

    def _recording(self, kind: str, **more: object) -> Recording:
        about: dict[str, Any] = {
            "kind": kind,
            "cluster": self.case.cluster,
            "at": self.case.at.isoformat(),
            "ticket": None if self.case.ticket is None else int(self.case.ticket.id),
            "model": self.model,
            "effort": self.effort,
            "limits": _limits_json(self.limits),
            "prices": _prices_json(self.prices, self.model),
            "second_opinion": None if self.second is None else to_json(self.second),
            "pseudonyms": self.outward.has_pseudonyms,
            "hosts": [[name, host] for name, host in self.outward.called.items()],
            **more,
        }
        return Recording(
            about=about,
            probes=tuple(_probe_json(p) for p in self.probes),
            exchanges=tuple(self.line.exchanges),
            tools=tuple(self.asking.tools),
        ).without(self.secrets)


def _told(diagnosis: Diagnosis, partial: str, opinion_says: str) -> Diagnosis:
    parts = (f"Partial: {partial}." if partial else "", diagnosis.summary, opinion_says)
    return replace(diagnosis, summary=" ".join(p for p in parts if p))


def _spoken(question: str, outward: Outward) -> str:
    """A person's own words, masked piece by piece; a piece ends between words."""
    pieces: list[str] = [""]
    for word in redact_text(question).value.split():  # as a whole, for a secret may be longer than a piece
        if len(pieces[-1]) + len(word) > QUESTION_PIECE:
            pieces.append("")
        pieces[-1] = f"{pieces[-1]} {word}".strip()
    return " ".join(outward.text(piece) for piece in pieces)


def _limits_json(limits: Limits) -> dict[str, Any]:
    return {
        "attempts": limits.attempts,
        "turns": limits.turns,
        "in": limits.tokens_in,
        "out": limits.tokens_out,
        "usd": None if limits.usd is None else str(limits.usd),
        "wall_us": limits.wall // timedelta(microseconds=1),
        "answer": limits.answer_tokens,
    }


def _prices_json(prices: Prices, model: str) -> dict[str, Any]:
    price = prices.of(model)
    return {
        "as_of": prices.as_of.isoformat(),
        "usd_per_million": None
        if price is None
        else [str(p) for p in (price.tokens_in, price.tokens_out, price.cache_read, price.cache_written)],
    }


def _probe_json(probe: Probe) -> dict[str, Any]:
    return {
        "name": probe.name,
        "describes": probe.describes,
        "parameters": [
            {"name": p.name, "describes": p.describes, "required": p.required, "choices": list(p.choices)}
            for p in probe.parameters
        ],
    }
