"""From what was learnt in a look to readings and unseens, with their ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from operator_core.components import ComponentRef
from operator_core.errors import SubjectError
from operator_core.readings import Cause, Reading, ReadingId, SignalName, Unseen, Value

from operator_tikv.signals import BY_NAME


@dataclass(slots=True)
class Report:
    """Collects the readings of one observation; ids are given in the order of writing.

    Attributes:
        at: the instant that is written on what has no instant of its own.
    """

    number: int
    at: datetime
    readings: list[Reading] = field(default_factory=list[Reading])
    unseens: list[Unseen] = field(default_factory=list[Unseen])

    def read(
        self,
        component: ComponentRef,
        signal: SignalName,
        value: Value,
        source: str,
        *,
        at: datetime | None = None,
        toward: ComponentRef | None = None,
    ) -> None:
        """Write one reading; the unit is the signal's own."""
        self.readings.append(
            Reading(
                id=ReadingId(f"o{self.number}.{len(self.readings) + 1}"),
                component=component,
                signal=signal,
                value=value,
                unit=BY_NAME[signal].unit,
                at=at or self.at,
                source=source,
                toward=toward,
            )
        )

    def miss(
        self,
        component: ComponentRef,
        signal: SignalName,
        source: str,
        cause: Cause,
        detail: str = "",
        *,
        toward: ComponentRef | None = None,
    ) -> None:
        """Write down that a reading could not be had, and why."""
        self.unseens.append(
            Unseen(
                component=component,
                signal=signal,
                cause=cause,
                detail=detail,
                at=self.at,
                source=source,
                toward=toward,
            )
        )

    def everything(self) -> tuple[Reading | Unseen, ...]:
        """Readings first, then what could not be had."""
        return (*self.readings, *self.unseens)

    def miss_for(self, component: ComponentRef, signal: SignalName, source: str, error: SubjectError) -> None:
        """The same for an expected failure."""
        self.miss(component, signal, source, error.cause, str(error))

    def read_or_miss(
        self,
        component: ComponentRef,
        signal: SignalName,
        value: Value | None,
        source: str,
        *,
        lost_from: str,
        at: datetime | None = None,
        because: str = "it is not told",
    ) -> None:
        """A reading, or ABSENT when the source answered and does not have it."""
        if value is None:
            self.miss(component, signal, lost_from, Cause.ABSENT, because)
        else:
            self.read(component, signal, value, source, at=at)
