"""Deployments on this machine through Docker Compose."""

from operator_local.deployment import LocalDeployment

__all__ = ["LocalDeployment"]
