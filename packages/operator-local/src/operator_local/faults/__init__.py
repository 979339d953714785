"""Faults in containers of one Compose project."""

from operator_local.faults.catalogue import possible_faults
from operator_local.faults.target import LocalFaultTarget

__all__ = ["LocalFaultTarget", "possible_faults"]
