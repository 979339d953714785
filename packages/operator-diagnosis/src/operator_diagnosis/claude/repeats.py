"""Recognising a question that was asked before, also in other words. Pure.

Within one investigation the same question brings nothing new that is worth its price: what it gave stands in the
conversation. Two calls are the same when they name the same tool and their arguments say the same once case,
spaces, signs, leading zeros and the parameter's own name are taken away (`4`, ` 04`, `Store #4`, `store/4`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

STOPPED_AT_MOST = 3
"""After so many repeated calls the model is asked to close."""

_WORD = re.compile(r"[^\W_]+(?:\.\d+)*")

Asked = tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]
"""What a call asks, in the form that calls are compared in."""


def asked(tool: str, arguments: Mapping[str, str]) -> Asked:
    """What a call asks; an argument that says nothing is as one that is left out."""
    said = ((name, _words(value, name)) for name, value in sorted(arguments.items()))
    return tool, tuple((name, words) for name, words in said if words)


def _words(value: str, name: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", value).casefold()
    words = _WORD.findall(plain)
    kept = [w for w in words if w.removesuffix("s") != name.casefold().removesuffix("s")] or words
    return tuple((w.lstrip("0") or "0") if w.isdigit() else w for w in kept)


class Repeats:
    """The calls of one investigation."""

    def __init__(self) -> None:
        self._first: dict[Asked, str] = {}
        self.stopped = 0

    def earlier(self, tool: str, arguments: Mapping[str, str], ident: str) -> str | None:
        """The id of the call that asked this before, or None: then this call is the first of its kind."""
        key = asked(tool, arguments)
        first = self._first.setdefault(key, ident)
        if first == ident:
            return None
        self.stopped += 1
        return first

    @property
    def are_too_many(self) -> bool:
        return self.stopped >= STOPPED_AT_MOST
