"""The investigator: a diagnoser that asks a model, within a budget, and answers for what it says."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Awaitable, Callable, Sequence

from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.ports import Case, Clock, Probe, Prober
from operator_core.readings import Reading

from operator_diagnosis.claude import layout
from operator_diagnosis.claude.api import ApiLine
from operator_diagnosis.claude.asking import NothingToAsk, ThroughProber
from operator_diagnosis.claude.assembling import NAME
from operator_diagnosis.claude.limits import Limits, Spent
from operator_diagnosis.claude.prices import Prices
from operator_diagnosis.claude.recorder import RecordingAsking, RecordingLine
from operator_diagnosis.claude.results import Answered, Investigated
from operator_diagnosis.claude.session import Session
from operator_diagnosis.claude.spoken import one_line
from operator_diagnosis.claude.task import Diagnosing
from operator_diagnosis.claude.tools import tools
from operator_diagnosis.outward import Outward

_KEY = re.compile(r"[!-~]+")
_URL = re.compile(r"https?://[^\s/]+")


async def unbooked(_spent: Spent) -> None:
    """Books nothing."""


class Investigator:
    """Diagnoses with Claude. Nothing is sent before one of its methods is awaited.

    Args:
        effort: ``low`` to ``max``; None leaves it to the model.
        key: of the API; it goes into no prompt, recording or message.
        base_url: None for Anthropic's own; the environment is not asked.
        prober: None when the subject is not to be asked anything more.
        clock: of this process; what a request may take is measured with it.
        told: is given a line for a person whenever something is done.
        second_opinion: the rules' diagnosis of the same case; None keeps it from the model.
        book: is given what each attempt has cost, as soon as it is known.
    """

    def __init__(
        self,
        *,
        model: str,
        effort: str | None,
        key: str,
        base_url: str | None,
        limits: Limits,
        prices: Prices,
        prober: Prober | None,
        clock: Clock,
        told: Callable[[str], None],
        second_opinion: Diagnosis | None,
        outward: Outward,
        book: Callable[[Spent], Awaitable[None]] = unbooked,
    ) -> None:
        if not key:
            raise ConfigurationError("there is no API key for Claude")
        if not _KEY.fullmatch(key):
            raise ConfigurationError("the API key for Claude has characters in it that no key has")
        if base_url is not None and not _URL.match(base_url):
            raise ConfigurationError(
                f"{one_line(base_url, longest=80)!r} is no base URL for Claude; https://… is meant"
            )
        self._model = model
        self._effort = effort
        self._key = key
        self._base_url = base_url
        self._limits = limits
        self._prices = prices
        self._prober = prober
        self._clock = clock
        self._told = told
        self._second = second_opinion
        self._outward = outward
        self._book = book

    @property
    def name(self) -> str:
        return NAME

    async def diagnose(self, case: Case) -> Diagnosis:
        """The diagnosis alone; see :meth:`investigate`."""
        return (await self.investigate(case)).diagnosis

    async def investigate(self, case: Case) -> Investigated:
        """Always gives a diagnosis; where the model gave none that holds, the rules', marked partial.

        Raises:
            ConfigurationError: the case has no observation, or there is no price for a limit in money.
            InvestigationFailed: a person must change something before the model can be asked.
        """
        line = self._line()
        try:
            return await self._session(line, case).investigate()
        finally:
            await line.close()

    async def answer(
        self, case: Case, diagnosis: Diagnosis, question: str, *, known: Sequence[Reading] = ()
    ) -> Answered:
        """Answer a question about a diagnosis; what no reading backs is struck out of the answer.

        Args:
            case: as the diagnosis was of.
            diagnosis: anybody's.
            question: in a person's own words.
            known: what probes gave earlier, beside what stands in the case; the diagnosis may cite it.

        Raises:
            ConfigurationError: as :meth:`investigate`, or there is no question.
            InvestigationFailed: as :meth:`investigate`.
        """
        line = self._line()
        try:
            return await self._session(line, case).answer(diagnosis, question, known)
        finally:
            await line.close()

    def _line(self) -> ApiLine:
        return ApiLine(key=self._key, base_url=self._base_url, clock=self._clock)

    def _session(self, line: ApiLine, case: Case) -> Session:
        probes = () if self._prober is None else tuple(self._prober.probes)
        asking = NothingToAsk() if self._prober is None else ThroughProber(self._prober, self._clock)
        return Session(
            case=case,
            model=self._model,
            effort=self._effort,
            limits=self._limits,
            prices=self._prices,
            probes=probes,
            second=self._second,
            outward=self._outward,
            line=RecordingLine(line),
            asking=RecordingAsking(asking),
            told=self._told,
            book=self._book,
            secrets=(self._key,),
        )


def prompt(
    case: Case,
    *,
    model: str,
    effort: str | None = None,
    limits: Limits | None = None,
    probes: Sequence[Probe] = (),
    second_opinion: Diagnosis | None = None,
    outward: Outward | None = None,
) -> str:
    """The first request to the letter, as JSON: exactly what would be sent for this case.

    The words of the fences are drawn anew each time.

    Raises:
        ConfigurationError: the case has no observation.
    """
    if not case.observations:
        raise ConfigurationError(f"there is nothing to diagnose: no observation of {case.cluster} was given")
    outward = outward or Outward(chance=random.SystemRandom())
    request = layout.request(
        model=model,
        effort=effort,
        system=layout.system(case, outward),
        tools=layout.definitions(tools(probes, case.knowledge)),
        schema=Diagnosing(case).schema,
        messages=[
            {
                "role": "user",
                "content": [{"type": "text", "text": layout.case_text(case, second_opinion, outward)}],
            }
        ],
        max_tokens=(limits or Limits()).answer_tokens,
        may_ask=True,
    )
    return json.dumps(request, indent=2, ensure_ascii=False)
