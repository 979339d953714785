"""What processes write: the unified log format (tikv/rfcs 2018-12-19), in a ring for each process."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from operator_simulator.exposition import Dialect

_KEPT = 6000
_QUOTED = frozenset('"=[]') | frozenset(map(chr, range(0x21)))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _QUOTED & set(text) else text


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `number` grows by one within a process's log and never restarts."""

    number: int
    at_s: float
    text: str


class Log:
    """The log of one process. TiKV ends each line with a thread id, PD does not."""

    def __init__(self, epoch: datetime, dialect: Dialect) -> None:
        self._epoch = epoch
        self._dialect = dialect
        self._lines: deque[Line] = deque(maxlen=_KEPT)
        self._number = 0
        self._last_s = -1e9

    def write(
        self,
        at_s: float,
        level: str,
        source: str,
        message: str,
        fields: Mapping[str, object] | None = None,
        /,
        *,
        thread: int = 1,
    ) -> None:
        """Append a line as it would be written at that second of cluster time."""
        offset = (round(at_s * 1000) * 7919 + self._number // 16 * 31) % 420 / 1000
        self._last_s = max(at_s + offset, self._last_s + 0.0007) if at_s + 0.499 > self._last_s else self._last_s
        at = self._epoch + timedelta(seconds=self._last_s)
        stamp = at.strftime("%Y/%m/%d %H:%M:%S.") + f"{at.microsecond // 1000:03d} +00:00"
        parts = [f"[{stamp}]", f"[{level}]", f"[{source}]", f"[{_quoted(message)}]"]
        parts += (f"[{_quoted(k)}={_quoted(str(v))}]" for k, v in (fields or {}).items())
        if self._dialect is Dialect.RUST:
            parts.append(f"[thread_id={thread}]")
        self._number += 1
        self._lines.append(Line(self._number, at_s, " ".join(parts)))

    def lines(self, after: int = 0) -> tuple[Line, ...]:
        """The lines still kept whose number is above `after`."""
        return tuple(line for line in self._lines if line.number > after)
