"""What is said of a pruning: which looks went, of which clusters, and how large the record is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operator_cli.render.lines import escaped
from operator_cli.sizes import shown_size

if TYPE_CHECKING:
    from operator_ledger.pruning import Pruned

RANGES_SHOWN = 5


def pruned_lines(pruned: Pruned, *, place: str, larger_than: int | None, dry_run: bool) -> Iterator[str]:
    """What went, or would go, with rich markup."""
    verb = "would go" if dry_run else "gone"
    for cluster in pruned.clusters:
        looks = sum(r.observations for r in cluster.ranges)
        yield f"[bold]{escaped(cluster.cluster)}[/]  {looks:,} looks {verb}, {shown_size(cluster.bytes)}"
        for each in cluster.ranges[:RANGES_SHOWN]:
            yield f"  {each.observations:,} between number {each.first} and {each.last}"
        if (more := len(cluster.ranges) - RANGES_SHOWN) > 0:
            yield f"  [dim]and {more} more ranges: --json[/]"
    if not pruned.clusters:
        yield "nothing goes: what is there is not old enough, or needed by a ticket, or too new to be sealed"
    size, was = pruned.after, pruned.before
    change = "" if dry_run or size == was else f", was {shown_size(was.used)}"
    yield f"{escaped(place)}: {shown_size(size.used)} in use{change}; {shown_size(size.on_disk)} on disk"
    if larger_than is not None and not dry_run and size.used > larger_than:
        yield f"[yellow]that is more than {shown_size(larger_than)}: tickets need the rest, or it is not sealed yet[/]"
