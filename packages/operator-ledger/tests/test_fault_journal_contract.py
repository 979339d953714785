"""What every fault journal does, held against each of them."""

from collections.abc import Callable
from datetime import datetime

import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.errors import LedgerError
from operator_core.faults import Fault, FaultId, FaultName, FaultState, Undo
from operator_core.ports import FaultJournal

At = Callable[[float], datetime]
FAULT = Fault(
    name=FaultName("cut"),
    target=ComponentRef(Kind("node"), "1"),
    toward=ComponentRef(Kind("arbiter"), "a"),
    parameters={"loss": 0.5},
)
UNDO = Undo(steps={"link": "n1-a", "rule": 'drop "all"'})


class TestEveryFaultJournal:
    async def test_a_planned_fault_is_there_with_its_undo(self, journal: FaultJournal, t: At) -> None:
        ident = await journal.plan("lab", FAULT, UNDO, t(1))
        (entry,) = await journal.entries()
        assert (entry.id, entry.deployment, entry.fault, entry.undo) == (ident, "lab", FAULT, UNDO)
        assert (entry.state, entry.planned_at, entry.injected_at, entry.healed_at) == (
            FaultState.PLANNED,
            t(1),
            None,
            None,
        )

    async def test_a_fault_goes_from_planned_to_injected_to_healed(self, journal: FaultJournal, t: At) -> None:
        ident = await journal.plan("lab", FAULT, UNDO, t(1))
        await journal.injected(ident, t(2))
        (entry,) = await journal.entries(unhealed_only=True)
        assert (entry.state, entry.injected_at) == (FaultState.INJECTED, t(2))
        await journal.healed(ident, t(3))
        assert await journal.entries(unhealed_only=True) == ()
        (entry,) = await journal.entries()
        assert (entry.state, entry.injected_at, entry.healed_at) == (FaultState.HEALED, t(2), t(3))

    async def test_saying_it_twice_changes_nothing(self, journal: FaultJournal, t: At) -> None:
        ident = await journal.plan("lab", FAULT, UNDO, t(1))
        await journal.injected(ident, t(2))
        await journal.injected(ident, t(9))
        await journal.healed(ident, t(3))
        await journal.healed(ident, t(9))
        (entry,) = await journal.entries()
        assert (entry.injected_at, entry.healed_at) == (t(2), t(3))

    async def test_a_planned_fault_can_be_healed_and_then_not_be_injected(self, journal: FaultJournal, t: At) -> None:
        ident = await journal.plan("lab", FAULT, UNDO, t(1))
        await journal.healed(ident, t(3))
        with pytest.raises(LedgerError, match="is healed"):
            await journal.injected(ident, t(4))

    async def test_an_unknown_fault_is_refused(self, journal: FaultJournal, t: At) -> None:
        with pytest.raises(LedgerError, match="no fault 7"):
            await journal.injected(FaultId(7), t(1))
        with pytest.raises(LedgerError, match="no fault 7"):
            await journal.healed(FaultId(7), t(1))

    async def test_entries_are_in_the_order_of_planning_and_of_one_deployment(
        self, journal: FaultJournal, t: At
    ) -> None:
        idents = [await journal.plan(name, FAULT, UNDO, t(9 - n)) for n, name in enumerate(["lab", "field", "lab"])]
        await journal.healed(idents[0], t(20))
        assert [e.id for e in await journal.entries()] == idents == sorted(set(idents))
        assert [e.id for e in await journal.entries("lab")] == [idents[0], idents[2]]
        assert [e.id for e in await journal.entries("lab", unhealed_only=True)] == [idents[2]]
        assert await journal.entries("moon") == ()
