"""Costs as tables: a line for each investigation, and what each model cost in all."""

from __future__ import annotations

from decimal import Decimal

from rich.table import Table
from rich.text import Text

from operator_cli.render.console import full_time, plain
from operator_cli.use_cases.costing import Cost, Costs


def money(cost: Cost) -> str:
    """``0.1234``; with a sign where some of it has no known price."""
    shown = f"{cost.usd.quantize(Decimal('0.0001'))}"
    return shown if not cost.unpriced else "?" if not cost.usd else f"{shown}+?"


def _figures(cost: Cost) -> tuple[str, ...]:
    return (
        f"{cost.attempts}",
        f"{cost.turns}",
        f"{cost.tokens_in:,}",
        f"{cost.cache_read:,}",
        f"{cost.cache_written:,}",
        f"{cost.tokens_out:,}",
        f"{cost.wall.total_seconds():.0f} s",
        money(cost),
    )


_NUMBERS = ("attempts", "turns", "in", "cache read", "cache written", "out", "time", "USD")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in _NUMBERS else "left", no_wrap=True)
    return table


def table_of(costs: Costs) -> Table:
    """A line for each investigation, oldest first."""
    table = _table("began", "ticket", "cluster", "model", "ended", *_NUMBERS)
    for each in costs.investigations:
        ticket = "" if each.ticket is None else str(each.ticket)
        words = (full_time(each.began), ticket, each.cluster, each.model, each.ended)
        table.add_row(*(Text(plain(cell)) for cell in (*words, *_figures(each.cost))))
    return table


def sums_of(costs: Costs) -> Table:
    """A line for each model, and one for all."""
    table = _table("model", "investigations", *_NUMBERS)
    rows = [*costs.by_model.items(), *([("all", costs.total)] if len(costs.by_model) > 1 else [])]
    for name, cost in rows:
        table.add_row(*(Text(plain(cell)) for cell in (name, str(cost.investigations), *_figures(cost))))
    return table
