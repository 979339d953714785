"""Whether what several did at once to a ledger is what they could have done one after the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from operator_core.readings import ClusterName
from operator_core.record import ObservationKept, Progress, Recorded

from torture.checks import Broken
from torture.model import Model, Numbers, about, shown
from torture.recorder import fingerprint
from torture.told import Told, marker_of, without_progress

LEASE_LOST = "lease lost"


@dataclass(frozen=True, slots=True)
class Batch:
    """One append, as it stands in a cluster's record and as its actor told it."""

    recorded: tuple[Recorded, ...]
    told: Told


def batches(record: Iterable[Recorded], told: Iterable[Told]) -> dict[ClusterName, list[Batch]]:
    """The record, append by append: each that was acknowledged is there once, as a whole, and nothing else is.

    Raises:
        Broken: it is not so.
    """
    done = {f"{t.actor} {t.number}": t for t in told if t.doing == "append" and t.is_done}
    pieces: defaultdict[ClusterName, list[list[Recorded]]] = defaultdict(list)
    for recorded in record:
        if marker_of(recorded.entry) is not None:
            pieces[recorded.cluster].append([])
        if not pieces[recorded.cluster]:
            raise Broken(f"entry {recorded.sequence} belongs to no append")
        pieces[recorded.cluster][-1].append(recorded)
    there = Counter(marker_of(piece[0].entry) for of_cluster in pieces.values() for piece in of_cluster)
    if lost := sorted(set(done) - set(there)):
        raise Broken(f"{len(lost)} acknowledged appends are not in the record: {lost[:5]}")
    if more := sorted(str(mark) for mark, count in there.items() if mark not in done or count > 1):
        raise Broken(f"{len(more)} appends are in the record that were refused, or more than once: {more[:5]}")
    found: dict[ClusterName, list[Batch]] = {}
    for cluster, of_cluster in pieces.items():
        found[cluster] = [Batch(tuple(piece), done[str(marker_of(piece[0].entry))]) for piece in of_cluster]
        for batch in found[cluster]:
            meant = [e for e in without_progress(batch.told.entries) if not isinstance(e, ObservationKept)]
            if [r.entry for r in batch.recorded] != meant:
                raise Broken(f"append {batch.told.actor} {batch.told.number} stands in the record otherwise than told")
    return found


def check_own_order(of_cluster: Sequence[Batch]) -> None:
    """What an actor did later stands later."""
    last: dict[str, int] = {}
    for batch in of_cluster:
        if batch.told.number <= last.get(batch.told.actor, -1):
            raise Broken(f"{batch.told.actor} {batch.told.number} stands after {last[batch.told.actor]}")
        last[batch.told.actor] = batch.told.number


def check_real_time(of_cluster: Sequence[Batch]) -> None:
    """What had ended before something else began stands before it."""
    latest = 0.0
    for batch in of_cluster:
        if batch.told.ended < latest:
            raise Broken(f"{batch.told.actor} {batch.told.number} stands after an append that began when it had ended")
        latest = max(latest, batch.told.began)


def check_refusals(
    cluster: ClusterName, of_cluster: Sequence[Batch], told: Iterable[Told], numbers: Numbers
) -> Counter[str]:
    """Every refusal is one that the model would have given at some moment while it was asked, and so is every answer.

    Returns:
        How often each word of the model explained one.
    """
    refused = [t for t in told if t.doing == "append" and not t.is_done and t.outcome != LEASE_LOST]
    waiting = [(t, *_window(t, of_cluster)) for t in refused if t.cluster == cluster]
    model = Model()
    words: Counter[str] = Counter()
    for place in range(len(of_cluster) + 1):
        still: list[tuple[Told, int, int]] = []
        for asked, first, last in waiting:
            word = model.refusal(cluster, asked.entries) if first <= place <= last else None
            if word is not None:
                words[word] += 1
            elif place >= last:
                raise Broken(f"nothing explains why {asked.actor} {asked.number} was told {asked.outcome!r}")
            else:
                still.append((asked, first, last))
        waiting = still
        if place < len(of_cluster):
            _do(model, of_cluster[place], numbers)
    return words


