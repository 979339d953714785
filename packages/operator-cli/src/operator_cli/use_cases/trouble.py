"""Which of the recorded observations tell of a ticket's trouble."""

from __future__ import annotations

from collections.abc import Sequence

from operator_core.judgements import Verdict, judge
from operator_core.knowledge import Knowledge
from operator_core.readings import Observation
from operator_core.tickets import Ticket

LOOKS = 24
"""How many looks of a ticket's beginning, and as many of its end, are reasoned about."""


def while_it_lasted(observations: Sequence[Observation], ticket: Ticket, known: Knowledge) -> tuple[Observation, ...]:
    """How it began and how it last was: what came after the trouble was over tells nothing of it."""
    keys = {v.key for v in ticket.violations}

    def shows_it(observation: Observation) -> bool:
        return any(j.key in keys and j.verdict is Verdict.VIOLATED for j in judge(known.invariants, observation))

    last = next((n for n in range(len(observations) - 1, -1, -1) if shows_it(observations[n])), len(observations) - 1)
    lasting = tuple(observations[: last + 1])
    return lasting if len(lasting) <= 2 * LOOKS else (*lasting[:LOOKS], *lasting[-LOOKS:])
