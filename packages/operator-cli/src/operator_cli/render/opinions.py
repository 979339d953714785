"""Two diagnoses of one case beside each other: where they agree, and where they do not."""

from __future__ import annotations

from collections.abc import Iterator

from operator_core.diagnosis import Diagnosis, Hypothesis

from operator_cli.render.console import full_time, plain

SHOWN = 3


def one_line(hypothesis: Hypothesis) -> str:
    """A hypothesis in a line: ``The disk of a store is slow (store 4), 78%``."""
    about = f" ({', '.join(map(str, hypothesis.components))})" if hypothesis.components else ""
    return f"{hypothesis.title}{about}, {hypothesis.probability:.0%}"


def standing(diagnosis: Diagnosis) -> str:
    """A diagnosis that is not shown whole, in a line."""
    return plain(f"By {diagnosis.diagnoser}, at {full_time(diagnosis.at)}: {one_line(diagnosis.first)}.")


def agree(one: Diagnosis, other: Diagnosis) -> bool:
    """Whether both put the same failure of the same components first."""
    first, second = one.first, other.first
    return first.mode == second.mode and set(first.components) == set(second.components)


def beside(claude: Diagnosis, rules: Diagnosis) -> Iterator[str]:
    """What the rules think beside what Claude thinks, line by line."""
    yield "Beside it, the rules:"
    for hypothesis in rules.hypotheses[:SHOWN]:
        yield f"  {one_line(hypothesis)}"
    if agree(claude, rules):
        yield "They agree on what comes first."
    else:
        yield f"They differ: Claude puts first {one_line(claude.first)}; the rules {one_line(rules.first)}."
    if claude.recommended != rules.recommended:
        yield f"Claude recommends {claude.recommended}; the rules {rules.recommended}."
