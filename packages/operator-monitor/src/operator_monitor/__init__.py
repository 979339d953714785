"""The loop: observe, judge, decide, record."""

from __future__ import annotations

from operator_monitor.monitor import Monitor
from operator_monitor.once import Look, Outcome, look_once, outcome
from operator_monitor.questions import DiagnosisTerms
from operator_monitor.report import CycleReport, Report, StandingBy
from operator_monitor.several import Watching, watch_all
from operator_monitor.watch import Watch

__all__ = [
    "CycleReport",
    "DiagnosisTerms",
    "Look",
    "Monitor",
    "Outcome",
    "Report",
    "StandingBy",
    "Watch",
    "Watching",
    "look_once",
    "outcome",
    "watch_all",
]
