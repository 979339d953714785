"""Database files: which one a name means, and who may read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from operator_core.errors import LedgerError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def path_of(path_or_url: str | os.PathLike[str]) -> Path:
    """The file that a path or a ``sqlite:///`` URL names.

    Raises:
        LedgerError: it is a URL of another database, or names no file.
    """
    text = os.fspath(path_or_url)
    if "://" not in text:
        if text in ("", ":memory:"):
            raise LedgerError(f"{text!r} names no file")
        return Path(text).expanduser()
    try:
        url = make_url(text)
    except ArgumentError as e:
        raise LedgerError(f"{text!r} is not a database URL") from e
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() != "sqlite":
        raise LedgerError(f"{shown}: only SQLite files can be opened, not {url.get_backend_name()}")
    if not url.database or url.database == ":memory:":
        raise LedgerError(f"{shown} names no file")
    return Path(url.database).expanduser()


def make_file(path: Path) -> None:
    """Create the file and the folders above it so that only their owner can read them; what is there is left alone.

    The modes do not depend on the umask. SQLite gives ``-wal`` and ``-shm`` the mode of the file they belong to.

    Raises:
        LedgerError: the file system says no.
    """
    try:
        missing = [f for f in path.parents if not f.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            folder.chmod(_FOLDER_MODE)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
        except FileExistsError:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise LedgerError(f"{path}: it is not a regular file")
            finally:
                os.close(descriptor)
        else:
            os.fchmod(descriptor, _FILE_MODE)
            os.close(descriptor)
    except OSError as e:
        raise LedgerError(f"{path}: {e.strerror or e}") from e
