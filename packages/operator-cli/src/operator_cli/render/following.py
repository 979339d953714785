"""Tickets as they change: a table that is drawn again on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from operator_cli.exits import tell
from operator_cli.render.console import console
from operator_cli.render.document import line
from operator_cli.render.lines import escaped
from operator_cli.render.tickets import change_line, closing, table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from operator_cli.use_cases.following import Seen
    from operator_cli.use_cases.tickets import Wanted

Tells = Callable[["Seen"], None]

AROUND_TABLE = 7
"""Lines of the terminal that the table leaves free."""


@contextmanager
def teller(wanted: Wanted, *, as_json: bool) -> Generator[Tells]:
    """How one look after the other is told: as JSON lines, on a terminal, or in plain lines."""
    out = console()
    if as_json:
        yield _tell_json
    elif not out.is_terminal:
        yield _Plain(out, wanted)
    else:
        from rich.live import Live

        with Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:

            def draw(seen: Seen) -> None:
                for change in seen.changes:
                    if change.change.value != "there":
                        live.console.print(change_line(change))
                live.update(_picture(seen, wanted, width=out.width, height=out.height), refresh=True)

            yield draw


def _tell_json(seen: Seen) -> None:
    """One document a line; what cannot be read is said on standard error."""
    for change in seen.changes:
        sys.stdout.write(f"{line('operator.ticket-change', 1, change)}\n")
    sys.stdout.flush()
    if seen.failed is not None:
        tell(seen.failed)


class _Plain:
    """A line for each change, and one when the record cannot be read any more."""

    def __init__(self, out: Console, wanted: Wanted) -> None:
        self._out = out
        self._wanted = wanted
        self._failed: str | None = None
        self._is_first = True

    def __call__(self, seen: Seen) -> None:
        for change in seen.changes:
            self._out.print(change_line(change))
        if self._is_first:
            for text in closing(seen.listed, self._wanted, is_folded=False):
                self._out.print(text)
        sys.stdout.flush()
        if seen.failed is not None and seen.failed != self._failed:
            tell(seen.failed)
        self._failed = seen.failed
        self._is_first = False


def _picture(seen: Seen, wanted: Wanted, *, width: int, height: int) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    below = [*closing(seen.listed, wanted, is_folded=True)]
    if seen.failed is not None:
        below.append(f"[red]the record cannot be read:[/] {escaped(seen.failed)}")
    most = max(1, height - AROUND_TABLE - len(below))
    hidden = len(seen.listed.tickets) - most
    if hidden > 0:
        below.insert(0, f"[dim]and {hidden} older ones that this terminal has no room for[/]")
    parts: list[RenderableType] = (
        [Text(), table(seen.listed, width=width, most=most)] if seen.listed.tickets else [Text()]
    )
    return Group(*parts, *(Text.from_markup(text) for text in below), Text("Ctrl-C ends it", style="dim"))
