"""What is said after a person has done something to a ticket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operator_cli.render.lines import ticket_line

if TYPE_CHECKING:
    from operator_cli.use_cases.handling import Handled


def done_line(handled: Handled) -> str:
    """The ticket as it is now, and as it was, with rich markup."""
    was, now = handled.was, handled.ticket
    before = was.state.value if was.state is not now.state else ("held" if was.hold else "not held")
    return f"{ticket_line(now)} [dim](was {before})[/]"


def warnings(handled: Handled) -> Iterator[str]:
    """What a person should know about it."""
    ticket = handled.ticket
    if handled.still_lasting:
        lasting = ", ".join(str(key) for key in handled.still_lasting)
        verb = "lasts" if len(handled.still_lasting) == 1 else "last"
        yield (
            f"ticket {ticket.id} is resolved while {lasting} still {verb}:"
            " no ticket opens for that before it has ended once"
        )
    if handled.is_held_now:
        yield (
            f"ticket {ticket.id} is held too: nothing of it lasts, and the monitor would resolve it at its next look;"
            f" give it back with: operator tickets unhold {ticket.id}"
        )
