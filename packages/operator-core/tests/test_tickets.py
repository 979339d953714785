from __future__ import annotations

import pytest
from operator_core.tickets import TRANSITIONS, TicketState, may_move

S = TicketState
ALLOWED = {
    (S.OPEN, S.DIAGNOSED),
    (S.OPEN, S.ESCALATED),
    (S.OPEN, S.RESOLVED),
    (S.DIAGNOSED, S.ACTING),
    (S.DIAGNOSED, S.ESCALATED),
    (S.DIAGNOSED, S.RESOLVED),
    (S.ACTING, S.VERIFYING),
    (S.ACTING, S.ESCALATED),
    (S.VERIFYING, S.DIAGNOSED),
    (S.VERIFYING, S.ESCALATED),
    (S.VERIFYING, S.RESOLVED),
    (S.ESCALATED, S.OPEN),
    (S.ESCALATED, S.RESOLVED),
    (S.RESOLVED, S.OPEN),
}


@pytest.mark.parametrize("source", S)
@pytest.mark.parametrize("to", S)
def test_a_ticket_moves_as_the_table_says_and_not_otherwise(source: TicketState, to: TicketState) -> None:
    assert may_move(source, to) == ((source, to) in ALLOWED)


def test_every_state_has_a_way_on_and_all_but_resolved_can_be_escalated() -> None:
    assert set(TRANSITIONS) == set(S)
    assert all(TRANSITIONS[s] for s in S)
    assert all(may_move(s, S.ESCALATED) for s in S if s not in (S.ESCALATED, S.RESOLVED))


def test_nothing_is_resolved_in_the_middle_of_an_action() -> None:
    assert not may_move(S.ACTING, S.RESOLVED)
    assert [s for s in S if s.is_over] == [S.RESOLVED]
