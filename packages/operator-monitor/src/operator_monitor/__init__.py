"""The loop: observe, judge, decide, record.

Importing this package loads no web server; the first use of what needs one does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operator_monitor.monitor import Monitor
from operator_monitor.once import Look, Outcome, look_once, outcome
from operator_monitor.questions import DiagnosisTerms
from operator_monitor.report import CycleReport, Report, StandingBy
from operator_monitor.several import Watching, watch_all
from operator_monitor.watch import Watch

if TYPE_CHECKING:
    from operator_monitor.answering import listening
    from operator_monitor.vitals import ClusterHealth, Vitals

__all__ = [
    "ClusterHealth",
    "CycleReport",
    "DiagnosisTerms",
    "Look",
    "Monitor",
    "Outcome",
    "Report",
    "StandingBy",
    "Vitals",
    "Watch",
    "Watching",
    "listening",
    "look_once",
    "outcome",
    "watch_all",
]


def __getattr__(name: str) -> object:
    """Load what needs prometheus-client or a web server when it is asked for (PEP 562)."""
    if name in {"ClusterHealth", "Vitals"}:
        from operator_monitor import vitals  # noqa: PLC0415 - most commands never need it

        return getattr(vitals, name)
    if name == "listening":
        from operator_monitor.answering import listening  # noqa: PLC0415 - the same

        return listening
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
