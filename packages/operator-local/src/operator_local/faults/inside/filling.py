"""A volume, mounted at ``/volume``, filled to a level by one file, and that file taken away again.

Reads its order, JSON, from its standard input: ``act`` (``fill``, ``empty``, ``look``), ``file`` (a name), ``level``
(of the whole, 0 to 1), ``spare_bytes`` (what must stay free at the host: on its disk, and of its memory when the volume
is in memory).
"""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

VOLUME = Path("/volume")


def look() -> dict[str, object]:
    """Size and use of the volume, as df has them."""
    found = os.statvfs(VOLUME)
    return {"size": found.f_blocks * found.f_frsize, "free": found.f_bfree * found.f_frsize}


def kind() -> str:
    """The volume's kind of file system."""
    kinds = [line.split()[2] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == "/volume"]
    return kinds[-1] if kinds else ""


def host_free() -> int:
    """What the host has left of that in which the volume lies; its disk is the one of our own files."""
    if kind() == "tmpfs":
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) * 1024
    found = os.statvfs("/")
    return found.f_bavail * found.f_frsize


def fill(file: Path, level: float, spare_bytes: int) -> None:
    """Make the file as large as is wanting."""
    found = os.statvfs(VOLUME)
    size, free = found.f_blocks * found.f_frsize, found.f_bfree * found.f_frsize
    wanting = int(size * level) - (size - free)
    if wanting <= 0:
        sys.exit(f"the volume is fuller than that already: {1 - free / size:.3f}")
    if host_free() - wanting < spare_bytes:
        sys.exit(f"the host would have {host_free() - wanting} bytes left, and {spare_bytes} must stay")
    with file.open("xb") as out:
        try:
            os.posix_fallocate(out.fileno(), 0, min(wanting, free))
        except OSError as e:
            if e.errno != errno.ENOSPC:
                raise
            # Somebody else wrote meanwhile: it is as full as it gets, and what is measured tells how full.
        os.fsync(out.fileno())


def main() -> None:
    """Do what is ordered."""
    order = json.loads(sys.stdin.read())
    file = VOLUME / order["file"]
    if order["act"] == "fill":
        fill(file, order["level"], order["spare_bytes"])
    elif order["act"] == "empty":
        file.unlink(missing_ok=True)
    sys.stdout.write(json.dumps(look()))


if __name__ == "__main__":
    main()
