"""From what the model writes to claims that code can check, and from its prose to what those claims back. Pure.

The model names component, signal and unit beside the readings, though the readings would tell them: only what is
said twice can be found to be wrong. When a reading was taken is the one thing that is filled in, for copying instants
tells nothing and fails often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from operator_core.claims import Claim, Interval, Struck
from operator_core.components import CLUSTER, ComponentRef, Kind
from operator_core.ports import Case
from operator_core.prose import check_prose
from operator_core.readings import Reading, ReadingId, SignalName, Unit, Value, by_id
from operator_core.verify import why_not

from operator_diagnosis.claude.closing import ClaimWire
from operator_diagnosis.claude.spoken import one_line, paragraph

STRUCK = "[struck]"
"""What stands in prose where something stood that no claim backs."""

_NOWHERE = Kind("unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Some claims of one place in the closing object, checked."""

    held: tuple[Claim, ...] = ()
    struck: tuple[Struck, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What claims are held against: the readings of a case, and those that were asked for since."""

    case: Case
    asked: tuple[Reading, ...] = ()

    @cached_property
    def recorded(self) -> Mapping[ReadingId, Reading]:
        """Every reading that may be cited."""
        return by_id(self.case.observations) | {r.id: r for r in self.asked}

    @cached_property
    def components(self) -> tuple[ComponentRef, ...]:
        """Every component that was seen, or that a reading is about."""
        found = dict.fromkeys(ref for o in reversed(self.case.observations) for ref in o.refs())
        for reading in self.recorded.values():
            found.setdefault(reading.component)
        return tuple(found)

    @cached_property
    def _ref_by_name(self) -> Mapping[str, ComponentRef]:
        names = {str(ref).casefold(): ref for ref in self.components}
        return names | {ref.key.casefold(): ref for ref in (CLUSTER, *self.components)}

    def ref(self, text: str) -> ComponentRef | None:
        """The component of that name or key, or None when there is none."""
        return self._ref_by_name.get(text.strip().casefold())

    def check(self, claims: Iterable[ClaimWire]) -> Checked:
        """The claims as the core has them, each checked against the record."""
        held: dict[Claim, None] = {}
        struck: dict[Claim, Struck] = {}
        for wire in claims:
            claim = self.claim(wire)
            why = why_not(claim, self.recorded)
            if why is None:
                held[claim] = None
            else:
                struck[claim] = Struck(claim=claim, why=one_line(why))
        return Checked(held=tuple(held), struck=tuple(struck.values()))

    def claim(self, wire: ClaimWire) -> Claim:
        """One claim; what names nothing that exists is kept, for it to be struck and shown as struck."""
        cited = tuple(dict.fromkeys(ReadingId(one_line(r.strip().strip("[]"), longest=40)) for r in wire.readings))
        found = [self.recorded[ident] for ident in cited if ident in self.recorded]
        return Claim(
            component=self._named(wire.component),
            toward=self._named(wire.toward) if wire.toward.strip() else None,
            signal=SignalName(one_line(wire.signal.strip(), longest=120)),
            comparison=wire.comparison,
            value=_value(wire.value, found),
            unit=Unit(one_line(wire.unit.strip().strip("[]"), longest=20)),
            interval=Interval(
                start=min((r.at for r in found), default=self.case.at),
                end=max((r.at for r in found), default=self.case.at),
            ),
            readings=cited,
        )

    def _named(self, text: str) -> ComponentRef:
        return self.ref(text) or ComponentRef(_NOWHERE, one_line(text, longest=80) or "nothing")

    def told(self, prose: str, held: Sequence[Claim], *, is_bound: bool = True) -> str:
        """Prose without numbers, times, citations and components that no held claim is about.

        Args:
            is_bound: whether components are looked at; a sentence about what could not be read has no claims.
        """
        text = paragraph(prose)
        refs = self._spoken_of(text) if is_bound else ()
        found = check_prose(text, held, refs, readings=self.recorded)
        for words in reversed(found):
            text = f"{text[: words.start]}{STRUCK}{text[words.end :]}"
        return text

    def _spoken_of(self, text: str) -> tuple[ComponentRef, ...]:
        """The components that a text may speak of, and one of each kind, so that one that does not exist is found."""
        plain = text.casefold()
        first = {ref.kind: ref for ref in reversed(self.components)}
        return tuple(ref for ref in self.components if ref is first[ref.kind] or ref.id.casefold() in plain)


def _value(value: Value, cited: Sequence[Reading]) -> Value:
    """The value as the readings have it: a number that was written as a word is a number."""
    if isinstance(value, str) and cited and not any(isinstance(r.value, str) for r in cited):
        try:
            return float(value)
        except ValueError:
            return one_line(value)
    return one_line(value) if isinstance(value, str) else value
