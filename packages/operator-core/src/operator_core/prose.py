"""Finding what free text says that no held claim backs: numbers, components, times and citations.

Code reads the text as a person would, and strikes when in doubt. A number must be the value of a held claim, in the
same unit or scaled (``730 ms`` for 0.73 s, ``97 %`` for 0.97). A time must lie in a held claim's interval. A cited
reading must be one that a held claim cites; a component must be one that a held claim is about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from operator_core.claims import Claim
from operator_core.components import ComponentRef
from operator_core.readings import Reading, ReadingId, Unit
from operator_core.verify import same


@dataclass(frozen=True, slots=True, kw_only=True)
class StruckWords:
    """A part of some prose that no claim backs."""

    start: int
    end: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class _Found:
    """A part of the text that says something; why it is to be struck, or None when a claim backs it."""

    start: int
    end: int
    why: str | None


_CITATION = re.compile(r"(?<![\w.])[op]\d+\.\d+(?![\w]|\.\d)")
_DATE = r"(?P<date>\d{4}-\d\d-\d\d)"
_TIME = r"(?P<time>(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)"
_OFFSET = r"(?P<offset>\s?(?:Z|UTC|[+-]\d\d:?\d\d)(?![\w:]))"
_MOMENT = re.compile(
    rf"(?<![\w:.])(?:{_DATE}(?:[T ]{_TIME}{_OFFSET}?)?|(?P<alone>{_TIME.replace('time', 'only')}"
    rf"{_OFFSET.replace('offset', 'zone')}?))(?![\w:])"
)
_ORDINAL = re.compile(r"(?<![\w.])\d+(?:st|nd|rd|th)\b", re.IGNORECASE)
_PER_SECOND = re.compile(r"(?<=\d )1/s(?!\w)")
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?\d+(?:,\d+)*(?:\.\d+)?(?:e[-+]?\d+)?"
    r"(?:\s?(?:(?P<percent>%)|(?P<unit>ms|µs|μs|us|ns|seconds?|s|minutes?|min|hours?|h|[KMGT]i?B|kB|bytes?|B)(?![\w/])))?",
    re.IGNORECASE,
)

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0} | {
    "second": 1.0,
    "seconds": 1.0,
    "minute": 60.0,
    "minutes": 60.0,
    "hour": 3600.0,
    "hours": 3600.0,
}
_BYTES = {"b": 1.0, "byte": 1.0, "bytes": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12} | {
    "kib": 2.0**10,
    "mib": 2.0**20,
    "gib": 2.0**30,
    "tib": 2.0**40,
}


def check_prose(
    prose: str,
    held: Iterable[Claim],
    components: Iterable[ComponentRef],
    *,
    readings: Mapping[ReadingId, Reading] | None = None,
    zone: tzinfo = UTC,
) -> tuple[StruckWords, ...]:
    """Find the numbers, components, times and citations in free text that no held claim is about.

    Args:
        prose: free text, as a model or a person wrote it.
        held: the claims that were re-checked and hold.
        components: every component that exists, so that a mention can be recognised.
        readings: the record; with it, the value of a cited reading may be said as well as the claimed one
            ("is above 0.1" may be told as 0.73).
        zone: of the times in the text that name none.

    Returns:
        The parts to strike, in order, not overlapping.
    """
    claims = tuple(held)
    refs = tuple(components)
    spoken = _Spoken(claims, readings or {})
    found: list[_Found] = []
    for look in (
        _citations(prose, claims),
        _moments(prose, claims, zone),
        _mentions(prose, claims, refs),
        _terms(prose, claims),
        _numbers(prose, spoken),
    ):
        # what one look has read is not read again by the next: the 4 of "store 4" is no number
        found.extend([f for f in look if not any(f.start < g.end and g.start < f.end for g in found)])
    return tuple(
        StruckWords(start=f.start, end=f.end, text=prose[f.start : f.end], why=f.why)
        for f in sorted(found, key=lambda f: f.start)
        if f.why is not None
    )


def _citations(prose: str, claims: Sequence[Claim]) -> Iterator[_Found]:
    cited = {ident for c in claims for ident in c.readings}
    for m in _CITATION.finditer(prose):
        yield _Found(m.start(), m.end(), None if m.group() in cited else f"no held claim cites {m.group()}")


def _moments(prose: str, claims: Sequence[Claim], zone: tzinfo) -> Iterator[_Found]:
    for m in _MOMENT.finditer(prose):
        spans = tuple(_spans(m, claims, zone))
        backed = any(start <= c.interval.end and c.interval.start < end for c in claims for start, end in spans)
        yield _Found(m.start(), m.end(), None if backed else "no held claim is of this time")


def _spans(m: re.Match[str], claims: Sequence[Claim], zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of time that a moment may mean: a time without a date may be of any day of a claim."""
    where = _zone(m["offset"] or m["zone"], zone)
    if m["date"] is not None:
        try:
            days = [date.fromisoformat(m["date"])]
        except ValueError:
            return
    else:
        ends = (at.astimezone(where).date() for c in claims for at in (c.interval.start, c.interval.end))
        days = sorted(set(ends))
    text = m["time"] or m["only"]
    for day in days:
        if text is None:
            start = datetime.combine(day, time(), where)
            yield start, start + timedelta(days=1)
        else:
            start = datetime.combine(day, _time(text), where)
            yield start, start + _precision(text)


