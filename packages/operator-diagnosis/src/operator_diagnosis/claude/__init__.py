"""Diagnosis with Claude: a colleague with eyes, a budget, and no hands.

The model looks at the recorded readings, asks for further ones through the subject's read-only probes, and closes
with the same diagnosis object as the rules give. What it claims is checked by code that it has no part in.
"""

from operator_diagnosis.claude.investigator import Investigator, prompt
from operator_diagnosis.claude.limits import Limits, Spent
from operator_diagnosis.claude.prices import Price, Prices
from operator_diagnosis.claude.recording import Recording
from operator_diagnosis.claude.replaying import replay, replay_answer
from operator_diagnosis.claude.results import Answered, Ended, Investigated, InvestigationFailed, Opinion

__all__ = [
    "Answered",
    "Ended",
    "Investigated",
    "InvestigationFailed",
    "Investigator",
    "Limits",
    "Opinion",
    "Price",
    "Prices",
    "Recording",
    "Spent",
    "prompt",
    "replay",
    "replay_answer",
]
