"""TiKV as a subject: PD, metrics, signals, invariants, failure modes, options.

What is asked for is imported when it is asked for: whoever wants the knowledge alone loads no HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operator_tikv.dialer import AsyncioDialer as AsyncioDialer
    from operator_tikv.knowing import KNOWLEDGE as KNOWLEDGE
    from operator_tikv.knowing import lint as lint
    from operator_tikv.logs import read_log as read_log
    from operator_tikv.metrics.evaluate import evaluate as evaluate
    from operator_tikv.metrics.promql import compile as compile  # noqa: A004 - PromQL is compiled from a signal
    from operator_tikv.subject import TikvSubject as TikvSubject
    from operator_tikv.targets import TikvTargets as TikvTargets
    from operator_tikv.targets import TlsFiles as TlsFiles

_HOMES = {
    "AsyncioDialer": "dialer",
    "KNOWLEDGE": "knowing",
    "TikvSubject": "subject",
    "TikvTargets": "targets",
    "TlsFiles": "targets",
    "compile": "metrics.promql",
    "evaluate": "metrics.evaluate",
    "lint": "knowing",
    "read_log": "logs",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
