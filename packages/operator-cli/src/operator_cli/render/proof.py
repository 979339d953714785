"""How the proof of a record looks: each cluster whole, or with what is wrong and where; and the head to keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operator_cli.render.console import full_time
from operator_cli.render.lines import escaped

if TYPE_CHECKING:
    from operator_ledger.proving.report import ClusterProof, Proof


def proof_lines(proof: Proof, place: str) -> Iterator[str]:
    """What was found, with rich markup."""
    for found in proof.clusters:
        yield from _cluster_lines(found)
    yield from (f"[red]✗[/] {escaped(defect)}" for defect in proof.defects)
    defects = len(proof.defects) + sum(len(c.defects) for c in proof.clusters)
    if proof.holds:
        yield f"[green]✔ {escaped(place)} is as it was written[/]"
    else:
        yield f"[red]✗ {escaped(place)} is not as it was written: {defects} defect{'s' if defects > 1 else ''}[/]"


def _cluster_lines(found: ClusterProof) -> Iterator[str]:
    mark = "[red]✗[/]" if found.defects else "[green]✔[/]"
    yield f"{mark} [bold]{escaped(found.cluster)}[/]  {found.entries:,} entries, {found.observations:,} looks"
    for pruned in found.pruned:
        yield (
            f"  pruned {full_time(pruned.at)} by {escaped(pruned.by)}: {pruned.observations:,} looks"
            f" between number {pruned.first} and {pruned.last}"
        )
    yield from (f"  [red]{escaped(defect)}[/]" for defect in found.defects)
    if found.head and not found.defects:
        yield f"  [dim]--head '{escaped(found.cluster)}={found.head}'[/]"
