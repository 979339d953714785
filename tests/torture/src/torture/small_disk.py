"""A file system with little room, which is given more while a process runs on it.

A tmpfs where one may mount; else, and also, a limit on the size of the process's files.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_REMOUNT = 32  # MS_REMOUNT, linux/mount.h
_DETACH = 2  # MNT_DETACH, umount2(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDisk:
    """Where to write, and how to get more room there.

    Attributes:
        kind: which of the two it is, in words.
        says: what SQLite says when there is no room.
        prefix: what a command line begins with to be under the limit.
    """

    kind: str
    says: str
    folder: Path
    prefix: tuple[str, ...] = ()

    def fill(self, left: int) -> None:
        """Leave room for so many bytes."""
        there = os.statvfs(self.folder)
        with (self.folder / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, there.f_bavail * there.f_frsize - left)

    def enlarge(self, size: int, pid: int) -> None:
        """Give it room for so many bytes.

        Args:
            pid: of the process that writes there.
        """
        if self.prefix:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        else:
            _mount(self.folder, size, _REMOUNT)


def _mount(folder: Path, size: int, flags: int) -> None:
    made = _LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, f"size={size},mode=0755".encode())
    if made != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(folder))


@contextmanager
def small_tmpfs(folder: Path, size: int) -> Generator[SmallDisk]:
    """A small tmpfs at a folder that is there and empty.

    Raises:
        PermissionError: one may not mount here.
    """
    _mount(folder, size, 0)
    try:
        yield SmallDisk(kind="a small tmpfs", says="the disk is full", folder=folder)
    finally:
        _LIBC.umount2(os.fsencode(folder), _DETACH)


@contextmanager
def small_files(folder: Path, size: int) -> Generator[SmallDisk]:
    """A folder in which no file of a process that is started so grows beyond a size."""
    prefix = ("prlimit", f"--fsize={size}:unlimited")
    yield SmallDisk(kind="a limit on the size of its files", says="disk I/O error", folder=folder, prefix=prefix)
