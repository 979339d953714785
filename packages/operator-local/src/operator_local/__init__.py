"""Deployments on this machine through Docker Compose."""

from operator_local.deployment import LocalDeployment
from operator_local.faults import LocalFaultTarget, possible_faults

__all__ = ["LocalDeployment", "LocalFaultTarget", "possible_faults"]
