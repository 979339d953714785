"""What a busy machine may spoil once, but not again and again.

A background cluster at several times real time gives every answer only a part of the usual time: beside other tests one
look may miss an answer, and says so. A test that is about something else looks again.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], holds: Callable[[T], bool], *, most: int = 6) -> T:
    """Look until it holds, or for the last time; the test's own assertion then shows what was seen."""
    for _ in range(most - 1):
        seen = look()
        if holds(seen):
            return seen
    return look()


def succeeded(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command ended well; one that must first see that all is well refuses when its look missed an answer."""
    return done.returncode == 0