def _do(model: Model, batch: Batch, numbers: Numbers) -> None:
    """Let the model do an append; the tickets that its actor was given are those that it changes, as they then are."""
    opened = {numbers.tickets[r.sequence] for r in batch.recorded if r.sequence in numbers.tickets}
    touched = opened | {n for e in batch.told.entries if (n := about(e)) is not None}
    before = {number: model.sheets[number].shown() for number in touched if number in model.sheets}
    sequences = iter(batch.recorded)
    for entry in batch.told.entries:
        if isinstance(entry, Progress):
            continue
        sequence = 0 if isinstance(entry, ObservationKept) else next(sequences).sequence
        model.write(
            batch.told.cluster,
            entry,
            ticket=numbers.tickets.get(sequence, 0),
            silence=numbers.silences.get(sequence, 0),
        )
    after = {number: model.sheets[number].shown() for number in touched}
    changed = {number: now for number, now in after.items() if before.get(number) != now}
    given = {ticket.id: shown(ticket) for ticket in batch.told.tickets}
    if given != changed:
        raise Broken(f"{batch.told.actor} {batch.told.number} was given {given}, and should be {changed}")


def _window(asked: Told, of_cluster: Sequence[Batch]) -> tuple[int, int]:
    """After how many appends, at least and at most, the ledger stood when it refused."""
    first = max((n + 1 for n, b in enumerate(of_cluster) if b.told.ended < asked.began), default=0)
    last = min((n for n, b in enumerate(of_cluster) if b.told.began > asked.ended), default=len(of_cluster))
    return first, last


def check_leases(told: Sequence[Told], found: Mapping[ClusterName, Sequence[Batch]]) -> int:
    """A term is given once, rises, and shuts out whoever had an older one; nobody else is told that he lost it.

    Returns:
        How many terms were given.
    """
    given = {(t.cluster, t.term): t for t in told if t.doing == "take" and t.is_done}
    if len(given) != sum(t.doing == "take" and t.is_done for t in told):
        raise Broken("a term was given twice")
    for cluster, of_cluster in found.items():
        terms = [b.told.term for b in of_cluster if b.told.term]
        if terms != sorted(terms):
            raise Broken(f"{cluster}: terms do not rise in the record")
        for batch in of_cluster:
            holder = given.get((cluster, batch.told.term))
            if batch.told.term and (holder is None or holder.actor != batch.told.actor):
                raise Broken(f"{batch.told.actor} wrote under a term that it was not given: {batch.told.term}")
    for asked in told:
        newer = [t for (c, term), t in given.items() if c == asked.cluster and term > asked.term]
        released = [t for t in told if t.doing == "release" and (t.cluster, t.term) == (asked.cluster, asked.term)]
        ends = [*newer, *(t for t in released if t.is_done)]
        if asked.doing == "append" and asked.is_done and asked.term and any(e.ended < asked.began for e in ends):
            raise Broken(f"{asked.actor} {asked.number} wrote under a term that was over: {asked.term}")
        lost = asked.outcome == LEASE_LOST or (asked.doing == "beat" and asked.outcome == "none")
        if lost and not any(e.began < asked.ended for e in ends):
            raise Broken(
                f"{asked.actor} {asked.number} was told that it had lost term {asked.term}, and nobody took it"
            )
    return len(given)


def last_progress(of_cluster: Iterable[Batch]) -> int:
    """The number of the last progress, in the order of the record."""
    numbers = [e.number for b in of_cluster for e in b.told.entries if isinstance(e, Progress)]
    return numbers[-1] if numbers else 0


def looks(of_cluster: Iterable[Batch]) -> dict[int, str]:
    """The observations that were written, by number."""
    return {
        e.observation.number: fingerprint(e)
        for b in of_cluster
        for e in b.told.entries
        if isinstance(e, ObservationKept)
    }
