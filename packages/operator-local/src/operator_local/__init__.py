"""Deployments on this machine through Docker Compose."""
