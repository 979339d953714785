"""A bundle as lines of JSON, each of which vouches for those before it.

Every line holds the SHA-256 of the lines before it, byte for byte; the first is the header, and names the head of the
original's own chain; the last one counts the others and gives their digest. So damage shows in which line it is, and a
file that was cut off or prolonged is no bundle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from operator_core.decide import SilenceViolation
from operator_core.errors import LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.readings import ClusterName, Observation
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    CycleFellShort,
    DiagnosisMade,
    Entry,
    JudgementChanged,
    NoteAdded,
    ObservationKept,
    ProbeAsked,
    SilenceAdded,
    SilenceEnded,
    WatchTaken,
)
from operator_core.silences import SilenceId
from operator_core.tickets import TicketId

from operator_ledger.bundles.contents import Bundle, Told
from operator_ledger.codec import FORMAT as ENTRY_FORMAT
from operator_ledger.codec import Written, from_json, read, tag_of, to_json
from operator_ledger.ticketing import check_cluster, ticket_of

FORMAT = 1
"""The version of the lines that this program writes, and the newest that it reads."""

_MAGIC = "operator-incident"
_TELLABLE = (
    JudgementChanged,
    OpenTicket,
    JoinTicket,
    EndInTicket,
    MoveTicket,
    HoldTicket,
    DiagnosisMade,
    ProbeAsked,
    NoteAdded,
    ActionApproved,
    ActionTaken,
    SilenceAdded,
    SilenceEnded,
    SilenceViolation,
    CycleFellShort,
    WatchTaken,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    at: datetime
    by: str
    versions: Mapping[str, str]
    cluster: ClusterName
    ticket: TicketId
    position: int
    head: str
    redactions: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A bundle, and the digest of its own chain as SHA-256 in hex."""

    bundle: Bundle
    digest: str


def encoded(bundle: Bundle) -> Iterator[bytes]:
    """The lines of a bundle, each with its end; the same bundle gives the same bytes."""
    chain = hashlib.sha256()
    count = 0
    for words in _bodies(bundle):
        line = f'{{"chain":"{chain.hexdigest()}",{words}}}\n'.encode()
        yield line
        chain.update(line)
        count += 1
    yield f'{{"chain":"{chain.hexdigest()}","count":{count},"digest":"{chain.hexdigest()}"}}\n'.encode()


def digest_of(last: bytes) -> str:
    """The digest of a bundle, from the last of its lines."""
    return str(json.loads(last)["digest"])


def _bodies(bundle: Bundle) -> Iterator[str]:
    header = _Header(
        at=bundle.at,
        by=bundle.by,
        versions=bundle.versions,
        cluster=bundle.cluster,
        ticket=bundle.ticket,
        position=bundle.position,
        head=bundle.head,
        redactions=bundle.redactions,
    )
    yield f'"bundle":"{_MAGIC}","format":{FORMAT},"header":{to_json(header)}'
    for observation in bundle.observations:
        yield _entry(ObservationKept(observation=observation))
    for told in bundle.told:
        silence = "" if told.silence is None else f'"silence":{told.silence},'
        yield f'"sequence":{told.sequence},{silence}{_entry(told.entry)}'


def _entry(entry: Entry) -> str:
    return f'"tag":"{tag_of(entry)}","format":{ENTRY_FORMAT},"entry":{to_json(entry)}'


def decoded(lines: Iterable[bytes]) -> Decoded:
    """The bundle that some lines are; nothing of it is to be believed before all of them were read.

    Raises:
        LedgerError: they are none, or were changed, cut off or prolonged; it names the line.
    """
    chain = hashlib.sha256()
    reading = _Reading()
    held: Mapping[str, object] | None = None
    number = 0
    is_over = False
    for number, raw in enumerate(lines, 1):
        if is_over:
            raise _damaged(number, "it stands behind the end")
        line = _parsed(number, raw)
        if number == 1:
            _check_format(line)
        if line.get("chain") != chain.hexdigest():
            where = number - 1 if held is not None else number
            raise _damaged(where, f"it was changed, or the digest of it in line {number} was")
        if held is not None:  # a line is read once the next one has vouched for it
            reading.take(number - 1, held)
        is_over = "count" in line
        if is_over:
            reading.check_end(number, line, chain.hexdigest())
        held = line
        chain.update(raw)
    if not is_over:
        raise LedgerError(f"it ends after line {number} without its last line; it was cut off")
    assert held is not None
    return Decoded(bundle=reading.bundle(), digest=str(held["digest"]))


