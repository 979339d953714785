"""Read-only questions that can be put to a TiKV cluster."""

from collections.abc import Sequence

from operator_core.ports import Probe

from operator_tikv.looks import Looker
from operator_tikv.memory import Memory
from operator_tikv.probes import cluster, stores
from operator_tikv.probes.asking import Desk


def probes_of(*, looker: Looker, memory: Memory) -> Sequence[Probe]:
    """All probes of one cluster."""
    desk = Desk(looker=looker, memory=memory)
    return (*cluster.probes(desk), *stores.probes(desk))


__all__ = ["probes_of"]
