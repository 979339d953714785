"""Who can say whether a store is there: our own look at its doors, PD, and the other stores."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from operator_core.components import ComponentRef
from operator_core.readings import Contact

from operator_tikv import names as n
from operator_tikv.pd.model import StoreState
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.talk import Talk

TWO_LOOKS = 4.0
"""Seconds: longer than one look of five seconds lasts, shorter than two are apart."""
HEARTBEAT_LATE = 12.0
"""Seconds without heartbeat that are clearly more than the 10 s between two (pd-store-heartbeat-tick-interval)."""
YOUNG = 60.0
"""Seconds after a process started in which PD and its peers may not have heard it yet."""
SURELY_AFTER = 5.0
"""Seconds by which a heartbeat must be younger than our loss to count as heard after it: a look and two clocks."""

_PROOF = frozenset({Contact.REFUSED.value, Contact.SILENT.value})


class Says(Enum):
    """What one witness says of a component."""

    HEARS = "hears it"
    """It heard it after we had lost it."""
    SILENCE = "hears nothing of it"
    NOTHING = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Our own look at a store."""

    status: str | None
    service: str | None
    silent_for: float

    @property
    def any_answers(self) -> bool:
        return Contact.ANSWERED.value in (self.status, self.service)

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(c for c in (self.status, self.service) if c is not None)

    @property
    def prove_it(self) -> bool:
        """Whether every door fails in a way that shows that our path to the host is good."""
        return len(self.known) == 2 and all(c in _PROOF for c in self.known)

    @property
    def words(self) -> str:
        return f"status port {self.status or 'not asked'}, service port {self.service or 'not asked'}"


def doors_of(seen: Seen, ref: ComponentRef) -> Doors:
    """Our own look at a store."""
    return Doors(
        status=seen.word(n.STORE_STATUS_CONTACT, ref),
        service=seen.word(n.STORE_SERVICE_CONTACT, ref),
        silent_for=seen.number(n.STORE_SILENT_FOR, ref) or 0.0,
    )


def pd_says(seen: Seen, ref: ComponentRef, silent_for: float) -> Says:
    """What PD says of a store; nothing while its leader is new."""
    if seen.is_settling:
        return Says.NOTHING
    state, age = seen.word(n.STORE_STATE, ref), seen.number(n.STORE_HEARTBEAT_AGE, ref)
    late = age is not None and age > HEARTBEAT_LATE
    if late or state in (StoreState.DISCONNECTED.value, StoreState.DOWN.value):
        return Says.SILENCE
    if age is not None and age + SURELY_AFTER < silent_for:
        return Says.HEARS
    return Says.NOTHING


def peers_say(seen: Seen, talk: Talk, ref: ComponentRef, silent_for: float) -> Says:
    """What the other stores say: complaints, and raft messages that come or do not come."""
    complaining = sorted(by for by, rate in talk.complaints_of(ref).items() if rate > 0)
    from_it = talk.received_from(ref)
    telling = talk.telling_beside(ref)
    for by in sorted(from_it):
        seen.reading(n.STORE_MESSAGES_FROM, by, ref)
    for by in complaining:
        seen.reading(n.STORE_UNREACHABLE_REPORTS, by, ref)
    hearing = sum(rate > 0 for rate in from_it.values())
    if silent_for >= TWO_LOOKS and hearing * 2 > telling and not complaining:
        return Says.HEARS
    if complaining and len(complaining) * 2 >= telling:
        return Says.SILENCE
    if from_it and hearing == 0 and talk.others_talk(ref):
        return Says.SILENCE
    return Says.NOTHING


def is_just_started(seen: Seen, ref: ComponentRef, within: float = YOUNG) -> bool:
    """Whether its process was started less than so many seconds ago, as it says itself or told PD."""
    starts = [s for s in (seen.number(n.STORE_PROCESS_START, ref), seen.number(n.STORE_START, ref)) if s is not None]
    return bool(starts) and seen.observation.at.timestamp() - max(starts) < within
