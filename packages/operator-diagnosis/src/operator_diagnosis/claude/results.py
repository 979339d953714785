"""What comes out of an investigation, and why it ended; plain values for whoever shows, books and keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from operator_core.claims import Claim, Struck
from operator_core.diagnosis import Diagnosis
from operator_core.errors import DiagnoserError
from operator_core.readings import Reading

from operator_diagnosis.claude.limits import Spent
from operator_diagnosis.claude.recording import Recording


class Ended(Enum):
    """Why an investigation ended; all but CLOSED leave a partial diagnosis."""

    CLOSED = "closed"
    """The model gave its diagnosis, and it could be checked."""
    LIMIT = "limit"
    """A limit of the budget was reached before."""
    REFUSAL = "refusal"
    """The model, or a classifier before it, would not go on."""
    CONTEXT = "context exceeded"
    """The conversation no longer fits the model."""
    CUT = "cut short"
    """The answer was longer than one may be, twice."""
    NONSENSE = "nonsense"
    """The closing object could not be read, twice, or nothing that it claims holds."""
    UNREACHABLE = "unreachable"
    """No answer was to be had from the API: overloaded, limited in its rate, failing, or cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """How the model's first hypothesis stands to that of the rules.

    Attributes:
        says: one sentence for a person.
    """

    agrees: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigated:
    """A diagnosis with what it cost and why it ended.

    Attributes:
        diagnosis: the model's, or where it gave none that holds the rules'; its summary says so.
        because: why it ended, in one line for a person.
        is_partial: whether it ended before the model had closed it.
        opinion: None where the rules were not asked, or their diagnosis is the one that is given.
        warnings: about the model itself (deprecated, retires soon), a line each.
        readings: what the probes gave; the diagnosis may cite them beside those of the case.
    """

    diagnosis: Diagnosis
    spent: Spent
    ended: Ended
    because: str
    is_partial: bool
    recording: Recording
    opinion: Opinion | None = None
    warnings: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to a question about a diagnosis, held to the same standard.

    Attributes:
        says: prose with what no held claim backs struck out of it; what ended it early where it did.
    """

    says: str
    claims: tuple[Claim, ...]
    struck: tuple[Struck, ...]
    spent: Spent
    ended: Ended
    because: str
    recording: Recording
    warnings: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()


class InvestigationFailed(DiagnoserError):
    """A person must do something before the model can be asked: invalid key, unknown model, refused request.

    Attributes:
        spent: what the attempts have cost all the same.
        recording: what was sent and received until then; its replay fails in the same words.
    """

    def __init__(self, message: str, *, spent: Spent | None = None, recording: Recording | None = None) -> None:
        super().__init__(message)
        self.spent = spent or Spent()
        self.recording = recording
