"""The words of an undo, as they stand in the journal. What was written once must be understood for ever."""

from __future__ import annotations

from typing import Final

IDENT: Final = "ident"
"""The fault's own word: part of every rule, file and container that it leaves anywhere."""
FAMILY: Final = "family"
NAME: Final = "fault"
PROJECT: Final = "project"
SERVICE: Final = "service"
CONTAINER: Final = "container"
DOES: Final = "does"
"""What it does, for people."""
BEFORE: Final = "before"
"""The container's state before."""
