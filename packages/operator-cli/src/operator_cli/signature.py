"""What a person says and signs: checked before it is written into a record that nothing is taken out of again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError
from operator_core.tickets import PROGRAM

if TYPE_CHECKING:
    from operator_cli.settings import Loaded

LONGEST_NAME = 100
LONGEST_TEXT = 20_000
"""Characters of one note; what is longer is a document, and belongs elsewhere."""


def said(text: str | None, *, of: str, longest: int = LONGEST_TEXT) -> str:
    """What a person has to say, without the blanks around it.

    Args:
        text: what was given; None when nothing was.
        of: the option or argument it came by, for the error.
        longest: characters that are taken.

    Raises:
        ConfigurationError: it is missing, empty, too long, or no text.
    """
    if text is None or not text.strip():
        raise ConfigurationError(f"{of} is missing; say it in a few words" if text is None else f"{of} is empty")
    if len(text) > longest:
        raise ConfigurationError(f"{of} has {len(text):,} characters; {longest:,} at most are meant")
    if any("\ud800" <= c <= "\udfff" for c in text):  # bytes of the command line that are no UTF-8
        raise ConfigurationError(f"{of} is {text[:60]!r}, which is not UTF-8 text")
    return text.strip()


def signed(loaded: Loaded, by: str | None) -> str:
    """Who says so.

    Args:
        loaded: the settings, which say who it is when no name is given.
        by: the name that was given.

    Raises:
        ConfigurationError: it is no name, or the one by which the program signs.
    """
    of, name = ("setting user", loaded.settings.user) if by is None else ("--by", by)
    name = said(name, of=of, longest=LONGEST_NAME)
    if name == PROGRAM:
        raise ConfigurationError(f"{of} is {name!r}, by which the program itself signs; say who you are with --by")
    return name


def heard() -> str:
    """All that standard input has to say.

    Raises:
        ConfigurationError: it is no text, or too long to be a note.
    """
    most = 4 * LONGEST_TEXT  # bytes of so many characters
    read = sys.stdin.buffer.read(most + 1)
    if len(read) > most:
        raise ConfigurationError(f"standard input has more than {LONGEST_TEXT:,} characters, which is no note")
    try:
        return read.decode("utf-8")
    except UnicodeDecodeError as e:
        raise ConfigurationError(f"what standard input says is not UTF-8 text (byte {e.start})") from None
