"""A diagnosis: what is happening, why, what could be done, and which option to choose.

It is made of claims; its prose is rendered from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from operator_core.actions import RiskClass
from operator_core.claims import Claim, Struck
from operator_core.components import ComponentRef
from operator_core.knowledge import ModeName, OptionName, SignName
from operator_core.readings import ClusterName


class Standing(Enum):
    """How a piece of evidence bears on a hypothesis."""

    FOR = "for"
    AGAINST = "against"
    MISSING = "missing"
    """It would tell, and could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A sign that was looked for, and the claims that show it.

    Attributes:
        statement: the sign in plain words.
        weight: natural logarithm of the likelihood ratio against "nothing is wrong there"; 0 when missing.
        missing_because: why it could not be read.
    """

    standing: Standing
    sign: SignName
    statement: str
    claims: tuple[Claim, ...] = ()
    weight: float = 0.0
    missing_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A failure mode, or "unknown", bound to components.

    Attributes:
        probability: among the hypotheses of this diagnosis, which sum to 1 with what is not shown.
        unlike_first: for every hypothesis but the first, what tells it from the first.
    """

    mode: ModeName
    title: str
    components: tuple[ComponentRef, ...]
    probability: float
    evidence: tuple[Evidence, ...] = ()
    unlike_first: str = ""

    def standing(self, standing: Standing) -> tuple[Evidence, ...]:
        """The evidence of one standing, weightiest first."""
        return tuple(sorted((e for e in self.evidence if e.standing is standing), key=lambda e: -abs(e.weight)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalStep:
    """One step of how it came about; without a held claim it is inferred, and says so."""

    says: str
    claims: tuple[Claim, ...] = ()

    @property
    def is_supported(self) -> bool:
        return bool(self.claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that could be done, as it is offered for this diagnosis.

    Attributes:
        refused: why the guard would not let it be done now; None when it would.
        why_not: why it is not the recommended one; empty for the recommended one.
    """

    name: OptionName
    does: str
    gains: str
    costs: str
    risk: RiskClass
    undo: str = ""
    is_action: bool = True
    refused: str | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is happening, ranked hypotheses, the causal path, the options and the recommended one."""

    cluster: ClusterName
    at: datetime
    diagnoser: str
    knowledge: str
    summary: str
    hypotheses: tuple[Hypothesis, ...]
    path: tuple[CausalStep, ...]
    options: tuple[Option, ...]
    recommended: OptionName
    because: str
    dont: tuple[str, ...] = ()
    struck: tuple[Struck, ...] = ()
    ticket: int | None = None
    observations: tuple[int, int] | None = None
    """Number of the first and of the last observation that it rests on."""

    @property
    def first(self) -> Hypothesis:
        return self.hypotheses[0]

    def claims(self) -> tuple[Claim, ...]:
        """Every claim it makes, each once, in order."""
        found: dict[Claim, None] = {}
        for hypothesis in self.hypotheses:
            for evidence in hypothesis.evidence:
                found.update(dict.fromkeys(evidence.claims))
        for step in self.path:
            found.update(dict.fromkeys(step.claims))
        return tuple(found)
