"""Which observation, or which probe, a reading id points to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from operator_core.errors import LedgerError
from operator_core.readings import Reading, ReadingId
from operator_core.record import ProbeAsked

_OF_OBSERVATION = re.compile(r"o(-?\d{1,18})\.")
_OF_PROBE = re.compile(r"p(\d{1,18})\.")


def by_observation(ids: Iterable[ReadingId]) -> dict[int, set[ReadingId]]:
    """Reading ids by the number of the observation that their ``o<observation>.<n>`` names.

    An id of another shape can point to nothing and is left out.
    """
    return _by_number(_OF_OBSERVATION, ids)


def by_probe(ids: Iterable[ReadingId]) -> dict[int, set[ReadingId]]:
    """Reading ids by the number of the probe that their ``p<probe>.<n>`` names; others are left out."""
    return _by_number(_OF_PROBE, ids)


def _by_number(shape: re.Pattern[str], ids: Iterable[ReadingId]) -> dict[int, set[ReadingId]]:
    found: defaultdict[int, set[ReadingId]] = defaultdict(set)
    for ident in ids:
        if there := shape.match(ident):
            found[int(there[1])].add(ident)
    return dict(found)


def numbered(asked: ProbeAsked, number: int) -> ProbeAsked:
    """What a probe gave, with the ids that its readings have as probe of this number."""
    given = list(asked.given)
    place = 0
    for n, each in enumerate(given):
        if isinstance(each, Reading):
            place += 1
            given[n] = replace(each, id=ReadingId(f"p{number}.{place}"))
    return replace(asked, number=number, given=tuple(given))


def check_numbered(asked: ProbeAsked) -> None:
    """Refuse what a probe gave when its readings have ids of something else.

    Raises:
        LedgerError: they have.
    """
    if asked.number < 1 or asked != numbered(asked, asked.number):
        raise LedgerError(f"probe {asked.number} ({asked.name}): its readings are not called p{asked.number}.1 and on")
