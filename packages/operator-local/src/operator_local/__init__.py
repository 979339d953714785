"""Deployments on this machine through Docker Compose."""

from operator_local.deployment import LocalDeployment
from operator_local.faults import LocalFaultTarget

__all__ = ["LocalDeployment", "LocalFaultTarget"]
