"""What every ledger does, held against each of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from operator_core.actions import RiskClass
from operator_core.claims import Interval
from operator_core.components import ComponentRef, Kind
from operator_core.decide import Tracked
from operator_core.diagnosis import Diagnosis, Hypothesis, Option
from operator_core.errors import LedgerError
from operator_core.incidents import EndInTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import InvariantName, Judgement, JudgementKey, Severity, Verdict
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Observation, ReadingId
from operator_core.record import DiagnosisMade, Entry, JudgementChanged, NoteAdded, ObservationKept, Progress
from operator_core.tickets import TRANSITIONS, Ticket, TicketId, TicketState, Violation

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
At = Callable[[float], datetime]
Make = Callable[..., Violation]


def key(node: str, invariant: str = "node-answers") -> JudgementKey:
    return JudgementKey(invariant=InvariantName(invariant), component=ComponentRef(Kind("node"), node))


def diagnosis(at: datetime, ticket: int | None, cluster: ClusterName = NORTH) -> DiagnosisMade:
    return DiagnosisMade(
        diagnosis=Diagnosis(
            cluster=cluster,
            at=at,
            diagnoser="guess",
            knowledge="1",
            summary="nothing is known",
            hypotheses=(Hypothesis(mode=UNKNOWN_MODE, title="unknown", components=(), probability=1.0),),
            path=(),
            options=(
                Option(
                    name=DO_NOTHING,
                    does="Do nothing.",
                    gains="",
                    costs="",
                    risk=RiskClass.SAFE,
                ),
            ),
            recommended=DO_NOTHING,
            because="nothing is known",
            ticket=ticket,
            observations=(1, 2),
        )
    )


async def opened(ledger: Ledger, at: datetime, *violations: Violation, cluster: ClusterName = NORTH) -> Ticket:
    (ticket,) = await ledger.append(cluster, [OpenTicket(cluster=cluster, at=at, violations=violations)], at=at)
    return ticket


class TestEveryLedger:
    async def test_an_empty_one_stands_at_zero_and_knows_nothing(self, ledger: Ledger) -> None:
        standpoint = await ledger.standpoint(NORTH)
        assert (standpoint.last_number, dict(standpoint.tracked)) == (0, {})
        assert await ledger.tickets() == ()
        assert await ledger.history() == ()
        assert await ledger.history(ticket=TicketId(1)) == ()
        assert await ledger.readings(NORTH, [ReadingId("o1.1")]) == ()

    async def test_a_ticket_is_named_for_its_gravest_violation(self, ledger: Ledger, t: At, violation: Make) -> None:
        ticket = await opened(ledger, t(10), violation("1"), violation("2", severity=Severity.CRITICAL, since=3))
        assert ticket.title == "node 2 does not answer (also node 1)"
        assert (ticket.component, ticket.severity, ticket.state) == (
            key("2").component,
            Severity.CRITICAL,
            TicketState.OPEN,
        )
        assert await ledger.tickets(NORTH) == (ticket,)

    async def test_a_graver_violation_that_joins_renames_the_ticket_and_a_lesser_does_not(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        lesser = JoinTicket(ticket=ticket.id, at=t(20), violation=violation("2", since=5, severity=Severity.INFO))
        (after,) = await ledger.append(NORTH, [lesser], at=t(20))
        assert (after.title, after.component) == ("node 1 does not answer (also node 2)", key("1").component)
        graver = JoinTicket(ticket=ticket.id, at=t(30), violation=violation("3", since=9, severity=Severity.CRITICAL))
        (after,) = await ledger.append(NORTH, [graver], at=t(30))
        assert (after.title, after.component) == ("node 3 does not answer (also node 1, node 2)", key("3").component)
        assert (after.severity, len(after.violations)) == (Severity.CRITICAL, 3)
        assert await ledger.tickets() == (after,)

    async def test_ids_are_unique_and_increase_over_all_clusters(self, ledger: Ledger, t: At, violation: Make) -> None:
        idents = [(await opened(ledger, t(n), violation(str(n)), cluster=(NORTH, SOUTH)[n % 2])).id for n in range(5)]
        assert idents == sorted(set(idents))

    async def test_a_violation_ends_in_its_ticket_and_may_come_again(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        (after,) = await ledger.append(NORTH, [EndInTicket(ticket=ticket.id, at=t(40), key=key("1"))], at=t(41))
        assert [v.ended_at for v in after.violations] == [t(40)]
        again = JoinTicket(ticket=ticket.id, at=t(60), violation=violation("1", since=50))
        (after,) = await ledger.append(NORTH, [again], at=t(60))
        assert [v.ended_at for v in after.violations] == [t(40), None]
        with pytest.raises(LedgerError, match="lasts in an open ticket"):
            await ledger.append(NORTH, [again], at=t(61))

    async def test_ending_what_does_not_last_is_refused(self, ledger: Ledger, t: At, violation: Make) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        with pytest.raises(LedgerError, match="no lasting violation"):
            await ledger.append(NORTH, [EndInTicket(ticket=ticket.id, at=t(40), key=key("2"))], at=t(40))

    @pytest.mark.parametrize("source", TicketState)
    @pytest.mark.parametrize("to", TicketState)
    async def test_a_ticket_moves_as_the_transitions_say_and_not_otherwise(
        self, ledger: Ledger, t: At, violation: Make, source: TicketState, to: TicketState
    ) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        way = {
            TicketState.OPEN: (),
            TicketState.DIAGNOSED: (TicketState.DIAGNOSED,),
            TicketState.ACTING: (TicketState.DIAGNOSED, TicketState.ACTING),
            TicketState.VERIFYING: (TicketState.DIAGNOSED, TicketState.ACTING, TicketState.VERIFYING),
            TicketState.ESCALATED: (TicketState.ESCALATED,),
            TicketState.RESOLVED: (TicketState.RESOLVED,),
        }[source]
        for step in way:
            await ledger.append(NORTH, [MoveTicket(ticket=ticket.id, at=t(20), to=step, by="test")], at=t(20))
        before, record = await ledger.tickets(), await ledger.history()
        move = MoveTicket(ticket=ticket.id, at=t(30), to=to, by="test")
        note = NoteAdded(ticket=ticket.id, at=t(30), by="test", text="moved")
        if to in TRANSITIONS[source]:
            (after,) = await ledger.append(NORTH, [note, move], at=t(30))
            assert (after.state, after.resolved_at) == (to, t(30) if to is TicketState.RESOLVED else None)
            assert await ledger.tickets() == (after,)
        else:
            with pytest.raises(LedgerError, match=f"is {source.value} and may not become {to.value}"):
                await ledger.append(NORTH, [note, move], at=t(30))
            assert (await ledger.tickets(), await ledger.history()) == (before, record)

    async def test_what_is_refused_leaves_nothing_behind(
        self,
        ledger: Ledger,
        t: At,
        violation: Make,
        observation: Callable[..., Observation],
        judgement: Callable[..., Judgement],
    ) -> None:
        await opened(ledger, t(10), violation("1"))
        before = (await ledger.tickets(), await ledger.history(), await ledger.standpoint(NORTH))
        entries: list[Entry] = [
            ObservationKept(observation=observation(3)),
            JudgementChanged(judgement=judgement()),
            Progress(number=9, at=t(20), tracked={key("1"): Tracked()}),
            OpenTicket(cluster=NORTH, at=t(20), violations=(violation("2"),)),
            NoteAdded(ticket=TicketId(77), at=t(20), by="test", text="no such ticket"),
        ]
        with pytest.raises(LedgerError, match="no ticket 77"):
            await ledger.append(NORTH, entries, at=t(20))
        assert (await ledger.tickets(), await ledger.history(), await ledger.standpoint(NORTH)) == before
        assert await ledger.readings(NORTH, [ReadingId("o3.1")]) == ()

    async def test_one_violation_is_never_in_two_open_tickets_of_a_cluster(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        first = await opened(ledger, t(10), violation("1"))
        with pytest.raises(LedgerError, match="lasts in an open ticket of cluster 'north' already"):
            await opened(ledger, t(20), violation("1"))
        await opened(ledger, t(20), violation("1"), cluster=SOUTH)
        await ledger.append(
            NORTH, [MoveTicket(ticket=first.id, at=t(30), to=TicketState.RESOLVED, by="test")], at=t(30)
        )
        second = await opened(ledger, t(40), violation("1"))
        with pytest.raises(LedgerError, match="lasts in an open ticket"):
            await ledger.append(
                NORTH, [MoveTicket(ticket=first.id, at=t(50), to=TicketState.OPEN, by="test")], at=t(50)
            )
        assert [x.id for x in await ledger.tickets(NORTH, open_only=True)] == [second.id]

    async def test_one_violation_twice_in_a_new_ticket_is_refused(self, ledger: Ledger, t: At, violation: Make) -> None:
        with pytest.raises(LedgerError, match="lasts in an open ticket"):
            await opened(ledger, t(20), violation("1"), violation("1"))
        with pytest.raises(LedgerError, match="without a violation"):
            await opened(ledger, t(20))
        assert await ledger.tickets() == ()

    async def test_nothing_joins_a_resolved_ticket(self, ledger: Ledger, t: At, violation: Make) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        await ledger.append(
            NORTH, [MoveTicket(ticket=ticket.id, at=t(30), to=TicketState.RESOLVED, by="test")], at=t(30)
        )
        with pytest.raises(LedgerError, match="is resolved"):
            await ledger.append(NORTH, [JoinTicket(ticket=ticket.id, at=t(40), violation=violation("2"))], at=t(40))

    async def test_entries_about_another_cluster_are_refused(
        self, ledger: Ledger, t: At, violation: Make, observation: Callable[..., Observation]
    ) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        foreign: list[Entry] = [
            OpenTicket(cluster=NORTH, at=t(20), violations=(violation("2"),)),
            ObservationKept(observation=observation(1)),
            diagnosis(t(20), None),
            NoteAdded(ticket=ticket.id, at=t(20), by="test", text="hello"),
            MoveTicket(ticket=ticket.id, at=t(20), to=TicketState.RESOLVED, by="test"),
        ]
        for entry in foreign:
            with pytest.raises(LedgerError, match="south"):
                await ledger.append(SOUTH, [entry], at=t(20))
        assert await ledger.history(SOUTH) == ()
        assert await ledger.tickets() == (ticket,)

    async def test_a_diagnosis_of_an_open_ticket_makes_it_diagnosed_and_of_another_state_leaves_it(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        (after,) = await ledger.append(NORTH, [diagnosis(t(20), ticket.id)], at=t(20))
        assert after.state is TicketState.DIAGNOSED
        assert await ledger.append(NORTH, [diagnosis(t(21), ticket.id)], at=t(21)) == ()
        await ledger.append(
            NORTH, [MoveTicket(ticket=ticket.id, at=t(30), to=TicketState.ESCALATED, by="test")], at=t(30)
        )
        assert await ledger.append(NORTH, [diagnosis(t(40), ticket.id), diagnosis(t(40), None)], at=t(40)) == ()
        assert [x.state for x in await ledger.tickets()] == [TicketState.ESCALATED]
        assert sum(isinstance(r.entry, DiagnosisMade) for r in await ledger.history(ticket=ticket.id)) == 3

    async def test_progress_takes_the_place_of_the_one_before_and_is_not_in_the_history(
        self, ledger: Ledger, t: At
    ) -> None:
        one = Tracked(verdict=Verdict.VIOLATED, violated_since=t(0.25), is_open=True)
        await ledger.append(NORTH, [Progress(number=1, at=t(0), tracked={key("1"): Tracked()})], at=t(0))
        await ledger.append(NORTH, [Progress(number=2, at=t(5), tracked={key("1"): one, key("2"): Tracked()})], at=t(5))
        await ledger.append(SOUTH, [Progress(number=7, at=t(5), tracked={})], at=t(5))
        standpoint = await ledger.standpoint(NORTH)
        assert (standpoint.last_number, dict(standpoint.tracked)) == (2, {key("1"): one, key("2"): Tracked()})
        assert (await ledger.standpoint(SOUTH)).last_number == 7
        assert await ledger.history() == ()

    async def test_numbers_go_on_after_the_last_kept_observation(
        self, ledger: Ledger, t: At, observation: Callable[..., Observation]
    ) -> None:
        await ledger.append(NORTH, [ObservationKept(observation=observation(12))], at=t(0))
        assert (await ledger.standpoint(NORTH)).last_number == 12
        await ledger.append(NORTH, [Progress(number=11, at=t(0), tracked={})], at=t(0))
        assert (await ledger.standpoint(NORTH)).last_number == 12
        assert (await ledger.standpoint(SOUTH)).last_number == 0

    async def test_entries_come_back_as_they_were_appended_and_in_order(
        self,
        ledger: Ledger,
        t: At,
        violation: Make,
        observation: Callable[..., Observation],
        judgement: Callable[..., Judgement],
    ) -> None:
        entries: list[Entry] = [
            ObservationKept(observation=observation(1, value=float("inf"))),
            JudgementChanged(judgement=judgement()),
            OpenTicket(cluster=NORTH, at=t(1), violations=(violation("1"),)),
        ]
        await ledger.append(NORTH, entries, at=t(2))
        more: list[Entry] = [
            JoinTicket(ticket=TicketId(1), at=t(3), violation=violation("2", since=1 / 3)),
            EndInTicket(ticket=TicketId(1), at=t(3), key=key("1")),
            diagnosis(t(4), 1),
            NoteAdded(ticket=TicketId(1), at=t(3), by="Ada", text="“why?”\n\x1b[31m"),
            MoveTicket(ticket=TicketId(1), at=t(3), to=TicketState.RESOLVED, by="Ada", because="enough"),
        ]
        await ledger.append(NORTH, more, at=t(5))
        history = await ledger.history(NORTH)
        assert [r.entry for r in history] == [*entries[1:], *more]
        assert [r.at for r in history] == [t(2)] * 2 + [t(5)] * 5
        assert [r.cluster for r in history] == [NORTH] * 7
        assert await ledger.observations(NORTH) == (observation(1, value=float("inf")),)
        assert [r.sequence for r in history] == sorted({r.sequence for r in history})
        assert await ledger.history() == history
        assert await ledger.history(SOUTH) == ()

    async def test_a_value_that_is_not_a_number_survives(
        self, ledger: Ledger, t: At, observation: Callable[..., Observation]
    ) -> None:
        await ledger.append(NORTH, [ObservationKept(observation=observation(1, value=float("nan")))], at=t(2))
        (reading,) = await ledger.readings(NORTH, [ReadingId("o1.1")])
        assert isinstance(reading.value, float)
        assert reading.value != reading.value

    async def test_a_tickets_history_is_what_names_it_and_what_was_judged_of_its_keys_in_its_time(
        self,
        ledger: Ledger,
        t: At,
        violation: Make,
        observation: Callable[..., Observation],
        judgement: Callable[..., Judgement],
    ) -> None:
        since = 300.0
        early = JudgementChanged(judgement=judgement("1", at=since - 120.5))
        before = JudgementChanged(judgement=judgement("1", at=since - 120))
        foreign = JudgementChanged(judgement=judgement("1", at=since))
        during = JudgementChanged(judgement=judgement("1", at=since + 50, verdict=Verdict.HOLDS))
        late = JudgementChanged(judgement=judgement("1", at=since + 101))
        seen = ObservationKept(observation=observation(1, at=since + 50))
        of_it, of_other = judgement("1", at=since), judgement("2", at=since)
        open_it = OpenTicket(cluster=NORTH, at=t(since + 10), violations=(violation("1", since=since),))
        open_other = OpenTicket(cluster=NORTH, at=t(since + 10), violations=(violation("9", since=since),))
        note = NoteAdded(ticket=TicketId(1), at=t(since + 500), by="Ada", text="afterwards")
        end = MoveTicket(ticket=TicketId(1), at=t(since + 100), to=TicketState.RESOLVED, by="test")
        await ledger.append(SOUTH, [foreign], at=t(since))
        await ledger.append(
            NORTH,
            [early, before, seen, JudgementChanged(judgement=of_it), JudgementChanged(judgement=of_other)],
            at=t(since),
        )
        await ledger.append(NORTH, [open_it, open_other, during], at=t(since + 50))
        unfinished = [before, JudgementChanged(judgement=of_it), open_it, during]
        assert [r.entry for r in await ledger.history(ticket=TicketId(1))] == unfinished
        await ledger.append(NORTH, [end, late, note], at=t(since + 500))
        assert [r.entry for r in await ledger.history(ticket=TicketId(1))] == [*unfinished, end, note]
        assert await ledger.history(NORTH, ticket=TicketId(1)) == await ledger.history(ticket=TicketId(1))
        assert await ledger.history(SOUTH, ticket=TicketId(1)) == ()

    async def test_readings_are_found_by_their_ids_and_what_is_not_there_is_left_out(
        self, ledger: Ledger, t: At, observation: Callable[..., Observation]
    ) -> None:
        kept = [observation(n, at=n) for n in (1, 2, 30)]
        await ledger.append(NORTH, [ObservationKept(observation=o) for o in kept], at=t(2))
        await ledger.append(SOUTH, [ObservationKept(observation=observation(7, cluster="south"))], at=t(2))
        ids = [ReadingId(x) for x in ("o30.1", "o1.2", "o1.9", "o3.1", "o7.1", "rubbish", "o99999999999999999999.1")]
        assert await ledger.readings(NORTH, ids) == (kept[0].readings[1], kept[2].readings[0])
        assert await ledger.readings(NORTH, (i for i in ids[:1])) == (kept[2].readings[0],)

    async def test_an_observation_is_kept_once_and_its_number_is_its_own(
        self, ledger: Ledger, t: At, observation: Callable[..., Observation]
    ) -> None:
        one = ObservationKept(observation=observation(1))
        await ledger.append(NORTH, [one, one], at=t(2))
        await ledger.append(NORTH, [one], at=t(3))
        assert await ledger.observations(NORTH) == (one.observation,)
        with pytest.raises(LedgerError, match="another observation 1 of cluster 'north'"):
            await ledger.append(NORTH, [ObservationKept(observation=observation(1, value=2))], at=t(4))
        south = ObservationKept(observation=observation(1, cluster="south"))
        await ledger.append(SOUTH, [south], at=t(5))
        assert await ledger.observations(NORTH) == (one.observation,)
        assert await ledger.observations(SOUTH) == (south.observation,)
        assert await ledger.history() == ()

    async def test_observations_come_by_their_numbers_within_a_span_and_the_newest_of_them(
        self, ledger: Ledger, t: At, observation: Callable[..., Observation]
    ) -> None:
        kept = {n: observation(n, at=n) for n in (2, 3, 1, 7, 5, 6)}
        for one in kept.values():
            await ledger.append(NORTH, [ObservationKept(observation=one)], at=t(9))
        assert await ledger.observations(NORTH) == tuple(kept[n] for n in (1, 2, 3, 5, 6, 7))
        assert await ledger.observations(NORTH, newest=2) == (kept[6], kept[7])
        assert await ledger.observations(NORTH, newest=0) == ()
        assert await ledger.observations(NORTH, newest=99) == await ledger.observations(NORTH)
        span = Interval(start=t(2), end=t(5))
        assert await ledger.observations(NORTH, span=span) == (kept[2], kept[3], kept[5])
        assert await ledger.observations(NORTH, span=span, newest=2) == (kept[3], kept[5])
        assert await ledger.observations(NORTH, span=Interval(start=t(4), end=t(4.5))) == ()
        assert await ledger.observations(SOUTH) == ()

    async def test_only_open_tickets_are_given_when_those_are_asked_for(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        first = await opened(ledger, t(10), violation("1"))
        second = await opened(ledger, t(10) + timedelta(hours=1), violation("2"))
        (over,) = await ledger.append(
            NORTH, [MoveTicket(ticket=first.id, at=t(30), to=TicketState.RESOLVED, by="test")], at=t(30)
        )
        assert await ledger.tickets(NORTH) == (over, second)
        assert await ledger.tickets(NORTH, open_only=True) == (second,)
        assert await ledger.tickets(SOUTH) == ()
        assert await ledger.tickets(NORTH, open_only=True, resolved_since=t(30)) == (over, second)
        assert await ledger.tickets(NORTH, open_only=True, resolved_since=t(30.001)) == (second,)

    async def test_one_ticket_is_had_by_its_id(self, ledger: Ledger, t: At, violation: Make) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        assert await ledger.ticket(ticket.id) == ticket
        assert await ledger.ticket(TicketId(ticket.id + 1)) is None

    async def test_tickets_are_chosen_by_severity_component_and_number(
        self, ledger: Ledger, t: At, violation: Make
    ) -> None:
        info = await opened(ledger, t(1), violation("1", severity=Severity.INFO))
        both = await opened(ledger, t(2), violation("2"), violation("3", severity=Severity.CRITICAL))
        south = await opened(ledger, t(3), violation("2"), cluster=SOUTH)
        assert await ledger.tickets(at_least=Severity.INFO) == (info, both, south)
        assert await ledger.tickets(at_least=Severity.WARNING) == (both, south)
        assert await ledger.tickets(NORTH, at_least=Severity.CRITICAL) == (both,)
        assert await ledger.tickets(component=key("2").component) == (both, south)
        assert await ledger.tickets(NORTH, component=key("3").component) == (both,)
        assert await ledger.tickets(component=key("4").component) == ()
        assert await ledger.tickets(newest=2) == (both, south)
        assert await ledger.tickets(NORTH, newest=1) == (both,)
        assert await ledger.tickets(newest=0) == ()

    async def test_whatever_a_subject_says_is_kept_as_it_was_said(self, ledger: Ledger, t: At, violation: Make) -> None:
        words = "no answer \0 but \\0 and \\\\ \n\x1b[31m “why?” 💥 %s ' \""
        ticket = await opened(ledger, t(10), replace(violation(f"1{words}"), because=words))
        assert ticket.title == words
        assert await ledger.tickets() == (ticket,)
        assert await ledger.tickets(component=ticket.component) == (ticket,)
        note = NoteAdded(ticket=ticket.id, at=t(11), by=words, text=words)
        await ledger.append(NORTH, [note], at=t(11))
        assert [r.entry for r in await ledger.history(ticket=ticket.id)][1:] == [note]

    async def test_what_a_violation_takes_away_is_kept_with_it(self, ledger: Ledger, t: At, violation: Make) -> None:
        away = replace(violation("1"), takes_away=True)
        ticket = await opened(ledger, t(10), away, violation("2"))
        assert [v.takes_away for v in ticket.violations] == [True, False]
        assert await ledger.ticket(ticket.id) == ticket

    async def test_a_reopened_ticket_goes_on_where_it_was(self, ledger: Ledger, t: At, violation: Make) -> None:
        ticket = await opened(ledger, t(10), violation("1"))
        move = [TicketState.RESOLVED, TicketState.OPEN]
        (after,) = (
            await ledger.append(
                NORTH, [MoveTicket(ticket=ticket.id, at=t(30), to=to, by="Ada") for to in move], at=t(30)
            )
            or await ledger.tickets()
        )
        assert after == ticket
        with pytest.raises(LedgerError, match="lasts in an open ticket"):
            await opened(ledger, t(40), violation("1"))
