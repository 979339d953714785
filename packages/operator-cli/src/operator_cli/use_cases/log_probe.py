"""A question to a component's log, for whoever investigates: what it says comes as readings, kept as any probe's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from operator_core.components import Component
from operator_core.errors import ConfigurationError
from operator_core.log_events import LogEvent, LogRead
from operator_core.ports import Clock, ProbeParameter
from operator_core.readings import Cause, ClusterName, Reading, ReadingId, SignalName, Unit, Unseen

from operator_cli.use_cases.logs_at_hand import LogsAtHand

MOST = 60
"""Newest events that are told."""
WORDS = Unit("words")

_READ = SignalName("log.read")


class LogProbe:
    """What a component wrote into its log since an instant, by the subject's catalogue of lines.

    The first reading, ``log.read``, says how far the log goes back. Each event is two readings: ``log.<event>`` is what
    it means, ``log.<event>.line`` the first line as it was written, with how often it came.

    Args:
        logs: where logs lie.
        cluster: whose they are.
        components: as they were seen.
        since: nothing that was over by then is told.
        clock: of the cluster.
    """

    name = "log"
    describes = (
        "what a component wrote into its own log around this trouble: starts, orderly stops, crashes, elections, lost "
        "connections, slow disks, changes by hand. Only lines that mean something for its health"
    )
    parameters = (ProbeParameter(name="component", describes="<kind>/<id>, as components are named above"),)

    def __init__(
        self,
        logs: LogsAtHand,
        *,
        cluster: ClusterName,
        components: Sequence[Component],
        since: datetime,
        clock: Clock,
    ) -> None:
        self._logs = logs
        self._cluster = cluster
        self._components = {c.ref.key: c for c in components}
        self._since = since
        self._clock = clock

    async def ask(self, arguments: Mapping[str, str], *, number: int) -> tuple[Reading | Unseen, ...]:
        """Read the log.

        Raises:
            ConfigurationError: another argument is given, or there is no such component.
        """
        unknown = [name for name in arguments if name != "component"]
        component = self._components.get(arguments.get("component", "").strip())
        if unknown or component is None:
            known = ", ".join(sorted(self._components))
            raise ConfigurationError(
                f"probe {self.name} is asked {dict(arguments)}; it takes component, one of {known}"
            )
        ref, source = component.ref, f"log of {component.ref}"
        read = next(
            (s.read for s in await self._logs(self._cluster, [component], only=True) if s.component == ref), None
        )
        if read is None:
            return (
                Unseen(
                    component=ref,
                    signal=SignalName("log"),
                    cause=Cause.ABSENT,
                    detail="its log is not at hand",
                    at=self._clock.now(),
                    source=source,
                ),
            )
        told = [e for e in read.events if e.until >= self._since]
        pairs = [(_READ, _words_of(read, left_out=max(0, len(told) - MOST)), self._clock.now())]
        pairs += [pair for e in told[-MOST:] for pair in _readings(e)]
        return tuple(
            Reading(
                id=ReadingId(f"o{number}.{place}"),
                component=ref,
                signal=signal,
                value=value,
                unit=WORDS,
                at=at,
                source=source,
            )
            for place, (signal, value, at) in enumerate(pairs, 1)
        )


def _words_of(read: LogRead, *, left_out: int) -> str:
    """How far a log goes back, so that silence in it is not taken for more than it is."""
    since = "in none of which is a time" if read.first is None else f"from {read.first:%Y-%m-%d %H:%M:%S} UTC on"
    return f"{read.lines} lines, {since}" + (f"; {left_out} older events are left out" if left_out else "")


def _readings(event: LogEvent) -> Iterator[tuple[SignalName, str, datetime]]:
    times = f" ({event.times} times until {event.until:%H:%M:%S})" if event.times > 1 else ""
    yield SignalName(f"log.{event.name}"), event.says, event.at
    yield SignalName(f"log.{event.name}.line"), f"{event.level} {event.text}{times}".strip(), event.at
