"""What is said of incidents that leave a ledger as a file or come into one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operator_cli.render.console import full_time
from operator_cli.render.lines import escaped, ticket_line

if TYPE_CHECKING:
    from operator_ledger.bundles import BundleFile

    from operator_cli.use_cases.bundling import TakenIn


def exported_lines(written: BundleFile) -> Iterator[str]:
    """Where it is, what is in it, and what was masked, with rich markup."""
    bundle = written.bundle
    yield f"[bold]{escaped(str(written.path))}[/]"
    looks = len(bundle.observations)
    yield f"  ticket {bundle.ticket} of {escaped(bundle.cluster)}: {looks} looks, {len(bundle.told)} entries"
    masked = ", ".join(f"{count} × {escaped(kind)}" for kind, count in sorted(bundle.redactions.items()))
    yield f"  masked: {masked or 'nothing, for no secret was found'}"
    yield f"  [dim]SHA-256 {written.digest}[/]"


def taken_in_lines(taken: TakenIn) -> Iterator[str]:
    """Which ticket it is here, and where it comes from, with rich markup."""
    origin = taken.origin
    yield ticket_line(taken.ticket)
    if taken.was_there:
        yield f"  it was imported {full_time(origin.at)} already; nothing was changed"
    yield f"  it was ticket {origin.ticket} of {escaped(origin.cluster)}, and is under {escaped(taken.ticket.cluster)}"
    written_by = ", ".join(f"{escaped(name)} {escaped(version)}" for name, version in sorted(origin.versions.items()))
    yield f"  [dim]written by {written_by}; its own digest {origin.digest}[/]"
    yield f"  look at it with: operator timeline {taken.ticket.id}"
