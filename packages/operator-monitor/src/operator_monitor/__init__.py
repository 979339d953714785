"""The loop: observe, judge, decide, record."""

from __future__ import annotations

from operator_monitor.monitor import Monitor
from operator_monitor.once import Look, Outcome, look_once, outcome
from operator_monitor.questions import DiagnosisTerms
from operator_monitor.report import CycleReport

__all__ = ["CycleReport", "DiagnosisTerms", "Look", "Monitor", "Outcome", "look_once", "outcome"]
