"""Metrics as processes export them: counters, gauges and histograms, and their text format.

A histogram takes whole batches ("180 requests around 0.4 ms") and spreads them over its buckets, so that the cost
of a second of cluster time does not grow with the load. Counts are kept as fractions and shown rounded down;
because sums of non-negative numbers are monotone in floating point too, what is shown never falls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from typing import Final

_EXACT: Final = 1e15
_EXPONENT_FROM: Final = 1_000_000
"""Go writes numbers from here on with an exponent."""


class Dialect(Enum):
    """How numbers and labels are written: the Rust client of TiKV and the Go client of PD differ."""

    RUST = "rust"
    GO = "go"


def rust_number(x: float) -> str:
    """Rust's Display of f64: never an exponent, no ``.0``."""
    if x == int(x):
        return str(int(x))
    text = repr(x)
    return format(Decimal(text), "f") if "e" in text else text


def go_count(n: int) -> str:
    """The same for a whole number from 0 to 10^15, which a float holds exactly."""
    text = str(n)
    if n < _EXPONENT_FROM:
        return text
    rest = text[1:].rstrip("0")
    return f"{text[0]}{'.' if rest else ''}{rest}e+{len(text) - 1:02d}"


def go_number(x: float) -> str:
    """Go's FormatFloat(x, 'g', -1, 64): an exponent below 1e-4 and from 1e6 up."""
    if 0 <= x < _EXACT and x == int(x):
        return go_count(int(x))
    sign, digits, exponent = Decimal(repr(x)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + int(exponent) - 1
    if -4 <= power < 6:
        plain = format(Decimal(repr(x)), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


_WRITERS: Mapping[Dialect, Callable[[float], str]] = {Dialect.RUST: rust_number, Dialect.GO: go_number}
_GAPS: Mapping[Dialect, str] = {Dialect.RUST: "%d", Dialect.GO: "%s"}
"""Where a count goes in a page that is filled in."""


def exponential(start: float, factor: float, count: int) -> tuple[float, ...]:
    """Bounds as both client libraries compute them, by repeated multiplication."""
    return tuple(accumulate([start] + [factor] * (count - 1), lambda a, b: a * b))


def _phi(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


_Places = tuple[tuple[int, float], ...]
"""(bucket, share) of each bucket that gets something."""


@lru_cache(maxsize=256)
def _known_places(_bounds: tuple[float, ...]) -> dict[tuple[int, float], _Places]:
    """What :func:`_places` has found for some bounds, shared by all histograms that have them."""
    return {}


def _places(bounds: tuple[float, ...], step: int, spread: float) -> _Places:
    """Where the values of a log-normal whose median is exp(step / 32) go."""
    centre = step / 32
    below = [0.0, *(_phi((math.log(b) - centre) / spread) if b > 0 else 0.0 for b in bounds), 1.0]
    parts = [(k, below[k + 1] - below[k]) for k in range(len(bounds) + 1)]
    kept = [(k, p) for k, p in parts if p > 1e-6]
    total = sum(p for _, p in kept)
    return tuple((k, p / total) for k, p in kept)


class Cell:
    """One counter or gauge."""

    __slots__ = ("line", "shown_value", "value")

    def __init__(self, value: float = 0.0) -> None:
        self.value = value
        self.shown_value: float | None = None
        """The value of which `line` was made."""
        self.line = ""


class CountersByLabel(dict[str, Cell]):
    """One counter for each value of a label, made when it is first counted."""

    def __init__(self, make: Callable[[str], Cell], known: Iterable[str]) -> None:
        super().__init__((k, make(k)) for k in known)
        self._make = make

    def __missing__(self, key: str) -> Cell:
        cell = self[key] = self._make(key)
        return cell


class Histogram:
    """One histogram; values in the family's unit."""

    __slots__ = ("_bounds", "_factor", "_known", "_median", "_page", "_places", "_shown", "_spread", "counts", "total")

    def __init__(self, bounds: tuple[float, ...], page: str = "") -> None:
        self._bounds = bounds
        self._median = self._spread = -1.0
        self._known = _known_places(bounds)
        self._places: _Places = ()
        self._factor = 1.0
        self.counts = [0.0] * (len(bounds) + 1)
        self.total = 0.0
        self._page = page
        """Its lines, with gaps for the cumulated buckets, the sum and the count."""
        self._shown = ""
        """The lines as they were last shown; empty when something has been counted since."""

    def add(self, n: float, median: float, spread: float = 0.55) -> None:
        """Count `n` values, log-normal around `median`; `spread` is the standard deviation of the logarithm."""
        if n <= 0:
            return
        if median != self._median or spread != self._spread:
            if spread != self._spread:
                self._spread = spread
                self._factor = math.exp(spread * spread / 2)
            self._median = median
            key = (round(math.log(max(median, 1e-7)) * 32), round(spread, 2))
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = _places(self._bounds, *key)
            self._places = found
        counts = self.counts
        for k, share in self._places:
            counts[k] += n * share
        self.total += n * median * self._factor
        self._shown = ""

    def show(self, dialect: Dialect) -> str:
        """Its lines: buckets cumulated, sum, count. Where counts are plain digits, the gaps round them down."""
        if not self._shown:
            cumulated = [*accumulate(self.counts)]
            if dialect is Dialect.RUST:
                self._shown = self._page % (*cumulated, rust_number(round(self.total, 9)), cumulated[-1])
            else:
                texts = [*map(str if cumulated[-1] < _EXPONENT_FROM else go_count, map(int, cumulated))]
                self._shown = self._page % (*texts, go_number(round(self.total, 9)), texts[-1])
        return self._shown


class _Family:
    __slots__ = ("_order", "bounds", "cells", "head", "integral", "is_gauge", "name")

    def __init__(
        self, name: str, kind: str, described: str, bounds: tuple[float, ...], *, integral: bool, is_gauge: bool
    ) -> None:
        self.name = name
        self.head = f"# HELP {name} {described}\n# TYPE {name} {kind}"
        self.bounds = bounds
        self.integral = integral
        self.is_gauge = is_gauge
        self.cells: dict[str, Cell | Histogram] = {}
        """By label text; only ever added to."""
        self._order: list[tuple[str, Cell | Histogram]] = []

    def shown_order(self) -> list[tuple[str, Cell | Histogram]]:
        """The cells by their labels, each with what its line begins with."""
        if len(self._order) != len(self.cells):
            self._order = [
                (f"{self.name}{'{' + key + '}' if key else ''} ", cell) for key, cell in sorted(self.cells.items())
            ]
        return self._order

    def shown(self, value: float) -> float:
        """Whole numbers for counts, hundredths (the kernel's clock ticks) for counted seconds."""
        if self.integral:
            return float(int(value))
        return value if self.is_gauge else int(value * 100) / 100


@lru_cache(maxsize=8192)
def _label_text(labels: tuple[tuple[str, str], ...]) -> str:
    return ",".join([f'{k}="{v}"' for k, v in sorted(labels)])


class Registry:
    """All metrics of one process, for the life of that process: a restart begins a new one."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._write = _WRITERS[dialect]
        self._families: dict[str, _Family] = {}
        self._order: list[_Family] | None = None

    def _family(
        self,
        name: str,
        kind: str,
        described: str,
        bounds: tuple[float, ...] = (),
        *,
        integral: bool = False,
        is_gauge: bool = False,
    ) -> _Family:
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = _Family(name, kind, described, bounds, integral=integral, is_gauge=is_gauge)
            self._order = None
        return family

    def counter(
        self, name: str, described: str, /, *, kind: str = "counter", integral: bool = True, **labels: str
    ) -> Cell:
        """A number that only grows; `kind` because some of TiKV's counters are declared as gauges."""
        return self._cell(self._family(name, kind, described, integral=integral), labels)

    def gauge(self, name: str, described: str, /, **labels: str) -> Cell:
        return self._cell(self._family(name, "gauge", described, is_gauge=True), labels)

    def _cell(self, family: _Family, labels: Mapping[str, str]) -> Cell:
        cell = family.cells.get(key := _label_text(tuple(labels.items())))
        if cell is None:
            cell = family.cells[key] = Cell()
        assert isinstance(cell, Cell)
        return cell

    def histogram(self, name: str, described: str, bounds: Sequence[float], /, **labels: str) -> Histogram:
        family = self._family(name, "histogram", described, tuple(bounds))
        key = _label_text(tuple(labels.items()))
        cell = family.cells.get(key)
        if cell is None:
            comma = f"{key}," if key else ""
            texts = [self._write(b) for b in bounds] + ["+Inf"]
            plain = f"{{{key}}}" if key else ""
            gap = _GAPS[self._dialect]
            lines = [(f'{name}_bucket{{{comma}le="{b}"}} ', gap) for b in texts]
            lines += ((f"{name}_sum{plain} ", "%s"), (f"{name}_count{plain} ", gap))
            page = "\n".join(line.replace("%", "%%") + end for line, end in lines)
            cell = family.cells[key] = Histogram(family.bounds, page)
        assert isinstance(cell, Histogram)
        return cell

    def counters(
        self, label: str, values: Iterable[str], name: str, described: str, /, **fixed: str
    ) -> dict[str, Cell]:
        """One counter for each value of a label."""
        family = self._family(name, "counter", described, integral=True)
        return {v: self._cell(family, {**fixed, label: v}) for v in values}

    def gauges(self, label: str, values: Iterable[str], name: str, described: str, /, **fixed: str) -> dict[str, Cell]:
        """One gauge for each value of a label."""
        return {v: self.gauge(name, described, **{**fixed, label: v}) for v in values}

    def histograms(
        self, label: str, values: Iterable[str], name: str, described: str, bounds: Sequence[float], /, **fixed: str
    ) -> dict[str, Histogram]:
        """One histogram for each value of a label."""
        return {v: self.histogram(name, described, bounds, **{**fixed, label: v}) for v in values}

    def forget(self, name: str) -> None:
        """Take a whole family away; it comes back when it is asked for."""
        if self._families.pop(name, None) is not None:
            self._order = None

    def render(self) -> bytes:
        """The whole page, families in the order of their names."""
        if self._order is None:
            self._order = [self._families[n] for n in sorted(self._families)]
        write, dialect = self._write, self._dialect
        lines: list[str] = []
        for family in self._order:
            if not family.cells:
                continue
            lines.append(family.head)
            for prefix, cell in family.shown_order():
                if isinstance(cell, Histogram):
                    lines.append(cell.show(dialect))
                    continue
                if cell.value != cell.shown_value:
                    cell.shown_value = cell.value
                    cell.line = prefix + write(family.shown(cell.value))
                lines.append(cell.line)
        lines.append("")
        return "\n".join(lines).encode()
