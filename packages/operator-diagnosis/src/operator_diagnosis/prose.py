"""From claims and templates to words. Nothing that a subject said reaches a reader with control characters in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from operator_core.claims import Claim, Comparison
from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.readings import Unit, Value

LONGEST = 400
"""Characters of one piece of text from outside that are shown."""

_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def clean(text: str) -> str:
    """Text on one line without control, format and unassigned characters, cut when it is long."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    kept = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "…"


def name(ref: ComponentRef) -> str:
    """A component as a sentence speaks of it."""
    return "the cluster" if ref.kind == CLUSTER_KIND else clean(str(ref))


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def names(components: Sequence[ComponentRef]) -> str:
    """Components as a sentence speaks of them together; no component is the cluster as a whole."""
    return listed([name(ref) for ref in components]) if components else name(CLUSTER)


def filled(template: str, components: Sequence[ComponentRef]) -> str:
    """A template of the knowledge with ``{it}`` put in."""
    text = template.replace("{it}", names(components))
    return text[:1].upper() + text[1:] if text.startswith("the cluster") else text


def sentence(text: str) -> str:
    """Text with a full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def number(value: float) -> str:
    """Four significant digits; whole numbers with thousands separators."""
    if abs(value) < 1e15 and value == int(value):
        return f"{int(value):,}"
    return f"{value:.4g}"


def quantity(value: Value, unit: Unit) -> str:
    """A value with its unit, as a person reads it."""
    if isinstance(value, str):
        return f"“{clean(value)}”"
    if unit == "bytes":
        for factor, symbol in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
            if abs(value) >= factor:
                return f"{value / factor:.4g} {symbol}"
    if unit == "s" and 0 < abs(value) < 1:
        return f"{value * 1000:.4g} ms"
    if unit == "1/s":
        return f"{number(value)}/s"
    return number(value) if unit in ("1", "state") else f"{number(value)} {clean(unit)}"


def stored(at: datetime) -> str:
    """An instant as it stands in stored prose: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock_time(at: datetime, *, zone: tzinfo, day_of: datetime | None = None) -> str:
    """An instant in a zone; with its date unless it is the day of the other instant."""
    local = at.astimezone(zone)
    same_day = day_of is not None and local.date() == day_of.astimezone(zone).date()
    return local.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S")


def localised(text: str, *, zone: tzinfo, day_of: datetime) -> str:
    """Stored prose with its instants in a zone."""

    def put(match: re.Match[str]) -> str:
        at = datetime.strptime(match.group(), "%Y-%m-%dT%H:%M:%S%z")
        return clock_time(at, zone=zone, day_of=day_of)

    return _INSTANT.sub(put, text)


def citation(claim: Claim) -> str:
    """The readings that a claim cites, ``[o12.7]``."""
    return f"[{', '.join(clean(ident) for ident in claim.readings)}]"


def claim_says(claim: Claim, *, zone: tzinfo, day_of: datetime) -> str:
    """A claim in words, without its citation."""
    of = f"{clean(claim.signal)} of {name(claim.component)}"
    if claim.toward is not None:
        of += f" toward {name(claim.toward)}"
    start = clock_time(claim.interval.start, zone=zone, day_of=day_of)
    end = clock_time(claim.interval.end, zone=zone, day_of=day_of)
    when = f"at {start}" if claim.interval.start == claim.interval.end else f"from {start} to {end}"
    return f"{of} {_compared(claim)} {when}"


def _compared(claim: Claim) -> str:
    what = quantity(claim.value, claim.unit)
    match claim.comparison:
        case Comparison.RISES:
            return f"rises by {what}"
        case Comparison.FALLS:
            return f"falls by {what}"
        case _:
            return f"{claim.comparison.value} {what}"


def percent(probability: float) -> str:
    """A probability as a person reads it; it never says 0 % or 100 % of what is merely unlikely or likely."""
    if probability < 0.005:
        return "< 1 %"
    return "> 99 %" if probability > 0.995 else f"{probability * 100:.0f} %"


def weight(log_ratio: float) -> str:
    """How much a piece of evidence weighs, with its sign."""
    return f"{'−' if log_ratio < 0 else '+'}{abs(log_ratio):.1f}"
