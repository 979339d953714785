"""Which observation a reading id points to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from operator_core.readings import ReadingId

_SHAPE = re.compile(r"o(-?\d{1,18})\.")


def by_observation(ids: Iterable[ReadingId]) -> dict[int, set[ReadingId]]:
    """Reading ids by the number of the observation that their ``o<observation>.<n>`` names.

    An id of another shape can point to nothing and is left out.
    """
    found: defaultdict[int, set[ReadingId]] = defaultdict(set)
    for ident in ids:
        if shape := _SHAPE.match(ident):
            found[int(shape[1])].add(ident)
    return dict(found)
