"""The few shapes that pages are made of: a heading, rows whose last cell takes what is left of the line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


def heading(text: str) -> str:
    """The heading of a part, a line apart from what stands before it; with rich markup."""
    return f"\n[bold cyan]{text.upper()}[/]"


def grid(rows: Iterable[Sequence[RenderableType]], *, right: int | None = None) -> RenderableType:
    """Rows of cells, indented by two; all but the last cell keep their line, the last is folded.

    Args:
        rows: of the same length each, strings with rich markup.
        right: the column that is set flush right.
    """
    from rich.padding import Padding
    from rich.table import Table

    made = Table.grid(padding=(0, 2, 0, 0))
    listed = [tuple(row) for row in rows]
    for column in range(len(listed[0]) if listed else 0):
        is_last = column == len(listed[0]) - 1
        made.add_column(
            no_wrap=not is_last,
            overflow="fold",
            justify="right" if column == right else "left",
            ratio=1 if is_last else None,
        )
    for row in listed:
        made.add_row(*row)
    return Padding(made, (0, 0, 0, 2), expand=False)
