"""The properties that should hold in a TiKV cluster, as pure functions of one observation."""

from operator_core.judgements import Invariant

from operator_tikv.rules import heard, latency, pd, regions, space, stores
from operator_tikv.rules.sight import LOST_SIGHT

INVARIANTS: tuple[Invariant, ...] = (
    *stores.INVARIANTS,
    *heard.INVARIANTS,
    *pd.INVARIANTS,
    *regions.INVARIANTS,
    *space.INVARIANTS,
    *latency.INVARIANTS,
    LOST_SIGHT,
)

__all__ = ["INVARIANTS"]
