"""A bundle as a file: its owner's alone, never over another, and any damage is found and its line named."""

import gzip
import hashlib
import json
import random
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from operator_core.errors import ConfigurationError, LedgerError
from operator_core.readings import ClusterName
from operator_core.record import IncidentImported
from operator_core.tickets import TicketId
from operator_ledger import MemoryLedger
from operator_ledger.bundles import import_bundle, imported_name, read_bundle, write_bundle

NORTH = ClusterName("north")
OWN = TicketId(2)
LATER = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def unpacked(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def packed_bytes(path: Path) -> bytes:
    return path.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def repacked(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(gzip.compress(b"".join(lines)))
    return path


async def refused(path: Path, why: str) -> None:
    ledger = MemoryLedger()
    with pytest.raises(LedgerError, match=why) as told:
        await import_bundle(ledger, path, at=LATER)
    assert str(told.value).startswith(f"{path}: ")
    assert (await ledger.tickets(), await ledger.history(), await ledger.silences()) == ((), (), ())


async def test_a_file_is_its_owners_alone_and_says_the_same_every_time(file: Path, tmp_path: Path) -> None:
    assert mode(file) == 0o600
    bundle = (await read_bundle(file)).bundle
    written = await write_bundle(tmp_path / "b.bundle", bundle)
    assert packed_bytes(tmp_path / "b.bundle") == packed_bytes(file)
    assert written == replace(await read_bundle(file), path=tmp_path / "b.bundle")
    assert names(tmp_path) == ["a.bundle", "b.bundle"]


async def test_nothing_is_written_over_another_file(file: Path, tmp_path: Path) -> None:
    bundle = (await read_bundle(file)).bundle
    there = tmp_path / "mine.txt"
    there.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    for taken in (there, link, tmp_path):
        with pytest.raises(ConfigurationError, match="it is there already"):
            await write_bundle(taken, bundle)
    assert there.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


async def test_nor_over_one_that_comes_while_it_is_written(file: Path, tmp_path: Path) -> None:
    class Late(dict[str, str]):
        def items(self):  # noqa: ANN202 - as it is read while it is written
            put(tmp_path / "b.bundle", b"mine")
            return super().items()

    bundle = replace((await read_bundle(file)).bundle, versions=Late(operator="0.2.0"))
    with pytest.raises(ConfigurationError, match="it is there already"):
        await write_bundle(tmp_path / "b.bundle", bundle)
    assert packed_bytes(tmp_path / "b.bundle") == b"mine"
    assert names(tmp_path) == ["a.bundle", "b.bundle"]


async def test_a_file_that_cannot_be_written_leaves_nothing_behind(file: Path, tmp_path: Path) -> None:
    bundle = (await read_bundle(file)).bundle
    with pytest.raises(LedgerError, match="No such file or directory"):
        await write_bundle(tmp_path / "none" / "b.bundle", bundle)
    with pytest.raises(LedgerError, match="File name too long"):
        await write_bundle(tmp_path / ("b" * 300), bundle)
    assert names(tmp_path) == ["a.bundle"]


async def test_a_changed_byte_anywhere_is_found_and_its_line_named(file: Path, tmp_path: Path) -> None:
    lines = unpacked(file)
    whole = b"".join(lines)
    starts = [sum(map(len, lines[:n])) for n in range(len(lines))]
    chance = random.Random(5)
    for _ in range(400):
        place = chance.randrange(len(whole))
        other = chance.choice([b for b in range(256) if b != whole[place]])
        number = max(n for n, start in enumerate(starts, 1) if start <= place)
        bad = repacked(tmp_path / "bad", [whole[:place], bytes([other]), whole[place + 1 :]])
        # A line feed more or less makes two lines of one or one of two; a digest speaks of the line before.
        if 10 in (other, whole[place]) or place - starts[number - 1] < len('{"chain":"') + 64:
            near = f"line ({number - 1}|{number}|{number + 1}):"
        else:
            near = f"line {number}:"
        await refused(bad, near)


async def test_lines_that_were_taken_out_swapped_or_told_twice_are_missed(file: Path, tmp_path: Path) -> None:
    lines = unpacked(file)
    for n in range(len(lines) - 1):
        await refused(repacked(tmp_path / "bad", [*lines[:n], *lines[n + 1 :]]), r"line \d+:")
        await refused(repacked(tmp_path / "bad", [*lines[: n + 1], *lines[n:]]), r"line \d+:")
        swapped = [*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]]
        await refused(repacked(tmp_path / "bad", swapped), r"line \d+:")


async def test_a_file_that_was_cut_off_says_where(file: Path, tmp_path: Path) -> None:
    lines, packed = unpacked(file), packed_bytes(file)
    for n in range(len(lines)):
        why = f"ends after line {n} without its last line; it was cut off"
        await refused(repacked(tmp_path / "bad", lines[:n]), why)
    await refused(repacked(tmp_path / "bad", [*lines[:9], lines[9][:-20]]), "line 10: it is cut off")
    bad = tmp_path / "bad"
    for size in (*range(1, 40), *range(40, len(packed), 97)):
        bad.write_bytes(packed[:size])
        await refused(bad, r"line \d+: the file is (cut off|damaged) there|not a gzip file")


async def test_damage_of_the_packed_bytes_is_found(file: Path, tmp_path: Path) -> None:
    packed = packed_bytes(file)
    chance = random.Random(11)
    bad = tmp_path / "bad"
    for _ in range(300):
        place = chance.randrange(10, len(packed))  # what stands before is no part of what was packed
        bad.write_bytes(packed[:place] + bytes([packed[place] ^ (1 << chance.randrange(8))]) + packed[place + 1 :])
        await refused(bad, r"line \d+:|not a gzip file")


async def test_what_stands_behind_the_end_is_refused(file: Path, tmp_path: Path) -> None:
    lines, packed = unpacked(file), packed_bytes(file)
    more = f"line {len(lines) + 1}: it stands behind the end"
    await refused(repacked(tmp_path / "bad", [*lines, lines[-1]]), more)
    await refused(repacked(tmp_path / "bad", [*lines, b'{"a":1}\n']), more)
    bad = tmp_path / "bad"
    bad.write_bytes(packed + packed)
    await refused(bad, more)
    bad.write_bytes(packed + b"more")
    await refused(bad, "damaged there or before")


async def test_a_file_of_something_else_is_refused(file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("hello")
    await refused(bad, "not a gzip file")
    await refused(tmp_path / "missing", "No such file")
    await refused(tmp_path, "Is a directory")
    await refused(repacked(bad, [b"hello\n"]), "line 1: it is not JSON")
    await refused(repacked(bad, [b"[1]\n"]), "line 1: it is not an object")
    await refused(repacked(bad, [b'{"a":1}\n']), "line 1: it is not the header of an exported incident")
    await refused(repacked(bad, [b"[" * 100_000 + b"\n"]), "line 1: it is not JSON")


def rewritten(lines: list[bytes], number: int, change: Callable[[dict[str, object]], object]) -> Iterator[bytes]:
    """The lines with one changed, and every digest as if it had been written so."""
    chain = hashlib.sha256()
    for n, there in enumerate(lines, 1):
        line = cast("dict[str, object]", json.loads(there))
        line["chain"] = chain.hexdigest()
        if "digest" in line:
            line["digest"] = chain.hexdigest()
        if n == number:
            change(line)
        raw = json.dumps(line).encode() + b"\n"
        chain.update(raw)
        yield raw


async def test_lines_that_do_not_belong_there_are_named_though_every_digest_is_right(
    file: Path, tmp_path: Path
) -> None:
    lines = unpacked(file)
    bad = tmp_path / "bad"
    tags = [json.loads(line).get("tag") for line in lines]

    def number_of(tag: str) -> int:
        return tags.index(tag) + 1

    def entry(line: dict[str, object]) -> dict[str, dict[str, object]]:
        return cast("dict[str, dict[str, object]]", line["entry"])

    def replaced(name: str, value: object) -> Callable[[dict[str, object]], object]:
        return lambda line: line.update({name: value})

    changes: list[tuple[int, Callable[[dict[str, object]], object], str]] = [
        (1, replaced("format", 2), "line 1: the bundle has format 2; this program reads up to 1; a newer program"),
        (1, lambda line: cast("dict[str, object]", line["header"]).pop("ticket"), "line 1: .*ticket"),
        (5, replaced("format", 2), "line 5: an entry has format 2; this program reads up to"),
        (5, replaced("tag", "surprise"), "line 5: an entry has the unknown tag 'surprise'"),
        (5, lambda line: entry(line)["observation"].update(cluster="south"), "line 5: .*'south'"),
        (5, lambda line: entry(line)["observation"].update(number=2), "line 5: observation 2 stands there twice"),
        (5, lambda line: line.update(tag="progress", entry={"number": 1, "at": LATER.isoformat(), "tracked": []}),
         "line 5: 'progress' does not belong into a bundle"),
        (number_of("note"), lambda line: entry(line).update(ticket=3), "it is about ticket 3, not 2"),  # pyright: ignore[reportArgumentType]
        (number_of("note"), lambda line: line.pop("sequence"), "not the numbers that it should have"),
        (number_of("note"), replaced("silence", 4), "not the numbers that it should have"),
        (number_of("silence"), lambda line: line.pop("silence"), "not the numbers that it should have"),
        (number_of("silence"), replaced("silence", 5), "silence 2 was not stated before"),
        (len(lines), replaced("count", 3), f"line {len(lines)}: it counts 3 lines before it"),
        (len(lines), replaced("digest", "0" * 64), f"line {len(lines)}: its digest is not"),
    ]  # fmt: skip
    repacked(bad, list(rewritten(lines, 0, len)))
    assert (await import_bundle(MemoryLedger(), bad, at=LATER)).id == 1  # the rewriting itself is not what is found
    for number, change, why in changes:
        await refused(repacked(bad, list(rewritten(lines, number, change))), why)
    no_opening = [*lines[: number_of("open") - 1], *lines[number_of("open") :]]
    fewer = list(rewritten(no_opening, len(no_opening), lambda line: line.update(count=len(no_opening) - 1)))
    await refused(repacked(bad, fewer), "something is said of ticket 2 before it is opened")


async def test_a_small_file_that_unpacks_without_end_is_not_read_to_its_end(file: Path, tmp_path: Path) -> None:
    size = sum(map(len, unpacked(file)))
    assert (await read_bundle(file, most_bytes=size)).bundle.ticket == OWN
    with pytest.raises(LedgerError, match=r"line \d+: with it, the bundle is larger than is read"):
        await read_bundle(file, most_bytes=size - 1)


async def test_another_bundle_under_the_same_name_is_refused(file: Path) -> None:
    ledger = MemoryLedger()
    there = await read_bundle(file)
    name = imported_name(NORTH, there.digest)
    other = IncidentImported(
        at=LATER, cluster=NORTH, ticket=OWN, position=0, head="", digest="other", versions={}, redactions={}
    )
    await ledger.append(name, [other], at=LATER)
    with pytest.raises(LedgerError, match="another bundle stands in the ledger as"):
        await import_bundle(ledger, file, at=LATER)
    assert await ledger.tickets() == ()
