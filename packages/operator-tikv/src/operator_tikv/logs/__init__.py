"""Logs of TiKV and PD: their format, what their lines mean, and what a whole log tells."""

from operator_tikv.logs.reading import read_log

__all__ = ["read_log"]
