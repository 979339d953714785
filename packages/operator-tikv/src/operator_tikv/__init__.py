"""TiKV as a subject: PD, metrics, signals, invariants, failure modes, options."""

from operator_tikv.dialer import AsyncioDialer
from operator_tikv.knowing import KNOWLEDGE, lint
from operator_tikv.metrics.evaluate import evaluate
from operator_tikv.metrics.promql import compile  # noqa: A004 - the design's word for it
from operator_tikv.subject import TikvSubject
from operator_tikv.targets import TikvTargets, TlsFiles

__all__ = ["KNOWLEDGE", "AsyncioDialer", "TikvSubject", "TikvTargets", "TlsFiles", "compile", "evaluate", "lint"]
