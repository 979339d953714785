"""How long each thing may take; every wait of the loop ends by one of these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a cycle may take.

    Attributes:
        interval: from the start of one cycle to the start of the next.
        within: how long a look, or an operation of the ledger, may take.
        whole: how long a cycle may take as a whole.
        keep: how many observations a diagnoser is shown of the newest, and how many may wait to be written.
        remember: how many of the newest are remembered; the others are read when they are needed.
        quick: how long its report waits for diagnoses.
    """

    interval: timedelta
    within: timedelta
    whole: timedelta
    keep: int
    remember: int
    quick: timedelta
