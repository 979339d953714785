"""Masking secrets before anything leaves the process, the same way every time; everything here is pure.

A mask names what it hides (``‹redacted:password›``) and nothing else of it: neither length nor digest, which would
let a short secret be guessed. What is in doubt is masked; what only looks long (the keys of ranges, digests, ids,
addresses, paths, versions) is left alone, for without it a record explains nothing.

The rules look for secrets by their place (a password in a URL, what follows ``token=`` or ``Authorization:``) and by
their shape (keys that their issuers made recognisable). A secret that stands alone and looks like any other word
cannot be told from one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import cache, lru_cache
from operator import is_
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

_MASK = re.compile(r"‹redacted:([a-z-]+)›")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted(Generic[T]):
    """A value without its secrets.

    Attributes:
        masked: how many secrets of each kind were masked; what was masked before is not counted again.
    """

    value: T
    masked: Mapping[str, int]


def mask(kind: str) -> str:
    """What stands in the place of a secret of this kind."""
    return f"‹redacted:{kind}›"


_NAME = (
    r"(?P<name>pass(?:word|wd|phrase)|pwd|requirepass|masterauth|token"
    r"|(?:api|access|private|account|auth|shared|signing)[_-]?key|secret(?:[_-]?key)?)"
)
"""How the name of a secret ends; what stands before does not matter (``db_password``, ``X-Auth-Token``)."""

_KINDS = dict.fromkeys(("pass", "pwd", "requirepass", "masterauth"), "password") | {
    "api": "api-key",
    "access": "access-key",
    "private": "private-key",
    "secret": "secret",
    "token": "token",
}
"""The kind of a secret, by how its name begins."""

_QUOTE = r"\\{0,4}[\"'`]"
_END = (
    r"(?:[\\\"'`\])}>,;.]{0,6}(?:\s|$)"  # closing marks, and then nothing or a space
    rf"|[\\\"'`\])}}]{{0,6}}[,;&|][ \t]?(?:{_QUOTE})?[\w.-]{{1,64}}(?:{_QUOTE})?[ \t]?[=:]"  # the next name
    rf"|{_QUOTE}[,:\])}}])"
)
_RUN = rf"(?:(?!{_END})\S)+"
"""A value without quotes: until what follows is surely no part of it."""

_OPENING = r"(?:[\[({]|b(?=[\"']))*"
_QUOTED = (
    r"(?P<quote>[\"'`])(?P<quoted>(?:\\.|(?!(?P=quote))[^\\\r\n])+)(?P=quote)"
    r"|(?P<escaped>\\{1,4}[\"'])(?P<inner>(?:(?!(?P=escaped))[^\r\n])+)(?P=escaped)"
    r"|\\{0,4}[\"'`](?!\\{0,4}[\"'`])(?P<torn>[^\r\n]+)"
)
_SCHEME = r"(?P<scheme>(?:bearer|basic|token|negotiate|apikey)[ \t]+)?"
_ASSIGNS = r"(?:[ \t]*(?:=>|:=|={1,3}(?![ \t]+[a-z_]{1,20}=[^=\s])|:)[ \t]*)"

_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r".*?(?:-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_USERINFO = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]{0,30}://[^\s/?#@:\"<>\[\]‹]{0,128}:|(?<![\w.:@/‹-])[\w.-]{1,64}:(?=[^\s/()]{1,512}@(?:tcp|unix)\())"
    r"(?P<secret>[^\s/?#\"<>]{1,512}(?=@)|(?!\d{1,5}[/?#])[^\s@\"<>]{1,512}(?=@))@(?!sha256:)",
    re.IGNORECASE,
)
_USERINFO_TOKEN = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]{0,30}://)(?P<secret>[\w-]{20,})@", re.IGNORECASE)
_HEADER = re.compile(
    rf"(?P<before>\bauthorization(?:{_QUOTE})?(?:{_ASSIGNS}|,[ \t]*){_OPENING}(?:{_QUOTE})?{_SCHEME})"
    rf"(?P<secret>(?:digest|oauth|aws4-hmac-sha256)[ \t][^\r\n]+|{_RUN})",
    re.IGNORECASE,
)
_COOKIE = re.compile(
    rf"(?P<before>\b(?:set-)?cookie(?:{_QUOTE})?:[ \t]*(?:{_QUOTE})?)(?P<secret>[^\s\"'`]+=[^\r\n\"'`]+)", re.IGNORECASE
)
_BEARER = re.compile(r"(?P<before>\bbearer[ \t]+)(?P<secret>(?=\S{0,200}\d|\S{20})[\w.~+/=-]{8,})", re.IGNORECASE)
_BASIC = re.compile(r"(?P<before>\bbasic[ \t]+)(?P<secret>[A-Za-z0-9+/]{6,}={0,2})", re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"(?P<before>{_NAME}(?:{_QUOTE})?{_ASSIGNS}|(?<![\w-])--?[\w-]{{0,40}}?{_NAME.replace('?P<name>', '?P<flag>')}"
    rf"(?:{_QUOTE})?,?[ \t]+){_OPENING}(?:{_QUOTED}|{_SCHEME}(?P<run>(?![\"'`]){_RUN}))",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"(?P<before>\b(?:identified[ \t]+(?:with[ \t]+\S{1,64}[ \t]+)?(?:by|as)(?:[ \t]+password)?|password)[ \t]+)"
    r"(?P<quote>\\{0,4}[\"'])(?P<secret>(?:(?!(?P=quote)).)+)(?P=quote)",
    re.IGNORECASE,
)
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "api-key": re.compile(
        r"(?<![A-Za-z0-9])(?:sk-(?:ant|proj|svcacct|or)-[\w-]{12,}|sk-[A-Za-z0-9]{20,}|AIza[\w-]{30,}"
        r"|[rsp]k_(?:live|test)_[A-Za-z0-9]{10,})"
    ),
    "access-key": re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    "jwt": re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*"),
    "token": re.compile(
        r"(?<![A-Za-z0-9])(?:gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{30,}"
        r"|xox[abeoprs]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|hvs\.[\w-]{20,}|hf_[A-Za-z0-9]{30,})"
    ),
}

_HINT = re.compile(
    r"pass|pwd|auth|token|key|secret|cookie|bearer|basic|identified|://|@(?:tcp|unix)|-----BEGIN|[rsp]k[-_]|AIza"
    r"|A[KSBC][IC]A|eyJ|gh[oprsu]_|github_pat|glpat|npm_|xox|xapp|hvs\.|hf_",
    re.IGNORECASE,
)
"""Whatever a rule finds has one of these in it; most texts have none."""

_SAYS_NOTHING = re.compile(
    r"none|null|nil|true|false|yes|no|not|is|was|empty|missing|required|invalid|expired|unset|undefined|unknown|denied"
    r"|\*+|<[a-z _-]+>|\$\{\w+\}?|\{\{[^{}]*\}{0,2}|\[?redacted\]?",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:/[\w.-]+)+/?")
_NAMES_A_PART = re.compile(rf"(?:{_QUOTE})?[ \t]*:")


def _kind_of(name: str) -> str:
    return next((kind for begins, kind in _KINDS.items() if name.lower().startswith(begins)), "key")


def _is_plain(name: str, secret: str) -> bool:
    """Whether what stands in the place of a secret is none."""
    if _MASK.fullmatch(secret) or _SAYS_NOTHING.fullmatch(secret):
        return True
    return name.lower() in ("pwd", "private_key", "private-key", "privatekey") and bool(_PATH.fullmatch(secret))


def _follows_path(text: str, at: int) -> bool:
    """Whether the word that goes on here is the end of a path (``/etc/passwd: permission denied``)."""
    return bool(re.search(r"/[\w.-]*$", text[max(0, at - 80) : at]))


def _is_basic(secret: str) -> bool:
    try:
        plain = base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    except binascii.Error:
        return False
    return b":" in plain and all(0x20 <= byte < 0x7F for byte in plain)


def _assigned(match: re.Match[str]) -> str:
    name = match["name"] or match["flag"]
    group = next(g for g in ("quoted", "inner", "torn", "run") if match[g] is not None)
    secret = match[group]
    before = match.string[match.start() : match.start(group)]
    by_colon = ": " in before or ":\t" in before
    if _is_plain(name, secret) or (by_colon and _follows_path(match.string, match.start())):
        return match.group()
    if "{" in before and _NAMES_A_PART.match(match.string, match.end(group)):
        return match.group()
    return f"{before}{mask(_kind_of(name))}{match.string[match.end(group) : match.end()]}"


def _in_place(pattern: re.Pattern[str], kind: str, text: str) -> str:
    def hidden(match: re.Match[str]) -> str:
        if _is_plain("", match["secret"]) or (pattern is _BASIC and not _is_basic(match["secret"])):
            return match.group()
        start, end = match.span("secret")
        return match.string[match.start() : start] + mask(kind) + match.string[end : match.end()]

    return pattern.sub(hidden, text)


def _masked(text: str) -> str:
    text = _PEM.sub(mask("private-key"), text)
    text = _in_place(_USERINFO, "password", text)
    text = _in_place(_USERINFO_TOKEN, "token", text)
    text = _in_place(_HEADER, "authorization", text)
    text = _in_place(_COOKIE, "cookie", text)
    text = _ASSIGNED.sub(_assigned, text)
    text = _in_place(_SQL, "password", text)
    text = _in_place(_BEARER, "authorization", text)
    text = _in_place(_BASIC, "authorization", text)
    for kind, shape in _SHAPES.items():
        text = shape.sub(mask(kind), text)
    return text


_ROUNDS = 8
"""A mask may show what else is to be masked; seldom more than once."""


@lru_cache(maxsize=1 << 16)
def _text(text: str) -> tuple[str, tuple[tuple[str, int], ...]]:
    if not _HINT.search(text):
        return text, ()
    after, before = _masked(text), text
    for _ in range(_ROUNDS):
        if after == before:
            break
        after, before = _masked(after), after
    if after == text:
        return text, ()
    counts = Counter(_MASK.findall(after))
    counts.subtract(_MASK.findall(text))
    return after, tuple(sorted((+counts).items()))


def redact_text(text: str) -> Redacted[str]:
    """A text without its secrets; doing it again changes nothing."""
    after, masked = _text(text)
    return Redacted(value=after, masked=dict(masked))


def redact(value: T) -> Redacted[T]:
    """A value of ours without the secrets in any text in it, however deep: entries, observations, diagnoses.

    Instants, numbers and members of closed sets stay. In a mapping, what stands under the name of a secret is one.
    """
    counts: Counter[str] = Counter()
    after = _walk(value, counts)
    return Redacted(value=cast("T", after), masked=dict(sorted(counts.items())))


def _walk(value: object, counts: Counter[str]) -> object:
    """The value without secrets; the very same value when it has none, so that large ones are not copied."""
    match _made_of(type(value)):
        case _Parts.NONE:
            return value
        case _Parts.LETTERS:
            after, masked = _text(cast("str", value))
            if masked:
                counts.update(dict(masked))
            return value if after == value else after
        case _Parts.MEMBERS:
            parts = list(cast("Iterable[object]", value))
            walked = [_walk(part, counts) for part in parts]
            if all(map(is_, walked, parts)):
                return value
            return (
                tuple(walked) if isinstance(value, tuple) else walked if isinstance(value, list) else frozenset(walked)
            )
        case _Parts.PAIRS:
            pairs = list(cast("Mapping[object, object]", value).items())
            pairs_after = [_pair(key, part, counts) for key, part in pairs]
            same = all(one[0] is two[0] and one[1] is two[1] for one, two in zip(pairs, pairs_after, strict=True))
            return value if same else dict(pairs_after)
        case names:
            changed = {
                name: after for name in names if (after := _walk(part := getattr(value, name), counts)) is not part
            }
            return replace(cast("Any", value), **changed) if changed else value


class _Parts(Enum):
    """What a value is made of, as far as texts can be in it."""

    NONE = "none"
    LETTERS = "letters"
    MEMBERS = "members"
    PAIRS = "pairs"


@cache
def _made_of(kind: type) -> _Parts | tuple[str, ...]:
    """What values of a type are made of; of a dataclass, the names of its fields."""
    if issubclass(kind, str) and not issubclass(kind, Enum):
        return _Parts.LETTERS
    if issubclass(kind, tuple | list | AbstractSet):
        return _Parts.MEMBERS
    if issubclass(kind, Mapping):
        return _Parts.PAIRS
    return tuple(f.name for f in fields(cast("Any", kind))) if is_dataclass(cast("Any", kind)) else _Parts.NONE


_NAMED = re.compile(rf"\W*(?:[\w.-]*[_.-])?{_NAME}\W*", re.IGNORECASE)


def _pair(key: object, value: object, counts: Counter[str]) -> tuple[object, object]:
    named = _NAMED.fullmatch(key) if isinstance(key, str) else None
    if named is not None and isinstance(value, str) and value and not _is_plain(named["name"], value):
        kind = _kind_of(named["name"])
        counts[kind] += 1
        return key, mask(kind)
    return _walk(key, counts), _walk(value, counts)
