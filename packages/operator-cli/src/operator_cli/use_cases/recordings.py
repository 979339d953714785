"""Recordings of investigations as files: readable by their owner alone, never over another file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError, DiagnoserError

if TYPE_CHECKING:
    from operator_diagnosis.claude import Recording

LARGEST = 1 << 28
"""Bytes; more is no recording of ours."""


def check_new(path: Path | None) -> None:
    """Refuse a file that is there already, or whose folder is not, before anything is paid for.

    Raises:
        ConfigurationError: it is so.
    """
    if path is None:
        return
    if os.path.lexists(path):
        raise ConfigurationError(f"--record: {path} is there already, and nothing is written over it")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(f"--record: there is no folder {path.absolute().parent}")


def keep(recording: Recording | None, path: Path | None) -> None:
    """Write a recording to a new file.

    Raises:
        ConfigurationError: there is none, or the file has come into being meanwhile.
        DiagnoserError: the file system says no.
    """
    if path is None:
        return
    if recording is None:
        raise ConfigurationError("--record: no investigation was held, so there is nothing to record")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(recording.to_json())
    except FileExistsError:
        raise ConfigurationError(f"--record: {path} is there already, and nothing is written over it") from None
    except OSError as e:
        raise DiagnoserError(f"--record: {path}: {e.strerror or e}") from e


def read(path: Path) -> Recording:
    """Read a recording.

    Raises:
        ConfigurationError: it cannot be read, or is none.
    """
    from operator_diagnosis.claude import Recording

    try:
        if path.stat().st_size > LARGEST:
            raise ConfigurationError(f"--replay: {path} is larger than any recording")
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigurationError(f"--replay: {path}: {e.strerror or e}") from e
    except UnicodeDecodeError:
        raise ConfigurationError(f"--replay: {path}: this is no recording of an investigation") from None
    try:
        return Recording.from_json(text)
    except ConfigurationError as e:
        raise ConfigurationError(f"--replay: {path}: {e}") from e
