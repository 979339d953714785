"""An investigation with a scripted model, from the first request to the diagnosis, and everything that came of it."""

from __future__ import annotations

import asyncio
import random
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from messages_replies import Answer
from messages_server import MessagesServer, ModelFacts, ScriptedModel, serving
from operator_core.diagnosis import Diagnosis
from operator_core.ports import Case, Prober
from operator_core.runtime import RealClock
from operator_diagnosis import RulesDiagnoser
from operator_diagnosis.claude import Answered, Investigated, Investigator, Limits, Prices, Spent
from operator_diagnosis.outward import Outward
from scripted_minds import Mind
from toy_incident import ToyProber, incident


class HastyClock:
    """Real time, but whoever sleeps has slept at once."""

    def __init__(self) -> None:
        self._real = RealClock(start=datetime(2026, 3, 1, 13, 0, tzinfo=UTC))
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return self._real.now() + sum(self.slept, timedelta(0))

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(within.total_seconds())


@dataclass(slots=True, kw_only=True)
class Held:
    """What came of one investigation.

    Attributes:
        told: the lines for a person, in order.
        booked: what each attempt cost.
    """

    server: MessagesServer
    prober: Prober | None
    clock: HastyClock
    told: list[str] = field(default_factory=list[str])
    booked: list[Spent] = field(default_factory=list[Spent])
    investigated: Investigated | None = None
    answered: Answered | None = None

    @property
    def result(self) -> Investigated:
        assert self.investigated is not None
        return self.investigated

    @property
    def diagnosis(self) -> Diagnosis:
        return self.result.diagnosis

    def asserted_good(self) -> Held:
        """Nothing was refused as the API would, and the script fitted what was asked for."""
        assert self.server.refused == []
        assert self.server.misfits == []
        return self


def outward(**more: object) -> Outward:
    return Outward(chance=random.Random(7), **more)  # pyright: ignore[reportArgumentType]


async def investigate(
    mind: Mind | Answer,
    case: Case | None = None,
    *,
    limits: Limits | None = None,
    prices: Prices | None = None,
    prober: Prober | None = None,
    has_prober: bool = True,
    model: str = "claude-sonnet-5-5",
    facts: tuple[ModelFacts, ...] = (),
    key: str | None = None,
    through: Outward | None = None,
    second: bool = True,
    piece: int = 400,
    question: str | None = None,
    held: list[Held] | None = None,
) -> Held:
    """Hold one, with the real SDK over a real socket.

    Args:
        second: whether the rules' diagnosis is given as a second opinion.
        question: asks this about the rules' diagnosis instead.
        held: takes what there is when it ends with an exception.
    """
    case = case or incident()
    rules = await RulesDiagnoser().diagnose(case)

    async def always(_asked: object) -> Answer:
        assert not callable(mind)
        return mind

    scripted: ScriptedModel = mind if callable(mind) else always
    async with serving(scripted, *facts, piece=piece) as server:
        prober = (prober or ToyProber()) if has_prober else None
        found = Held(server=server, prober=prober, clock=HastyClock())
        if held is not None:
            held.append(found)

        async def book(spent: Spent) -> None:
            found.booked.append(spent)

        investigator = Investigator(
            model=model,
            effort=None,
            key=key or server.key,
            base_url=server.base_url,
            limits=limits or Limits(),
            prices=prices or Prices(),
            prober=prober,
            clock=found.clock,
            told=found.told.append,
            second_opinion=rules if second else None,
            outward=through or outward(),
            book=book,
        )
        if question is None:
            found.investigated = await investigator.investigate(case)
        else:
            found.answered = await investigator.answer(case, rules, question)
        return found
