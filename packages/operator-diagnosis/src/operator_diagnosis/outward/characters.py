"""Characters that a reader would not see, or that would do something instead of being read.

Terminal escapes, controls, writing that runs backwards, letters without width: nobody needs them to understand what
a subject said, and each is a way to say one thing to a person and another to a program. They are taken out before
anything else looks at the text, so that nothing can be hidden in the middle of a word.
"""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colour, cursor, erasing
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # strings for the terminal
    r"|\x1b[ -/]*[0-~]"
)
"""ECMA-48: control sequences, control strings, and the short escapes."""

_LINE_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_ALL_ASCII = re.compile(r"[\n -~]*")

_IGNORED = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
"""Without a picture, though they count as letters or marks: fillers, the empty Braille pattern, variation selectors
(Unicode, ``Default_Ignorable_Code_Point``)."""


def seen(text: str) -> str:
    """The text as a reader sees it, in lines divided by line feeds; doing it again changes nothing."""
    if _ALL_ASCII.fullmatch(text):
        return text
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", text)).replace("\t", " ")
    return "".join(c for c in text if c == "\n" or not _is_unseen(c))


def one_line(text: str) -> str:
    """Text that is seen, on a single line, with single blanks between words."""
    return " ".join(text.split())


def _is_unseen(c: str) -> bool:
    """Controls, formats, halves of surrogate pairs, private and unassigned code points, and what has no picture."""
    return c in _IGNORED or unicodedata.category(c).startswith("C")
