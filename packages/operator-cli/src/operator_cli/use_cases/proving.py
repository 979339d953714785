"""Whether the record is as it was written, and as those remember it who kept a head of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError
from operator_core.readings import ClusterName

from operator_cli.use_cases.tickets import check_known

if TYPE_CHECKING:
    from operator_ledger import SqlLedger
    from operator_ledger.proving.report import Proof

_DIGEST = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


def heads_of(given: Iterable[str]) -> Mapping[ClusterName, str]:
    """Heads of chains as a person gives them: ``CLUSTER=DIGEST``.

    Raises:
        ConfigurationError: one is not of that form, or a cluster has two.
    """
    heads: dict[ClusterName, str] = {}
    for text in given:
        name, _, digest = text.rpartition("=")
        if not name or not _DIGEST.fullmatch(digest):
            raise ConfigurationError(
                f"--head is {text!r}; CLUSTER=DIGEST is meant, the digest as 64 hexadecimal digits"
            )
        if heads.setdefault(ClusterName(name), digest.lower()) != digest.lower():
            raise ConfigurationError(f"--head is {text!r}, and another head of {name} is given too")
    return heads


async def prove(ledger: SqlLedger, cluster: ClusterName | None, heads: Mapping[ClusterName, str]) -> Proof:
    """Look the record over, of one cluster or all of it.

    Raises:
        ConfigurationError: nothing was ever recorded of the cluster, or a head of another one is given.
        LedgerError: it cannot be read.
    """
    if cluster is not None:
        if others := heads.keys() - {cluster}:
            raise ConfigurationError(f"--head is of {min(others)}, and only {cluster} is looked at")
        if cluster not in heads:
            await check_known(ledger, cluster)
    return await ledger.verify(cluster, heads=heads)
