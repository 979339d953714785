"""What no ticket needs can be forgotten; what is left, and that something went, stays provable."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from operator_core.actions import RiskClass
from operator_core.claims import Claim, Comparison, Interval
from operator_core.components import ComponentRef, Kind
from operator_core.diagnosis import CausalStep, Diagnosis, Hypothesis, Option
from operator_core.errors import LedgerError
from operator_core.incidents import MoveTicket, OpenTicket
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Observation, ReadingId, SignalName, Unit
from operator_core.record import DiagnosisMade, Entry, ObservationKept, RecordPruned
from operator_core.tickets import TicketId, TicketState, Violation
from operator_ledger import SqlLedger
from operator_ledger.evidence import Spans
from operator_ledger.ticketing import span_of

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
At = Callable[[float], datetime]
Fill = Callable[[Ledger], Awaitable[None]]
Look = Callable[..., Observation]


async def numbers(ledger: SqlLedger, cluster: ClusterName = NORTH) -> list[int]:
    return [o.number for o in await ledger.observations(cluster)]


async def keep(ledger: SqlLedger, looks: list[Observation]) -> None:
    """Many looks at once; the ledger seals them forty by forty."""
    await ledger.append(looks[0].cluster, [ObservationKept(observation=o) for o in looks], at=looks[-1].at)


def widened(look: Observation, chance: random.Random) -> Observation:
    """The same look with readings enough to take some room."""
    more = [
        replace(r, id=ReadingId(f"o{look.number}.{n}"), value=chance.random())
        for n, r in enumerate(look.readings * 10, 1)
    ]
    return replace(look, readings=tuple(more))


def diagnosis(at: datetime, *, cites: str, rests_on: tuple[int, int] | None = None) -> DiagnosisMade:
    claim = Claim(
        component=ComponentRef(Kind("node"), "1"),
        signal=SignalName("delay"),
        comparison=Comparison.ABOVE,
        value=0.1,
        unit=Unit("s"),
        interval=Interval(start=at, end=at),
        readings=(ReadingId(cites),),
    )
    return DiagnosisMade(
        diagnosis=Diagnosis(
            cluster=NORTH,
            at=at,
            diagnoser="guess",
            knowledge="1",
            summary="slow",
            hypotheses=(Hypothesis(mode=UNKNOWN_MODE, title="unknown", components=(), probability=1.0),),
            path=(CausalStep(says="it came", claims=(claim,)),),
            options=(Option(name=DO_NOTHING, does="Wait.", gains="", costs="", risk=RiskClass.SAFE),),
            recommended=DO_NOTHING,
            because="it passes",
            observations=rests_on,
        )
    )


async def test_what_is_old_and_no_ticket_needs_goes_and_all_else_stays(stored: SqlLedger, t: At, fill: Fill) -> None:
    await fill(stored)
    tickets, history = await stored.tickets(), await stored.history()
    pruned = await stored.prune(older_than=t(9999), at=t(2000), by="Ada")
    assert [(c.cluster, [(r.first, r.last, r.observations) for r in c.ranges]) for c in pruned.clusters] == [
        (NORTH, [(41, 80, 40)]),
        (SOUTH, [(1041, 1080, 40)]),
    ]
    assert await numbers(stored) == [*range(1, 41), *range(81, 101)]
    assert await stored.readings(NORTH, [ReadingId("o40.2"), ReadingId("o41.2"), ReadingId("o81.2")]) == tuple(
        r for o in await stored.observations(NORTH) for r in o.readings if r.id in ("o40.2", "o81.2")
    )
    assert await stored.tickets() == tickets
    assert [r.entry for r in await stored.history()][: len(history)] == [r.entry for r in history]
    said = [r.entry for r in await stored.history(NORTH) if isinstance(r.entry, RecordPruned)]
    assert [(e.at, e.by, e.first, e.last, e.observations) for e in said] == [(t(2000), "Ada", 41, 80, 40)]
    assert "older than" in said[0].because
    proof = await stored.verify()
    assert proof.holds, proof
    assert [[(r.first, r.last, r.observations) for r in c.pruned] for c in proof.clusters] == [
        [(41, 80, 40)],
        [(1041, 1080, 40)],
    ]
    assert [c.observations for c in proof.clusters] == [60, 60]
    assert (await stored.standpoint(NORTH)).last_number == 100


async def test_pruning_again_changes_nothing(stored: SqlLedger, t: At, fill: Fill) -> None:
    await fill(stored)
    await stored.prune(older_than=t(9999), larger_than=0, at=t(2000), by="Ada")
    before = [await stored.head(c) for c in (NORTH, SOUTH)]
    again = await stored.prune(older_than=t(9999), larger_than=0, at=t(3000), by="Bob")
    assert again.clusters == ()
    assert [await stored.head(c) for c in (NORTH, SOUTH)] == before
    assert again.before == again.after


async def test_what_is_not_old_enough_stays(stored: SqlLedger, t: At, observation: Look) -> None:
    await keep(stored, [observation(n, at=n) for n in range(1, 121)])
    pruned = await stored.prune(older_than=t(80), at=t(200), by="Ada")  # the second segment ends at 80
    assert [(r.first, r.last) for r in pruned.clusters[0].ranges] == [(1, 40)]
    assert await numbers(stored) == [*range(41, 121)]
    pruned = await stored.prune(older_than=t(80.001), at=t(200), by="Ada")
    assert [(r.first, r.last) for r in pruned.clusters[0].ranges] == [(41, 80)]


async def test_only_the_cluster_that_is_meant_is_pruned(stored: SqlLedger, t: At, fill: Fill) -> None:
    await fill(stored)
    await stored.prune(older_than=t(9999), cluster=SOUTH, at=t(2000), by="Ada")
    assert (len(await numbers(stored)), len(await numbers(stored, SOUTH))) == (100, 60)
    await stored.prune(larger_than=0, cluster=NORTH, at=t(2000), by="Ada")
    assert (len(await numbers(stored)), len(await numbers(stored, SOUTH))) == (60, 60)


async def test_looks_that_are_in_no_segment_yet_stay(stored: SqlLedger, t: At, observation: Look) -> None:
    await keep(stored, [observation(n, at=n) for n in range(1, 51)])
    await stored.prune(older_than=t(9999), larger_than=0, at=t(2000), by="Ada")
    assert await numbers(stored) == [*range(41, 51)]


async def test_an_open_ticket_needs_everything_since_a_while_before_it_began(
    stored: SqlLedger, t: At, observation: Look, violation: Callable[..., Violation]
) -> None:
    await keep(stored, [observation(n, at=10 * n) for n in range(1, 201)])
    began = replace(violation(since=850), readings=())
    await stored.append(NORTH, [OpenTicket(cluster=NORTH, at=t(1110), violations=(began,))], at=t(1110))
    await stored.prune(older_than=t(9999), at=t(3000), by="Ada")
    assert await numbers(stored) == [*range(41, 201)]  # 850 less two minutes is 730, and its segment begins at 410
    over = MoveTicket(ticket=TicketId(1), at=t(1150), to=TicketState.RESOLVED, by="Ada")
    await stored.append(NORTH, [over], at=t(1150))
    await stored.prune(older_than=t(9999), at=t(3000), by="Ada")
    assert await numbers(stored) == [*range(41, 121)]
    assert (await stored.verify()).holds


async def test_what_a_violation_or_a_diagnosis_cites_stays_and_nothing_beside_it(
    stored: SqlLedger, t: At, observation: Look, violation: Callable[..., Violation]
) -> None:
    await keep(stored, [observation(n, at=n) for n in range(1, 321)])
    since = replace(violation(since=5000), readings=(ReadingId("o41.1"),))
    entries: list[Entry] = [
        OpenTicket(cluster=NORTH, at=t(5010), violations=(since,)),
        diagnosis(t(5020), cites="o121.2"),
        diagnosis(t(5030), cites="o9999.1", rests_on=(200, 201)),
    ]
    await stored.append(NORTH, entries, at=t(5030))
    pruned = await stored.prune(older_than=t(9999), at=t(9999), by="Ada")
    assert [(r.first, r.last) for r in pruned.clusters[0].ranges] == [(1, 40), (81, 120), (241, 320)]
    assert await numbers(stored) == [*range(41, 81), *range(121, 241)]
    proof = await stored.verify()
    assert proof.holds, proof


@pytest.mark.sampled(0)
async def test_the_oldest_of_all_clusters_go_until_it_is_small_enough(
    stored: SqlLedger, t: At, observation: Look
) -> None:
    chance = random.Random(3)
    for cluster, start in ((NORTH, 0), (SOUTH, 100_000)):
        looks = [observation(n, at=start + n, cluster=cluster, value=chance.random()) for n in range(1, 1601)]
        await keep(stored, [widened(o, chance) for o in looks])
    full = (await stored.size()).used
    limit = full * 3 // 4
    pruned = await stored.prune(larger_than=limit, at=t(0), by="Ada")
    assert pruned.after.used <= limit < pruned.before.used == full
    assert [c.cluster for c in pruned.clusters] == [NORTH]  # its looks are a day older
    left = await numbers(stored)
    assert left == [*range(1601 - len(left), 1601)]
    assert len(await numbers(stored, SOUTH)) == 1600
    assert pruned.after.used > limit - full // 10  # and no more than it takes
    assert (await stored.prune(larger_than=limit, at=t(1), by="Ada")).clusters == ()
    assert (await stored.verify()).holds


@pytest.mark.sampled(0)
@pytest.mark.parametrize("made", ["by us", "by a program that did not ask for it"])
async def test_a_file_gets_smaller(filled: Path, t: At, observation: Look, made: str) -> None:
    if made != "by us":
        with closing(sqlite3.connect(filled)) as connection:
            connection.execute("PRAGMA auto_vacuum=NONE")
            connection.execute("VACUUM")
    async with await SqlLedger.open(filled) as ledger:
        chance = random.Random(3)
        await keep(ledger, [observation(n, at=n, cluster="west", value=chance.random()) for n in range(1, 4001)])
        pruned = await ledger.prune(older_than=t(99999), at=t(99999), by="Ada")
        gone = sum(c.bytes for c in pruned.clusters)
        assert gone > 50_000
        assert pruned.after.used < pruned.before.used - gone * 0.9
        assert pruned.after.on_disk == pruned.after.used
        assert (await ledger.verify()).holds


async def test_an_observation_that_was_pruned_cannot_come_again_as_another(
    stored: SqlLedger, t: At, observation: Look
) -> None:
    await keep(stored, [observation(n, at=n) for n in range(1, 91)])
    await stored.prune(older_than=t(50), at=t(100), by="Ada")
    with pytest.raises(LedgerError, match="observation 7 of cluster 'north' was kept once, and was pruned"):
        await stored.append(NORTH, [ObservationKept(observation=observation(7, at=7))], at=t(100))
    await stored.append(NORTH, [ObservationKept(observation=observation(91, at=91))], at=t(100))
    assert await numbers(stored) == [*range(41, 92)]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_pruned_every_ticket_keeps_its_evidence(
    place: str, t: At, observation: Look, violation: Callable[..., Violation], seed: int
) -> None:
    chance = random.Random(seed)
    async with await SqlLedger.open(place) as ledger:
        await keep(ledger, [observation(n, at=10 * n) for n in range(1, 801)])
        for n in range(6):
            since = chance.randrange(0, 9000)
            cited = tuple(ReadingId(f"o{chance.randrange(1, 900)}.1") for _ in range(n % 3))
            one = replace(violation(str(n), since=since), readings=cited)
            await ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=one.opened_at, violations=(one,))], at=t(since))
            if since < 6000:
                at = t(since + chance.randrange(10, 600))
                over = MoveTicket(ticket=TicketId(n + 1), at=at, to=TicketState.RESOLVED, by="Ada")
                await ledger.append(NORTH, [over], at=at)

        async def needed() -> list[object]:
            found: list[object] = []
            for ticket in await ledger.tickets():
                found.append(await ledger.observations(NORTH, span=span_of(ticket, until=t(99999))))
                found.append(await ledger.readings(NORTH, [r for v in ticket.violations for r in v.readings]))
                found.append(await ledger.history(ticket=ticket.id))
            return found

        before = await needed()
        pruned = await ledger.prune(older_than=t(chance.randrange(5000, 9000)), at=t(9999), by="Ada")
        await ledger.prune(larger_than=0, at=t(9999), by="Ada")
        assert await needed() == before
        assert pruned.clusters, seed
        assert (await ledger.verify()).holds


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "deed",
    [
        'UPDATE pruned SET "by" = "by" + 1 WHERE rowid = 1',
        "UPDATE pruned SET position = position + 1 WHERE rowid = 1",
        "DELETE FROM pruned WHERE rowid = 1",
        'INSERT INTO pruned SELECT cluster, 1, "by" FROM pruned WHERE rowid = 1',
        "DELETE FROM segments WHERE rowid = 1",
        "DELETE FROM entries WHERE tag = 'pruned' AND cluster = 'north'",
    ],
)
async def test_a_pruning_that_nobody_did_is_caught(filled: Path, t: At, deed: str) -> None:
    async with await SqlLedger.open(filled) as ledger:
        await ledger.prune(older_than=t(9999), at=t(2000), by="Ada")
        assert (await ledger.verify()).holds
        with closing(sqlite3.connect(filled)) as connection, connection:
            assert connection.execute(deed).rowcount == 1
        assert not (await ledger.verify()).holds


CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from operator_ledger import SqlLedger
from sqlalchemy import event

async def main(path):
    async with await SqlLedger.open(path) as ledger:
        at = datetime(2027, 1, 1, tzinfo=UTC)
        event.listen(ledger._database.engine, "before_cursor_execute", lambda *_: print("step", flush=True))
        await ledger.prune(older_than=at, at=at, by="Ada")
        print("done", flush=True)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.sampled(1)
@pytest.mark.parametrize("steps", [9, 15, 21, 28, 99])
async def test_whoever_is_killed_while_pruning_leaves_a_ledger_that_holds(filled: Path, t: At, steps: int) -> None:
    _prune_and_be_killed(filled, steps)
    async with await SqlLedger.open(filled) as ledger:
        proof = await ledger.verify()
        assert proof.holds, proof
        assert {len(await numbers(ledger, c)) for c in (NORTH, SOUTH)} <= {60, 100}
        await ledger.prune(older_than=t(9999), at=t(3000), by="Ada")
        assert [len(await numbers(ledger, c)) for c in (NORTH, SOUTH)] == [60, 60]
        assert (await ledger.verify()).holds


def _prune_and_be_killed(path: Path, steps: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(steps):
        if child.stdout.readline() in ("done\n", ""):
            break
    child.kill()
    child.wait(timeout=20)
    child.stdout.close()


async def test_growth_is_told_cluster_by_cluster(stored: SqlLedger, t: At, fill: Fill) -> None:
    await fill(stored)
    everything = await stored.growth(since=t(-1))
    assert [(g.cluster, g.observations) for g in everything] == [(NORTH, 100), (SOUTH, 100)]
    assert all(g.events == 15 and g.bytes > 1000 for g in everything)
    lately = await stored.growth(since=t(1200))
    assert [(g.cluster, g.observations) for g in lately] == [(NORTH, 20), (SOUTH, 20)]
    assert await stored.growth(since=t(1e9)) == ()


def test_spans_touch_what_any_of_them_touches() -> None:
    chance = random.Random(1)
    for _ in range(300):
        spans = [(a, a + chance.randrange(4)) for a in (chance.randrange(30) for _ in range(chance.randrange(6)))]
        merged = Spans.of(spans)
        for start in range(-2, 36):
            end = start + chance.randrange(3)
            assert merged.touch(start, end) == any(a <= end and start <= b for a, b in spans)
