"""One monitor for one cluster: two would number their looks alike and refuse each other's records."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from operator_core.errors import ConfigurationError, LedgerError
from operator_core.readings import ClusterName


@contextmanager
def alone(cluster: ClusterName, state_directory: Path) -> Generator[None]:
    """A block in which no other process of this state folder watches the cluster; a killed one is out of it at once.

    Raises:
        ConfigurationError: one does already.
        LedgerError: the folder cannot be written.
    """
    path = state_directory / "monitors" / f"{hashlib.sha256(cluster.encode()).hexdigest()[:16]}.lock"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise LedgerError(f"{path}: {e.strerror or e}") from e
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            pid = os.read(descriptor, 20).decode("ascii", "replace") or "unknown"
            raise ConfigurationError(f"another monitor (process {pid}) watches {cluster} already") from e
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
