"""A diagnoser whose claims somebody else has checked before anyone sees them.

Whoever makes a claim has no say in whether it holds: every diagnoser, the rules among them, is handed out in this.
"""

from __future__ import annotations

from operator_core.diagnosis import Diagnosis
from operator_core.ports import Case, Diagnoser
from operator_core.readings import by_id

from operator_diagnosis.review import recheck


class Rechecked:
    """What a diagnoser says, with every claim struck that the case's own readings do not bear out."""

    def __init__(self, diagnoser: Diagnoser) -> None:
        self._diagnoser = diagnoser

    @property
    def name(self) -> str:
        return self._diagnoser.name

    async def diagnose(self, case: Case) -> Diagnosis:
        return recheck(await self._diagnoser.diagnose(case), by_id(case.observations))
