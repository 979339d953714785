"""Faults with a journal, a guard and an undo."""

from __future__ import annotations

from operator_chaos.chaos import Chaos
from operator_chaos.commands import FaultCommand, choose_target, fault_commands

__all__ = ["Chaos", "FaultCommand", "choose_target", "fault_commands"]