def _time(text: str) -> time:
    hour, minute, *second = text.split(":")
    seconds, _, fraction = (second[0] if second else "0").partition(".")
    return time(int(hour), int(minute), int(seconds), int(f"{fraction:0<6}"[:6]))


def _precision(text: str) -> timedelta:
    match text.count(":"):
        case 1:
            return timedelta(minutes=1)
        case _:
            return timedelta(milliseconds=1) if "." in text else timedelta(seconds=1)


def _zone(offset: str | None, zone: tzinfo) -> tzinfo:
    if offset is None:
        return zone
    plain = offset.strip()
    if plain in ("Z", "UTC"):
        return UTC
    return datetime.strptime(plain.replace(":", ""), "%z").tzinfo or zone


def _mentions(prose: str, claims: Sequence[Claim], refs: Sequence[ComponentRef]) -> Iterator[_Found]:
    """Components by their names, their keys, and a kind followed by ids ("stores 1, 2 and #3")."""
    about = {c.component for c in claims} | {c.toward for c in claims if c.toward is not None}
    covered: list[range] = []
    names = [(text, ref) for ref in refs for text in {str(ref), ref.key}]
    for text, ref in sorted(names, key=lambda n: -len(n[0])):  # the longer name first: "node 12" is not node 1
        for m in re.finditer(rf"(?<!\w){re.escape(text)}(?!\w|\.\d)", prose, re.IGNORECASE):
            if not any(m.start() in span for span in covered):
                covered.append(range(m.start(), m.end()))
                yield _Found(m.start(), m.end(), None if ref in about else f"no held claim is about {ref}")
    for kind in sorted({ref.kind for ref in refs}):
        known = {ref.id: ref for ref in refs if ref.kind == kind}
        for m in re.finditer(
            rf"(?<!\w){re.escape(kind)}s?(?P<ids>[\s#_/-]*\d+(?:(?:,\s*|\s*&\s*|,?\s+and\s+)#?\d+)*)\b",
            prose,
            re.IGNORECASE,
        ):
            for ident in re.finditer(r"\d+", m["ids"]):
                start, end = m.start("ids") + ident.start(), m.start("ids") + ident.end()
                if any(start in span for span in covered):
                    continue
                covered.append(range(start, end))
                ref = known.get(ident.group())
                if ref is None:
                    yield _Found(start, end, f"there is no {kind} {ident.group()}")
                else:
                    yield _Found(start, end, None if ref in about else f"no held claim is about {ref}")


def _terms(prose: str, claims: Sequence[Claim]) -> Iterator[_Found]:
    """Signal names of held claims, and ordinals ("99th percentile"): digits in them are no numbers."""
    for signal in sorted({str(c.signal) for c in claims}, key=lambda s: (-len(s), s)):
        for m in re.finditer(rf"(?<!\w){re.escape(signal)}(?!\w)", prose):
            yield _Found(m.start(), m.end(), None)
    for m in (*_ORDINAL.finditer(prose), *_PER_SECOND.finditer(prose)):
        yield _Found(m.start(), m.end(), None)


class _Spoken:
    """The numbers that held claims are about, with their units."""

    def __init__(self, claims: Sequence[Claim], readings: Mapping[ReadingId, Reading]) -> None:
        self._numbers: list[tuple[float, Unit]] = []
        for claim in claims:
            if not isinstance(claim.value, str):
                self._numbers.append((float(claim.value), claim.unit))
                if claim.comparison.is_direction:  # a fall by 5 may be told as -5
                    self._numbers.append((-float(claim.value), claim.unit))
            cited = (readings[i] for i in claim.readings if i in readings)
            self._numbers.extend((float(r.value), r.unit) for r in cited if not isinstance(r.value, str))

    def has(self, value: float, *, percent: bool, unit: str | None) -> bool:
        if percent:
            return any(same(value / 100, n) or (u == "%" and same(value, n)) for n, u in self._numbers)
        if unit is None:
            return any(same(value, n) for n, _ in self._numbers)
        if any(u.lower() == unit and same(value, n) for n, u in self._numbers):
            return True
        for factors, base in ((_SECONDS, "s"), (_BYTES, "bytes")):
            if unit in factors and any(u == base and same(value * factors[unit], n) for n, u in self._numbers):
                return True
        return False


def _numbers(prose: str, spoken: _Spoken) -> Iterator[_Found]:
    for m in _NUMBER.finditer(prose):
        text = m.group()
        plain = text[: m.start(m.lastgroup) - m.start()] if m.lastgroup else text
        unit = m["unit"].lower() if m["unit"] else None
        is_backed = all(
            spoken.has(value, percent=m["percent"] is not None, unit=unit) for value in _values(plain.strip())
        )
        yield _Found(m.start(), m.end(), None if is_backed else "no held claim has this number")


def _values(text: str) -> tuple[float, ...]:
    """The numbers that digits with commas stand for: thousands separators, or a list."""
    plain = text.replace("−", "-")
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?(e[-+]?\d+)?", plain, re.IGNORECASE):
        plain = plain.replace(",", "")
    try:
        return tuple(float(part) for part in plain.split(","))
    except ValueError:
        return (math.nan,)
