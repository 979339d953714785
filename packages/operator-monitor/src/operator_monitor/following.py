"""What is kept of the judgements between cycles, over restarts, and when ledger and memory disagree; all pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from operator_core.decide import FLAP_WINDOW, Tracked
from operator_core.judgements import Judgement, JudgementKey, Verdict
from operator_core.record import JudgementChanged
from operator_core.tickets import Ticket

_AT_EASE = Tracked(verdict=Verdict.HOLDS)


def adopted(tracked: Mapping[JudgementKey, Tracked], tickets: Iterable[Ticket]) -> dict[JudgementKey, Tracked]:
    """What is tracked, with every violation that lasts in an open ticket followed as open.

    The ledger is right when the two disagree: an append whose answer was lost may have been written, and a person
    may have opened a ticket again whose violation was no longer followed. What lasts in a resolved ticket was given
    up by a person, and is followed no further than it is.
    """
    after = dict(tracked)
    for ticket in tickets:
        if not ticket.is_open:
            continue
        for violation in ticket.lasting:
            there = after.get(violation.key, Tracked())
            if not there.is_open:
                after[violation.key] = replace(
                    there, is_open=True, violated_since=there.violated_since or violation.since
                )
    return after


def remarkable(tracked: Mapping[JudgementKey, Tracked]) -> dict[JudgementKey, Tracked]:
    """What must outlive a restart; a key of which nothing is known but that it holds comes back by itself."""
    return {key: t for key, t in tracked.items() if t != _AT_EASE}


def remembered(
    tracked: dict[JudgementKey, Tracked], judgements: Sequence[Judgement], *, now: datetime
) -> dict[JudgementKey, Tracked]:
    """What is tracked after a look that worked, without the keys that are no longer judged and were not violated.

    Else a monitor that runs for a year would remember every component that ever was.
    """
    if len(tracked) == len(judgements):
        return tracked  # whatever is judged is tracked: there is nothing more
    judged = {j.key for j in judgements}

    def counts(t: Tracked) -> bool:
        return t.is_open or t.violated_since is not None or any(now - onset <= FLAP_WINDOW for onset in t.onsets)

    return {key: t for key, t in tracked.items() if key in judged or counts(t)}


def turned(
    recorded: Mapping[JudgementKey, Verdict], judgements: Iterable[Judgement], *, blind: bool
) -> tuple[JudgementChanged, ...]:
    """Which judgements are news.

    A key's first verdict is news only when it is VIOLATED. When the whole look failed, what held is not told
    again key by key: lost sight says it once for all.

    Args:
        recorded: the last verdict of each key that the record knows.
    """
    news: list[JudgementChanged] = []
    for judgement in judgements:
        before = recorded.get(judgement.key)
        match before:
            case judgement.verdict:
                continue
            case None if judgement.verdict is not Verdict.VIOLATED:
                continue
            case Verdict.HOLDS if blind and judgement.verdict is Verdict.UNKNOWN:
                continue
            case _:
                news.append(JudgementChanged(judgement=judgement))
    return tuple(news)
