"""What can be measured, defined once as data and evaluated by whoever has the means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from operator_core.components import Kind
from operator_core.readings import SignalName, Unit


class SignalKind(Enum):
    """How a value comes out of what is exported."""

    GAUGE = "gauge"
    """The latest value."""
    RATE = "rate"
    """Growth of a counter per second over the window, resets taken into account."""
    MEAN = "mean"
    """Growth of a histogram's sum by growth of its count over the window; none when nothing was counted."""
    QUANTILE = "quantile"
    """A quantile of what a histogram counted within the window; none when nothing was counted."""
    STATE = "state"
    """A word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """The definition of a measurable quantity.

    Attributes:
        kind: how the value is computed.
        about: the kind of component that it is measured at.
        metric: the family exported by the process; None when the value comes from an API.
        selector: label values that must match exactly.
        toward: the label that names the other component, for a signal about a pair.
        window: over which a rate, mean or quantile is computed.
        quantile: 0 < q < 1, for a quantile.
        describes: one plain sentence for a person.
    """

    name: SignalName
    unit: Unit
    kind: SignalKind
    about: Kind
    describes: str
    metric: str | None = None
    selector: Mapping[str, str] = field(default_factory=dict[str, str])
    toward: str | None = None
    window: timedelta | None = None
    quantile: float | None = None
