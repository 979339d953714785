"""Who reasons: the rules, a model, or both beside each other."""

from __future__ import annotations

from enum import Enum


class Reasoner(Enum):
    """Who diagnoses; the value is what a person writes."""

    RULES = "rules"
    CLAUDE = "claude"
    BOTH = "both"

    @property
    def asks_a_model(self) -> bool:
        return self is not Reasoner.RULES


KEY_VARIABLE = "ANTHROPIC_API_KEY"
URL_VARIABLE = "ANTHROPIC_BASE_URL"
"""What the model's own tools read, too; the settings come first."""
