"""Some dozens of looks sealed into one body: each shape once, each series a column.

Layout: a magic word; the lengths of the parts (little-endian, 32 bits each); a compressed JSON head; the shapes as they
were written when they first came up; three rows of numbers (constants, plain values, whole numbers), each as compressed
byte planes.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName, Observation

from operator_ledger.looks import planes, series, shape
from operator_ledger.looks.look import Look, Text, joined

MAGIC = b"LOOKS\x001\n"
_LENGTHS = struct.Struct("<5I")
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """A look beside its shape, as :func:`operator_ledger.looks.shape.to_bytes` wrote it."""

    shape: bytes
    look: Look


def sealed(looks: Sequence[Seen]) -> bytes:
    """One body for some looks, at least one; their order is kept."""
    shapes = list(dict.fromkeys(seen.shape for seen in looks))
    of = {body: n for n, body in enumerate(shapes)}
    shape_of_look = [of[seen.shape] for seen in looks]
    groups = _groups(shape_of_look)
    integers = [seen.look.number for seen in looks] + [seen.look.at for seen in looks]
    constants: list[int] = []
    plain: list[int] = []
    kinds: list[str] = []
    texts: list[object] = []
    runs: list[object] = []
    for members in groups.values():
        chosen = [looks[n].look for n in members]
        columns = series.columns_of([look.values for look in chosen])
        kinds.append(columns.kinds)
        constants += columns.constants
        plain += columns.plain
        integers += columns.scaled
        texts.append([_column(column) for column in zip(*[look.texts for look in chosen], strict=True)])
        runs.append(_column([look.instants[::2] for look in chosen]))
        integers += [later for look in chosen for later in look.instants[1::2]]
    head = {"of": shape_of_look, "shapes": [len(s) for s in shapes], "kinds": kinds, "texts": texts, "runs": runs}
    parts = [
        _packed(json.dumps(head, separators=(",", ":")).encode("ascii")),
        b"".join(shapes),
        _packed(planes.of_bits(constants)),
        _packed(planes.of_bits(plain)),
        _packed(planes.of_integers(integers)),
    ]
    return b"".join((MAGIC, _LENGTHS.pack(*map(len, parts)), *parts))


def _packed(body: bytes) -> bytes:
    return zlib.compress(body, _LEVEL)


def _groups(shape_of_look: Sequence[int]) -> dict[int, list[int]]:
    """The places of the looks of each shape."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for place, of in enumerate(shape_of_look):
        groups[of].append(place)
    return dict(sorted(groups.items()))


def _column(column: Sequence[object]) -> list[object]:
    """Each different value once, and where it stands; one value alone when there is no other."""
    different = list(dict.fromkeys(column))
    if len(different) == 1:
        return different
    number = {value: n for n, value in enumerate(different)}
    return [different, [number[value] for value in column]]


def _whole(column: list[Any], looks: int) -> list[Any]:
    if len(column) == 1:
        return column * looks
    different, places = column
    return [different[place] for place in places]


@dataclass(frozen=True, slots=True)
class Segment:
    """A body that was read; its looks come in the order in which they were sealed."""

    looks: tuple[Seen, ...]

    def observations(self, cluster: ClusterName, wanted: Callable[[Look], bool]) -> Iterator[Observation]:
        """Those that are wanted; the others cost next to nothing.

        Raises:
            LedgerError: it is damaged.
        """
        for seen in self.looks:
            if wanted(seen.look):
                yield joined(cluster, shape.from_bytes(seen.shape), seen.look)


def opened(body: bytes) -> Segment:
    """What :func:`sealed` made.

    Raises:
        LedgerError: it is damaged, or written by a newer program.
    """
    if not body.startswith(MAGIC):
        raise LedgerError("a segment of observations does not begin as one that this program can read")
    try:
        return Segment(tuple(_opened(body)))
    except (zlib.error, struct.error, ValueError, KeyError, IndexError, TypeError, RuntimeError) as e:
        raise LedgerError(f"a segment of observations is damaged: {e}") from e


def _opened(body: bytes) -> Iterator[Seen]:
    lengths = _LENGTHS.unpack_from(body, len(MAGIC))
    ends = len(MAGIC) + _LENGTHS.size
    parts: list[bytes] = []
    for length in lengths:
        parts.append(body[ends : ends + length])
        ends += length
    if ends != len(body):
        raise ValueError(f"{len(body)} bytes instead of {ends}")
    head = cast("dict[str, Any]", json.loads(zlib.decompress(parts[0])))
    shapes = list(_cut(parts[1], head["shapes"]))
    constants = _Row(planes.bits_of(zlib.decompress(parts[2])))
    plain = _Row(planes.bits_of(zlib.decompress(parts[3])))
    integers = _Row(planes.integers_of(zlib.decompress(parts[4])))
    of: list[int] = head["of"]
    numbers, instants = integers.take(len(of)), integers.take(len(of))
    found: dict[int, Seen] = {}
    for (which, places), kinds, texts, runs in zip(
        _groups(of).items(), head["kinds"], head["texts"], head["runs"], strict=True
    ):
        count = len(places)
        columns = series.Columns(
            kinds,
            constants.take(kinds.count(series.CONSTANT)),
            plain.take(count * kinds.count(series.PLAIN)),
            integers.take(count * sum(kind.isdigit() for kind in kinds)),
        )
        values = series.rows_of(columns, count)
        of_looks: list[tuple[Text, ...]] = list(zip(*[_whole(c, count) for c in texts], strict=True)) or [()] * count
        for place, row, told, counts in zip(places, values, of_looks, _whole(runs, count), strict=True):
            later = integers.take(len(counts))
            by_turns = tuple(n for run in zip(counts, later, strict=True) for n in run)
            found[place] = Seen(shapes[which], Look(numbers[place], instants[place], row, by_turns, told))
    for row in (constants, plain, integers):
        row.is_over()
    yield from (found[place] for place in range(len(of)))


def _cut(body: bytes, lengths: Sequence[int]) -> Iterator[bytes]:
    if sum(lengths) != len(body):
        raise ValueError(f"{len(body)} bytes of shapes instead of {sum(lengths)}")
    start = 0
    for length in lengths:
        yield body[start : start + length]
        start += length


class _Row:
    """A row of numbers that is read from its beginning to its end."""

    def __init__(self, numbers: list[int]) -> None:
        self._numbers, self._at = numbers, 0

    def take(self, count: int) -> list[int]:
        taken = self._numbers[self._at : self._at + count]
        if len(taken) != count:
            raise ValueError("a row of numbers ends too early")
        self._at += count
        return taken

    def is_over(self) -> None:
        if self._at != len(self._numbers):
            raise ValueError("a row of numbers ends too late")