def _damaged(number: int, why: str) -> LedgerError:
    return LedgerError(f"line {number}: {why}")


def _parsed(number: int, raw: bytes) -> Mapping[str, object]:
    try:
        line: object = json.loads(raw)
    except (ValueError, RecursionError) as e:  # also what is no text at all
        if not raw.endswith(b"\n"):
            raise _damaged(number, "it is cut off") from e
        raise _damaged(number, "it is not JSON") from e
    if not isinstance(line, dict) or not raw.endswith(b"\n"):
        raise _damaged(number, "it is not an object on a line of its own")
    return cast("Mapping[str, object]", line)


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self._header: _Header | None = None
        self._observations: dict[int, Observation] = {}
        self._told: list[Told] = []
        self._silences: set[int] = set()

    def take(self, number: int, line: Mapping[str, object]) -> None:
        """Read one line.

        Raises:
            LedgerError: it does not belong there.
        """
        try:
            if self._header is None:
                self._header = _header(line)
            else:
                self._take(self._header, line)
        except (LedgerError, RecursionError) as e:
            raise _damaged(number, str(e)) from e

    def _take(self, header: _Header, line: Mapping[str, object]) -> None:
        tag, form = line.get("tag"), line.get("format")
        if not isinstance(tag, str) or not isinstance(form, int):
            raise LedgerError("it is no entry")
        body = json.dumps(line.get("entry"), ensure_ascii=False).encode(errors="surrogatepass")
        entry = read(Written(tag=tag, format=form, coding="json", body=body))
        check_cluster(entry, header.cluster)
        if isinstance(entry, ObservationKept):
            if entry.observation.number in self._observations:
                raise LedgerError(f"observation {entry.observation.number} stands there twice")
            self._observations[entry.observation.number] = entry.observation
            return
        if not isinstance(entry, _TELLABLE):
            raise LedgerError(f"{tag!r} does not belong into a bundle")
        if ticket_of(entry) not in (None, header.ticket):
            raise LedgerError(f"it is about ticket {ticket_of(entry)}, not {header.ticket}")
        sequence, silence = line.get("sequence"), line.get("silence")
        if not isinstance(sequence, int) or not isinstance(silence, int) == isinstance(entry, SilenceAdded):
            raise LedgerError("it has not the numbers that it should have")
        if isinstance(silence, int):
            self._silences.add(silence)
        if isinstance(entry, SilenceEnded | SilenceViolation) and entry.silence not in self._silences:
            raise LedgerError(f"silence {entry.silence} was not stated before")
        self._told.append(
            Told(sequence=sequence, entry=entry, silence=SilenceId(silence) if isinstance(silence, int) else None)
        )

    def check_end(self, number: int, line: Mapping[str, object], digest: str) -> None:
        """Compare the last line with what was read.

        Raises:
            LedgerError: it says something else.
        """
        if self._header is None:
            raise _damaged(number, "it is the end before there was a header")
        if line.get("count") != number - 1:
            raise _damaged(number, f"it counts {line.get('count')} lines before it, and there are {number - 1}")
        if line.get("digest") != digest:
            raise _damaged(number, "its digest is not that of the lines before it")

    def bundle(self) -> Bundle:
        """All of it.

        Raises:
            LedgerError: the entries do not make the ticket that the header names.
        """
        header = self._header
        assert header is not None
        bundle = Bundle(
            at=header.at,
            by=header.by,
            versions=header.versions,
            cluster=header.cluster,
            ticket=header.ticket,
            position=header.position,
            head=header.head,
            redactions=header.redactions,
            observations=tuple(o for _, o in sorted(self._observations.items())),
            told=tuple(self._told),
        )
        bundle.replayed()
        return bundle


def _check_format(line: Mapping[str, object]) -> None:
    form = line.get("format")
    if line.get("bundle") != _MAGIC or not isinstance(form, int):
        raise _damaged(1, "it is not the header of an exported incident")
    if form > FORMAT:
        raise _damaged(1, f"the bundle has format {form}; this program reads up to {FORMAT}; a newer program wrote it")


def _header(line: Mapping[str, object]) -> _Header:
    return from_json(_Header, json.dumps(line.get("header"), ensure_ascii=False))
