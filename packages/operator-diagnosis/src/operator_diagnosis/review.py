"""Looking back at a diagnosis: what it rests on, whether that still holds, and what would change its mind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from operator_core.claims import Claim, Struck
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Standing
from operator_core.readings import Reading, ReadingId
from operator_core.verify import verify

WORTH_A_SECOND_THOUGHT = 0.1
"""Hypotheses below this are no reason to look for what would tell them from the first."""

CHANGES_SHOWN = 6


def evidence_readings(diagnosis: Diagnosis) -> tuple[ReadingId, ...]:
    """Every reading that a claim of the diagnosis cites, each once, in order."""
    return tuple(dict.fromkeys(ident for claim in diagnosis.claims() for ident in claim.readings))


def recheck(diagnosis: Diagnosis, readings: Mapping[ReadingId, Reading]) -> Diagnosis:
    """A stored diagnosis with every claim struck that the recorded readings do not bear out.

    Evidence that loses its last claim becomes missing and weighs nothing. Order and probabilities stay as the
    diagnoser gave them, for they are its word; the summary says that they no longer stand.
    """
    struck = {s.claim: s for s in verify(diagnosis.claims(), readings).struck}
    if not struck:
        return diagnosis
    known = {s.claim for s in diagnosis.struck}
    total = len(diagnosis.claims())
    return replace(
        diagnosis,
        summary=f"Re-checked: {len(struck)} of {total} claims do not hold; diagnose again before acting on this. "
        + diagnosis.summary,
        hypotheses=tuple(_without(h, struck) for h in diagnosis.hypotheses),
        path=tuple(_step_without(s, struck) for s in diagnosis.path),
        struck=(*diagnosis.struck, *(s for claim, s in struck.items() if claim not in known)),
    )


def _without(hypothesis: Hypothesis, struck: Mapping[Claim, Struck]) -> Hypothesis:
    return replace(hypothesis, evidence=tuple(_evidence_without(e, struck) for e in hypothesis.evidence))


def _evidence_without(evidence: Evidence, struck: Mapping[Claim, Struck]) -> Evidence:
    gone = [struck[c] for c in evidence.claims if c in struck]
    if not gone:
        return evidence
    held = tuple(c for c in evidence.claims if c not in struck)
    if held:
        return replace(evidence, claims=held)
    return replace(
        evidence,
        standing=Standing.MISSING,
        claims=(),
        weight=0.0,
        missing_because="struck: " + "; ".join(dict.fromkeys(s.why for s in gone)),
    )


def _step_without(step: CausalStep, struck: Mapping[Claim, Struck]) -> CausalStep:
    return replace(step, claims=tuple(c for c in step.claims if c not in struck))


def what_would_change(diagnosis: Diagnosis) -> tuple[str, ...]:
    """What would have to be read, or to be otherwise, for another hypothesis to come first."""
    rivals = [h for h in diagnosis.hypotheses[1:] if h.probability >= WORTH_A_SECOND_THOUGHT]
    unread = [
        f"whether {e.statement} ({e.missing_because})"
        for h in (diagnosis.first, *rivals)
        for e in h.standing(Standing.MISSING)
    ]
    apart = [f"for {h.title}: {h.unlike_first}" for h in rivals if h.unlike_first]
    return tuple(dict.fromkeys((*apart, *unread)))[:CHANGES_SHOWN]
