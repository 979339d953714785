"""Asking PD: several endpoints, fail-over on every way to fail, and one verdict.

A paused member accepts connections and never answers, and a follower forwards to a leader that may be gone, so the
endpoints are asked in a staggered row: the next starts when the one before fails, or has said nothing for a
moment. The first good answer wins. Reads only; the row of endpoints is the retry, and it counts time by the
cluster's clock, which a retry library on wall-clock time could not.

Source: tikv/pd v8.5.5 pkg/utils/apiutil/serverapi/middleware.go (503 without leader, 500 when redirected to one
that leads no more, local-only paths).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from operator_core.errors import SubjectError, SubjectNonsense, SubjectRefused, SubjectUnreachable
from operator_core.ports import Clock
from operator_core.readings import Cause

from operator_tikv.http import Answer, Http
from operator_tikv.pd.model import PdVerdict
from operator_tikv.pd.wire import reading

T = TypeVar("T")

STAGGER = timedelta(milliseconds=400)
"""Longer than a healthy answer takes, and short enough that the third of three endpoints still has the 3 s that a
follower waits for a leader before it says 503, within a deadline of 4 s."""

API = "/pd/api/v1"


class PdNoLeader(SubjectRefused):
    """PD lives and has no leader."""


class PdNotBootstrapped(SubjectRefused):
    """No store has ever joined, or a leader just elected is still loading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Generic[T]):
    """An answer, the endpoint that gave it, and how it was given."""

    value: T
    endpoint: str
    answer: Answer


def verdict_of(outcome: Told[T] | SubjectError) -> PdVerdict:
    """What an outcome says of PD as a whole."""
    if isinstance(outcome, PdNoLeader):
        return PdVerdict.NO_LEADER
    if isinstance(outcome, Told | SubjectRefused):
        return PdVerdict.ANSWER
    return PdVerdict.UNREACHABLE


def refusal(answer: Answer) -> SubjectError | None:
    """Our error for an answer that is none, or None for a good one."""
    if answer.status == 200:
        return None
    said = " ".join(answer.text.split())[:200]
    message = f"PD GET {answer.url}: {answer.status} {said!r}"
    lowered = said.lower()
    if (
        "noleader" in lowered.replace(" ", "")
        or "redirect" in lowered
        or "not leader" in lowered
        or "leader is nil" in lowered
    ):
        return PdNoLeader(message)
    if "not bootstrapped" in lowered:
        return PdNotBootstrapped(message)
    if answer.status >= 500 or answer.status == 429:
        return SubjectUnreachable(message, Cause.DENIED)
    return SubjectRefused(message)


def _is_final(error: SubjectError) -> bool:
    """Whether another endpoint would say the same: a clear no to the question itself."""
    return isinstance(error, SubjectRefused) and not isinstance(error, PdNoLeader | PdNotBootstrapped)


def gravest(errors: Sequence[SubjectError]) -> SubjectError:
    """The error that tells most: what PD itself says comes before what the network says of it."""

    def telling(error: SubjectError) -> int:
        match error:
            case PdNoLeader():
                return 0
            case PdNotBootstrapped():
                return 1
            case SubjectRefused():
                return 2
            case SubjectUnreachable(cause=Cause.DENIED):
                return 3
            case SubjectNonsense():
                return 4
            case SubjectUnreachable(cause=Cause.SILENT):
                return 5
            case SubjectUnreachable(cause=Cause.UNANSWERED):
                return 6
            case _:
                return 7

    return min(errors, key=telling)


class PdClient:
    """PD as a whole (`ask`) and each of its members (`ask_member`)."""

    def __init__(self, http: Http, clock: Clock, endpoints: Sequence[str]) -> None:
        self._http = http
        self._clock = clock
        self._configured = tuple(endpoints)
        self._endpoints = tuple(endpoints)
        self._failed: dict[str, int] = {}
        self._failures = 0

    @property
    def endpoints(self) -> tuple[str, ...]:
        """In the order in which they will be asked: whoever failed last comes last."""
        return tuple(sorted(self._endpoints, key=lambda e: (self._failed.get(e, 0), self._endpoints.index(e))))

    def _note_failure(self, endpoint: str) -> None:
        self._failures += 1
        self._failed[endpoint] = self._failures

    def learn(self, endpoints: Sequence[str]) -> None:
        """Take on the members that PD tells of, beside those that were given."""
        self._endpoints = tuple(dict.fromkeys((*self._configured, *endpoints)))

    async def ask(
        self, path: str, parse: Callable[[bytes], T], *, within: timedelta, params: Mapping[str, str] | None = None
    ) -> Told[T]:
        """Ask whoever answers first.

        Raises:
            PdNoLeader: somebody of PD answered, and there is no leader.
            PdNotBootstrapped: PD has no cluster yet, or its leader is still loading it.
            SubjectRefused: a clear no to this question.
            SubjectNonsense: nothing but answers that cannot be read.
            SubjectUnreachable: nobody answered.
        """
        read = reading(f"PD GET {path}", parse)
        endpoints = self.endpoints
        wins: list[Told[T]] = []
        errors: dict[str, SubjectError] = {}
        turn = [asyncio.Event() for _ in range(len(endpoints) + 1)]
        done = asyncio.Event()

        async def attempt(i: int) -> None:
            await turn[i].wait()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._next_turn(turn[i + 1]), name="pd.stagger")
                    told = await self._ask_one(endpoints[i], path, read, within, params)
                    self._failed.pop(endpoints[i], None)
                    wins.append(told)
                    done.set()
            except* SubjectError as failed:
                error = next(e for e in failed.exceptions if isinstance(e, SubjectError))
                errors[endpoints[i]] = error
                if _is_final(error) or len(errors) == len(endpoints):
                    done.set()
                else:
                    turn[i + 1].set()

        turn[0].set()
        with suppress(TimeoutError):
            async with self._clock.deadline(within), asyncio.TaskGroup() as group:
                tasks = [group.create_task(attempt(i), name=f"pd.ask {e}") for i, e in enumerate(endpoints)]
                await done.wait()
                for task in tasks:
                    task.cancel()
        for i, endpoint in enumerate(endpoints):
            if turn[i].is_set() and not (wins and wins[0].endpoint == endpoint):
                self._note_failure(endpoint)
        if wins:
            return wins[0]
        waited = f"PD GET {path}: no answer within {within.total_seconds():g} s"
        silent = [SubjectUnreachable(waited, Cause.SILENT)] if len(errors) < len(endpoints) else []
        raise gravest([*errors.values(), *silent])

    async def _next_turn(self, event: asyncio.Event) -> None:
        await self._clock.sleep(STAGGER)
        event.set()

    async def _ask_one(
        self,
        endpoint: str,
        path: str,
        read: Callable[[bytes], T],
        within: timedelta,
        params: Mapping[str, str] | None,
    ) -> Told[T]:
        answer = await self._http.get(f"{endpoint}{path}", within=within, params=params)
        error = refusal(answer)
        if error is not None:
            raise error
        return Told(value=read(answer.body), endpoint=endpoint, answer=answer)

    async def ask_member(self, endpoint: str, path: str, parse: Callable[[bytes], T], *, within: timedelta) -> Told[T]:
        """Ask one member, and nobody else, for what it answers itself.

        Raises:
            SubjectError: as it failed.
        """
        return await self._ask_one(endpoint, path, reading(f"PD GET {endpoint}{path}", parse), within, None)
