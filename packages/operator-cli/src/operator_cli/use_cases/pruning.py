"""Forgetting what no ticket needs, by age and by size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError
from operator_core.readings import ClusterName

from operator_cli.use_cases.tickets import check_known

if TYPE_CHECKING:
    from operator_ledger import SqlLedger
    from operator_ledger.pruning import Pruned


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is to go; one of the two at least.

    Attributes:
        older_than: age from which on looks go.
        larger_than: bytes that the whole record may use.
        cluster: of this one alone.
    """

    older_than: timedelta | None
    larger_than: int | None
    cluster: ClusterName | None

    def __post_init__(self) -> None:
        if self.older_than is None and self.larger_than is None:
            raise ConfigurationError("say what is to go: --older-than 30d, --larger-than 2GB, or both")


async def prune(ledger: SqlLedger, bounds: Bounds, *, at: datetime, by: str, dry_run: bool) -> Pruned:
    """Prune, or say what would go.

    Raises:
        ConfigurationError: nothing was ever recorded of the cluster.
        LedgerError: it failed; what went until then is gone, and the record says so.
    """
    if bounds.cluster is not None:
        await check_known(ledger, bounds.cluster)
    return await ledger.prune(
        at=at,
        by=by,
        older_than=None if bounds.older_than is None else at - bounds.older_than,
        larger_than=bounds.larger_than,
        cluster=bounds.cluster,
        dry_run=dry_run,
    )
