"""Under which name an imported incident stands in a ledger, so that nobody ever takes it for a cluster to watch."""

from __future__ import annotations

from operator_core.readings import ClusterName

_IMPORTED = "imported:"
_DIGITS = 8


def imported_name(cluster: ClusterName, digest: str) -> ClusterName:
    """The name for an incident of a cluster, from the digest of its bundle; the same file gives the same name."""
    return ClusterName(f"{_IMPORTED}{cluster}:{digest[:_DIGITS]}")


def is_imported(cluster: ClusterName) -> bool:
    """Whether a cluster is an imported incident: nothing that could be watched."""
    return cluster.startswith(_IMPORTED)
