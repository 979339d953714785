"""Text from outside on its way to a person: without control characters, secrets, or endless length."""

from __future__ import annotations

import unicodedata

from operator_core.redaction import redact_text

LINE = 300
PARAGRAPH = 2_000


def one_line(text: str, *, longest: int = LINE) -> str:
    """Text on one line, masked, cut when it is long."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    kept = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    plain = redact_text(" ".join(kept.split())).value
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def paragraph(text: str) -> str:
    """Prose of the model on one line, masked, cut when it is very long."""
    return one_line(text, longest=PARAGRAPH)
