"""The marks ``‹…›``: ours stay, everybody else's are taken for what a subject marked as a user's data.

Systems that log with redaction markers put what came from a user between these very signs. It is masked whole. That
also makes our own marks impossible to forge: between them stands a kind of ours, or a name that was given here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from operator_core.redaction import mask

KINDS = frozenset(
    {
        *("access-key", "api-key", "authorization", "cookie", "e-mail", "jwt", "key", "password", "private-key"),
        *("secret", "token", "user-data"),
    }
)
"""The kinds of masks that are put in place of a secret; another word between the signs was not put there by us."""

USER_DATA = mask("user-data")

_E_MAIL = re.compile(r"(?<![\w.+@/:-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}(?![\w@-]|\.\w|:\S)")
_SIGNS = re.compile("[‹›]")


def without_user_data(text: str, is_given: Callable[[str], bool]) -> str:
    """The text with what stands between foreign signs masked; a sign without its fellow becomes ``<`` or ``>``.

    Args:
        is_given: whether a mark, without its signs, was put there by us.
    """
    if not _SIGNS.search(text):
        return text
    return "".join(_line(line, is_given) for line in re.split(r"(\n)", text))


def without_e_mail(text: str) -> str:
    """The text with addresses of people masked."""
    return _E_MAIL.sub(mask("e-mail"), text) if "@" in text else text


def _line(line: str, is_given: Callable[[str], bool]) -> str:
    parts: list[str] = []
    depth = start = end = 0
    for sign in _SIGNS.finditer(line):
        if sign.group() == "‹":
            if depth == 0:
                parts.append(line[end : sign.start()])
                start = sign.start()
            depth += 1
        elif depth > 0:
            depth -= 1
            if depth == 0:
                parts.append(_mark(line[start + 1 : sign.start()], is_given))
                end = sign.end()
        else:
            parts.append(line[end : sign.start()] + ">")
            end = sign.end()
    # a mark that is never closed hides the rest of its line: it may have been cut off
    return "".join(parts) + (USER_DATA if depth else line[end:])


def _mark(inner: str, is_given: Callable[[str], bool]) -> str:
    kind = inner.removeprefix("redacted:")
    return f"‹{inner}›" if (kind != inner and kind in KINDS) or is_given(inner) else USER_DATA
