"""What each fault of the demo and of the figures is, in the words of a diagnosis.

A diagnoser is never given this; it is what its answer is held against afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from operator_core.components import ComponentRef
from operator_core.diagnosis import Diagnosis
from operator_core.knowledge import ModeName

EXPECTED_MODE: Mapping[str, ModeName] = {
    "kill-store": ModeName("store-kill"),
    "pause-store": ModeName("store-pause"),
    "isolate-store": ModeName("net-isolate-store"),
    "cut-from-pd": ModeName("net-store-pd"),
    "kill-pd-leader": ModeName("pd-leader-loss"),
}
"""The failure mode that each fault is."""


def is_right(diagnosis: Diagnosis, command: str, target: ComponentRef) -> bool:
    """Whether the first hypothesis names the mode that the fault was, and its target."""
    return diagnosis.first.mode == EXPECTED_MODE[command] and target in diagnosis.first.components
