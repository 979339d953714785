"""A door with a known source of chance."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from operator_diagnosis.outward import Outward


@pytest.fixture
def outward() -> Callable[..., Outward]:
    """``outward(**more)``: a door whose words for fences are drawn from a seed."""

    def make(**more: object) -> Outward:
        return Outward(chance=random.Random(20260301), **more)  # pyright: ignore[reportArgumentType]

    return make
