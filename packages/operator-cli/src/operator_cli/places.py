"""Where the record is kept, as people name it: a file or the URL of a database; shown without its secrets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from operator_core.errors import ConfigurationError

DATABASES = ("sqlite", "postgresql")
"""What stands before ``://``; the driver may be named behind a ``+``."""

_SCHEME = re.compile(r"(?P<database>[A-Za-z][A-Za-z0-9.-]*)(?:\+(?P<driver>[A-Za-z0-9_.]+))?://")
_PASSWORD = re.compile(r"(?<=://)(?P<user>[^/?#:@]*):.*@", re.DOTALL)
_SECRET_PARAMETER = re.compile(r"(?P<name>[?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def without_secrets(place: str) -> str:
    """A path or URL as it may be shown: what could be a password is three stars, rather too much than too little."""
    return _SECRET_PARAMETER.sub(r"\g<name>***", _PASSWORD.sub(r"\g<user>:***@", place))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is kept.

    Attributes:
        location: a whole path, or a URL with everything that is needed to get in.
    """

    location: str

    @property
    def file(self) -> Path | None:
        """The file, when it is one."""
        if "://" not in self.location:
            return Path(self.location)
        path = self.location.partition("://")[2].partition("?")[0].removeprefix("/")
        return Path(path) if self.location.startswith("sqlite") else None

    def __str__(self) -> str:
        return without_secrets(self.location)

    def __repr__(self) -> str:
        return f"Place({without_secrets(self.location)!r})"


def place_of(text: str, *, of: str) -> Place:
    """The place that a text names.

    Args:
        text: a path, or ``sqlite:///path``, or ``postgresql://user:password@host/database``.
        of: what the text is, for the error (``--ledger``).

    Raises:
        ConfigurationError: it names none; the error shows no secret.
    """
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme["database"] in DATABASES:
        return Place(text)
    if scheme is not None or "://" in text:
        raise ConfigurationError(
            f"{of} is {without_secrets(text)!r}; a file, sqlite:///PATH or postgresql://USER@HOST/DATABASE is meant"
        )
    if not text.strip() or "\0" in text or text == ":memory:":
        raise ConfigurationError(f"{of} is {text!r}; a file or a URL is meant")
    try:
        return Place(os.fspath(Path(text).expanduser().absolute()))
    except RuntimeError as e:
        raise ConfigurationError(f"{of} is {text!r}; whose home is meant is not known: {e}") from e
