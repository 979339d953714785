"""Putting probes, as the loop sees it: a port, so that a recording can stand in for the subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Protocol

from operator_core.errors import ConfigurationError, LedgerError, OperatorError
from operator_core.ports import Clock, Prober
from operator_core.readings import Reading, Unseen
from operator_core.redaction import redact

LONGEST = timedelta(seconds=60)
"""A probe that takes longer than this is given up."""


class Hindrance(Enum):
    """Why a probe gave nothing at all."""

    NOT_ASKABLE = "not askable"
    NOT_KEPT = "not kept"
    FAILED = "failed"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a probe gave, and what time that took."""

    took: timedelta
    sights: tuple[Reading | Unseen, ...] = ()
    hindrance: Hindrance | None = None


class Asking(Protocol):
    """Puts a probe by its name. It raises for nothing that can happen on the way."""

    async def ask(self, probe: str, arguments: Mapping[str, str], *, within: timedelta) -> Asked: ...


class ThroughProber:
    """Puts probes through a prober, which has kept what they give before it is seen here."""

    def __init__(self, prober: Prober, clock: Clock) -> None:
        self._prober = prober
        self._clock = clock

    async def ask(self, probe: str, arguments: Mapping[str, str], *, within: timedelta) -> Asked:
        began = self._clock.now()
        sights: tuple[Reading | Unseen, ...] = ()
        hindrance: Hindrance | None = None
        try:
            async with self._clock.deadline(min(within, LONGEST)):
                sights = redact(await self._prober.ask(probe, arguments)).value
        except ConfigurationError:
            hindrance = Hindrance.NOT_ASKABLE
        except LedgerError:
            hindrance = Hindrance.NOT_KEPT
        except TimeoutError:
            hindrance = Hindrance.LATE
        except OperatorError:
            hindrance = Hindrance.FAILED
        return Asked(took=self._clock.now() - began, sights=sights, hindrance=hindrance)


class NothingToAsk:
    """Stands where there is nothing to ask."""

    async def ask(self, probe: str, arguments: Mapping[str, str], *, within: timedelta) -> Asked:  # noqa: ARG002
        return Asked(took=timedelta(0), hindrance=Hindrance.NOT_ASKABLE)
