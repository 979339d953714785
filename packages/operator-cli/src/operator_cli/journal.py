"""systemd's journal: lines that are led by their priority, so that ``journalctl -p warning`` finds what is wrong."""

from __future__ import annotations

import os
import stat
from typing import TextIO

CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG = 2, 3, 4, 5, 6, 7
"""The priorities of syslog(3) that we use."""


def is_journal(stream: TextIO) -> bool:
    """Whether what is written there goes to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    told = os.environ.get("JOURNAL_STREAM")
    if told is None:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return stat.S_ISSOCK(found.st_mode) and told == f"{found.st_dev}:{found.st_ino}"


def mark(priority: int, stream: TextIO) -> str:
    """What a line for that stream begins with (sd-daemon(3)); nothing where it goes to no journal."""
    return f"<{priority}>" if is_journal(stream) else ""
