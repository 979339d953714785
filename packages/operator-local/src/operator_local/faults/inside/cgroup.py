"""The limits of another container, read and set in its control group; both versions of control groups.

Docker's own `update` sets no limit of bytes a second. The engine's control groups are mounted at ``/cgroup``, and the
disk that is meant is the one below ``/volume``.

Reads its order, JSON, from its standard input: ``act`` (``read``, ``throttle``, ``release``), ``container`` (the full
id), ``bytes_per_s``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

GROUPS = Path("/cgroup")
VOLUME = Path("/volume")
DISKS = Path("/sys/dev/block")
UNLIMITED_FROM = 1 << 62
"""Version 1 says "no limit" by the largest number of pages that there could be."""


def group_file(container: str, name: str) -> Path | None:
    """A file of the container's own group."""
    for folder, _, files in os.walk(GROUPS):
        if container in Path(folder).name and name in files:
            return Path(folder) / name
    return None


def text(container: str, name: str) -> str | None:
    """What is in a file of the container's group; None when this version has no such file."""
    file = group_file(container, name)
    return None if file is None else file.read_text().strip()


def read(container: str) -> dict[str, object]:
    """Cores, bytes of memory and bytes a second by disk; None where there is no limit."""
    if (both := text(container, "cpu.max")) is not None:
        quota, period = both.split()
    else:
        quota = text(container, "cpu.cfs_quota_us") or "max"
        period = text(container, "cpu.cfs_period_us") or "100000"
    memory = text(container, "memory.max") or text(container, "memory.limit_in_bytes") or "max"
    return {
        "cpus": None if quota in {"max", "-1"} else int(quota) / int(period),
        "memory_bytes": None if memory == "max" or int(memory) >= UNLIMITED_FROM else int(memory),
        "bytes_per_s": throttled(container),
    }


def throttled(container: str) -> dict[str, int]:
    """The limit of writing by disk."""
    found: dict[str, int] = {}
    if (both := text(container, "io.max")) is not None:
        for line in both.splitlines():
            disk, *limits = line.split()
            value = dict(limit.split("=") for limit in limits).get("wbps", "max")
            if value != "max":
                found[disk] = int(value)
        return found
    for line in (text(container, "blkio.throttle.write_bps_device") or "").splitlines():
        disk, value = line.split()
        found[disk] = int(value)
    return found


def disk() -> str:
    """The whole disk below the volume, as ``major:minor``: a limit is set for no part of one."""
    device = VOLUME.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    folder = DISKS / name
    if not folder.exists():
        sys.exit(f"the volume is on no disk of its own kind ({name})")
    if (folder / "partition").exists():
        return (folder.resolve().parent / "dev").read_text().strip()
    return name


def throttle(container: str, disks: list[str], bytes_per_s: int) -> None:
    """Set the limit of reading and of writing; 0 for none."""
    if (file := group_file(container, "io.max")) is not None:
        value = str(bytes_per_s) if bytes_per_s else "max"
        for name in disks:
            file.write_text(f"{name} rbps={value} wbps={value}")
        return
    for kind in ("read", "write"):
        file = group_file(container, f"blkio.throttle.{kind}_bps_device")
        if file is None:
            sys.exit("this kernel limits no container's disk, or the engine's control groups are elsewhere")
        for name in disks:
            file.write_text(f"{name} {bytes_per_s}")


def main() -> None:
    """Do what is ordered."""
    order = json.loads(sys.stdin.read())
    container = order["container"]
    if order["act"] == "throttle":
        throttle(container, [disk()], order["bytes_per_s"])
    elif order["act"] == "release":
        throttle(container, list(throttled(container)), 0)
    sys.stdout.write(json.dumps(read(container)))


if __name__ == "__main__":
    main()
