"""Bundles as files: written all at once or not at all, readable by their owner alone, never over another file."""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from operator_core.errors import ConfigurationError, LedgerError

from operator_ledger.bundles.contents import Bundle
from operator_ledger.bundles.lines import Decoded, decoded, digest_of, encoded

_MODE = 0o600
_LEVEL = 6
_LONGEST_LINE = 1 << 28
_MOST = 1 << 32
"""Bytes that a line, and all lines together, may have when unpacked: a small file can hold a very large one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFile:
    """A bundle as it was read from a file, or written to one.

    Attributes:
        digest: SHA-256 in hex over its lines.
    """

    path: Path
    bundle: Bundle
    digest: str


async def write_bundle(path: str | os.PathLike[str], bundle: Bundle) -> BundleFile:
    """Write a bundle to a new file; when it is there at all, it is there as a whole and on the disk.

    Raises:
        ConfigurationError: something is there already.
        LedgerError: the file system says no.
    """
    return await asyncio.to_thread(_write, Path(path), bundle)


def _write(path: Path, bundle: Bundle) -> BundleFile:
    if os.path.lexists(path):
        raise ConfigurationError(f"{path}: it is there already, and nothing is written over it")
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    last = b""
    try:
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), _MODE)
                with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0) as packed:
                    for last in encoded(bundle):
                        packed.write(last)
                file.flush()
                os.fsync(file.fileno())
            _put(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except FileExistsError as e:
        raise ConfigurationError(f"{path}: it is there already, and nothing is written over it") from e
    except OSError as e:
        raise LedgerError(f"{path}: {e.strerror or e}") from e
    return BundleFile(path=path, bundle=bundle, digest=digest_of(last))


def _put(draft: Path, path: Path) -> None:
    """Give the draft its name, which nobody else may have taken meanwhile; renaming would replace what is there."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))
        draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def read_bundle(path: str | os.PathLike[str], *, most_bytes: int = _MOST) -> BundleFile:
    """Read and check a bundle.

    Args:
        most_bytes: how large it may be when unpacked.

    Raises:
        LedgerError: it cannot be read, is no bundle, was damaged, or was written by a newer program.
    """
    return await asyncio.to_thread(_read, Path(path), most_bytes)


def _read(path: Path, most_bytes: int) -> BundleFile:
    try:
        there: Decoded = decoded(_lines(path, most_bytes))
    except LedgerError as e:
        raise LedgerError(f"{path}: {e}") from e
    return BundleFile(path=path, bundle=there.bundle, digest=there.digest)


def _lines(path: Path, most_bytes: int) -> Iterator[bytes]:
    number = 1
    try:
        with gzip.open(path, "rb") as packed:
            while line := packed.readline(min(_LONGEST_LINE, most_bytes) + 1):
                most_bytes -= len(line)
                if len(line) > _LONGEST_LINE or most_bytes < 0:
                    raise LedgerError(f"line {number}: with it, the bundle is larger than is read")
                yield line
                number += 1
    except EOFError as e:
        raise LedgerError(f"line {number}: the file is cut off there") from e
    except gzip.BadGzipFile as e:
        why = "it is not a gzip file" if number == 1 else f"line {number}: the file is damaged there or before ({e})"
        raise LedgerError(why) from e
    except zlib.error as e:
        raise LedgerError(f"line {number}: the file is damaged there ({e})") from e
    except OSError as e:
        raise LedgerError(e.strerror or str(e)) from e
