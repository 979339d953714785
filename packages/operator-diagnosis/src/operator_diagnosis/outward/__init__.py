"""What leaves the process on its way to a model: without secrets, without tricks, and marked as what it is."""

from operator_diagnosis.outward.outward import Outward

__all__ = ["Outward"]
