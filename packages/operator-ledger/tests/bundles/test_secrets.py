"""What leaves a ledger holds no secret, whatever field it stood in."""

import gzip
from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import cast

import pytest
from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.readings import ClusterName
from operator_core.record import Entry
from operator_core.tickets import TicketId, Violation
from operator_ledger import MemoryLedger
from operator_ledger.bundles import Destination, export_incident, import_bundle, write_bundle

NORTH = ClusterName("north")
OWN = TicketId(2)
VERSIONS = {"operator": "0.2.0", "knowledge": "toy-1"}
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = START + timedelta(days=2)


def _planted(value: object, secrets: dict[str, str]) -> object:
    """The value with a secret in every text of it; equal texts get equal secrets, and ids go on pointing."""
    match value:
        case Enum():
            return value
        case str():
            secret = secrets.setdefault(value, f"hunter{len(secrets):04d}")
            return f"{value} password={secret}"
        case dict():
            pairs = cast("dict[object, object]", value).items()
            return {_planted(k, secrets): _planted(v, secrets) for k, v in pairs}
        case tuple():
            return tuple(_planted(part, secrets) for part in cast("tuple[object, ...]", value))
        case frozenset():
            return frozenset(_planted(part, secrets) for part in cast("frozenset[object]", value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: _planted(getattr(value, f.name), secrets) for f in fields(value)})
        case _:
            return value


async def test_no_secret_of_any_field_is_in_the_file(
    ledger: Destination,
    elsewhere: Destination,
    story: Callable[..., list[Entry]],
    record: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> None:
    secrets: dict[str, str] = {}
    entries = [cast("Entry", _planted(e, secrets)) for e in story()]
    dirty = ClusterName(f"north password={secrets['north']}")
    await record(ledger, entries, dirty)
    versions = cast("dict[str, str]", _planted(VERSIONS, secrets))
    by = str(_planted("ada", secrets))
    bundle = await export_incident(ledger, OWN, versions=versions, by=by, at=LATER)
    await write_bundle(tmp_path / "a.bundle", bundle)
    plain = gzip.decompress((tmp_path / "a.bundle").read_bytes())
    assert [s for s in secrets.values() if s.encode() in plain] == []
    assert len(secrets) > 60
    assert plain.count("‹redacted:password›".encode()) >= bundle.redactions["password"] > 400
    there = await import_bundle(elsewhere, tmp_path / "a.bundle", at=LATER)
    shown = repr(
        (there, await elsewhere.history(), await elsewhere.observations(there.cluster), await elsewhere.silences())
    )
    assert [s for s in secrets.values() if s in shown] == []


async def test_parts_that_only_their_secrets_told_apart_are_no_bundle(violation: Callable[..., Violation]) -> None:
    ledger = MemoryLedger()
    twins = tuple(violation(f"password=hunter{n}") for n in range(2))
    await ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=START, violations=twins)], at=START)
    with pytest.raises(LedgerError, match="lasts in an open ticket"):
        await export_incident(ledger, TicketId(1), versions={}, by="ada", at=LATER)
