"""Which part of a picture gets how many of a terminal's lines; pure, so that no size surprises it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

LABEL = 9
"""Cells of the margin in which a part's name stands."""

Draw = Callable[[int], Sequence[Text]]
"""Draws a part in at most so many lines, and says there what it had to leave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a picture.

    Attributes:
        wants: the lines that it fills when there is room.
        least: the lines without which it says nothing, 1 to `wants`.
        weight: who gets scarce lines first; lower is more important.
        is_nice_to_have: its further lines matter less than that the picture is easily read.
        draw: its lines, each already cut to the width.
    """

    name: str
    wants: int
    least: int
    weight: int
    draw: Draw
    is_nice_to_have: bool = False


def share(parts: Sequence[Part], rows: int) -> tuple[int, ...]:
    """How many lines each part gets: never more together than there are, never more than it wants.

    First each its least, the important ones first; then line by line round the table, until nothing is left or wanted:
    a part of a hundred rows leaves the others theirs.
    """
    given = [0] * len(parts)
    left = rows
    by_weight = sorted(range(len(parts)), key=lambda n: (parts[n].weight, n))
    for n in by_weight:
        if parts[n].least <= left:
            given[n] = parts[n].least
            left -= parts[n].least
    while left > 0 and (hungry := [n for n in by_weight if 0 < given[n] < parts[n].wants]):
        for n in hungry[:left]:
            given[n] += 1
        left -= min(left, len(hungry))
    return tuple(given)


def fit(parts: Sequence[Part], rows: int) -> tuple[Text, ...]:
    """The lines of a picture, top to bottom, at most `rows`; with an empty one between parts where there is room.

    Air comes before what is only nice to have, and after everything else.
    """
    between = max(0, len(parts) - 1)
    airy = share(parts, max(0, rows - between))
    is_airy = all(given == p.wants or (given and p.is_nice_to_have) for p, given in zip(parts, airy, strict=True))
    shares = airy if is_airy else share(parts, rows)
    drawn = [list(part.draw(given))[:given] for part, given in zip(parts, shares, strict=True) if given]
    spare = rows - sum(map(len, drawn))
    lines: list[Text] = []
    for part in drawn:
        if lines and spare > 0:
            lines.append(Text())
            spare -= 1
        lines.extend(part)
    return tuple(lines)


def cut(text: Text, width: int) -> Text:
    """A line that is no wider than that; what is left out is said by an ellipsis."""
    text.no_wrap = True
    text.truncate(max(0, width), overflow="ellipsis")
    return text


def spread(left: Text, right: Text, width: int) -> Text:
    """Two texts at the two ends of a line; where both have no room, the right one is left out."""
    gap = width - cell_len(left.plain) - cell_len(right.plain)
    return cut(left, width) if gap < 2 else Text.assemble(left, " " * gap, right, no_wrap=True)


def columns(rows: Sequence[Sequence[Text]], *, width: int, right: Collection[int] = (), gap: int = 2) -> list[Text]:
    """Rows of cells as lines, each column as wide as its widest cell; the last columns go when the width is short.

    Args:
        right: columns whose cells stand at their right edge.
    """
    if not rows:
        return []
    count = max(len(row) for row in rows)
    widths = [max((cell_len(row[n].plain) for row in rows if n < len(row)), default=0) for n in range(count)]
    shown = 0
    used = -gap
    while shown < count and (shown == 0 or used + gap + widths[shown] <= width):
        used += gap + widths[shown]
        shown += 1
    lines: list[Text] = []
    for row in rows:
        line = Text(no_wrap=True)
        for n, cell in enumerate(row[:shown]):
            pad = " " * (widths[n] - cell_len(cell.plain))
            line.append(" " * gap if n else "")
            line.append_text(Text.assemble(pad, cell) if n in right else Text.assemble(cell, pad))
        lines.append(cut(line, width))
    return lines


def labelled(label: str, lines: Sequence[Text], width: int) -> list[Text]:
    """Lines with a part's name in the margin beside the first."""
    margins = [label.ljust(LABEL), *([" " * LABEL] * (len(lines) - 1))]
    return [cut(Text.assemble((m, "dim"), line), width) for m, line in zip(margins, lines, strict=True)]
