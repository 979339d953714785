"""What entries do to silences: pure, so that every kind of ledger keeps them by the same rules."""

from __future__ import annotations

from dataclasses import replace

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName
from operator_core.record import SilenceAdded, SilenceEnded
from operator_core.silences import Silence, SilenceId


def stated(entry: SilenceAdded, ident: SilenceId, cluster: ClusterName) -> Silence:
    """The silence that an entry states.

    Raises:
        LedgerError: it ends before it begins.
    """
    if entry.ends <= entry.at:
        raise LedgerError(f"a silence from {entry.at} on cannot end at {entry.ends}")
    return Silence(
        id=ident,
        cluster=cluster,
        scope=entry.scope,
        starts=entry.at,
        ends=entry.ends,
        by=entry.by,
        because=entry.because,
    )


def ended(silence: Silence | None, entry: SilenceEnded, cluster: ClusterName) -> Silence:
    """A silence after a person has ended it; one that is over already stays as it is.

    Raises:
        LedgerError: the cluster has no such silence.
    """
    if silence is None or silence.cluster != cluster:
        raise LedgerError(f"there is no silence {entry.silence} of cluster {cluster!r}")
    over = silence.ended_at is not None or entry.at >= silence.ends
    return silence if over else replace(silence, ended_at=entry.at)
