"""Signals out of metrics, in two ways: from the processes themselves, and from a Prometheus server."""
