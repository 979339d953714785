"""An answer to a question about a ticket, with what bears it out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operator_cli.render.console import plain

if TYPE_CHECKING:
    from operator_core.claims import Claim
    from operator_diagnosis.claude import Answered


def _shown(claim: Claim) -> str:
    about = f"{claim.signal} of {claim.component}" + (f" toward {claim.toward}" if claim.toward else "")
    value = claim.value if isinstance(claim.value, str) else f"{claim.value:g} {claim.unit}"
    return f"{about} {claim.comparison.value} {value} [{', '.join(claim.readings)}]"


def lines(answered: Answered) -> Iterator[str]:
    """The answer, what it rests on, what was struck, and why it ended if not by itself."""
    for paragraph in answered.says.splitlines():
        yield plain(paragraph)
    if answered.claims:
        yield ""
        yield "It rests on:"
        yield from (f"  {plain(_shown(claim))}" for claim in answered.claims)
    if answered.struck:
        yield ""
        yield "Struck, for the readings do not bear it out:"
        yield from (f"  {plain(_shown(s.claim))}: {plain(s.why)}" for s in answered.struck)
    if answered.ended.value != "closed":
        yield ""
        yield f"It is not whole: {plain(answered.because)}"
