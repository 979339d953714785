"""Diagnosers: the rules engine, and what a diagnosis looks like on the wire and to a reader.

The wire format (:mod:`operator_diagnosis.wire`, pydantic) and the terminal (:mod:`operator_diagnosis.terminal`, rich)
are imported only where they are used.
"""

from operator_diagnosis.rechecked import Rechecked
from operator_diagnosis.rules import RulesDiagnoser

__all__ = ["Rechecked", "RulesDiagnoser"]
