"""Doing faults and taking them back: the undo is in the journal before the fault is done.

A crash at any point leaves a journal from which everything can be healed. A fault that was planned and perhaps
never done is healed like any other, for an undo may be done twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import structlog
from operator_core.actions import Availability
from operator_core.components import Component, ComponentRef, RedundancyGroup
from operator_core.errors import ActionIndeterminate, ActionRejected, DeploymentError
from operator_core.faults import Fault, FaultCapability, FaultState, JournalEntry, Undo
from operator_core.ports import Clock, FaultJournal, FaultTarget

from operator_chaos.commands import FaultCommand, choose_target
from operator_chaos.refusals import capability_for, completed, is_same, refuse_if_unsafe, with_faults

log = structlog.stdlib.get_logger()

WITHIN = timedelta(seconds=60)
"""How long one step of a target may take."""


class Chaos:
    """Faults in one deployment.

    Args:
        expendable: whether the deployment is Operator's own or was marked so; without it nothing is injected.
        within: how long one step of the target (a fault, an undo) may take.
    """

    def __init__(
        self,
        *,
        deployment: str,
        target: FaultTarget,
        journal: FaultJournal,
        clock: Clock,
        expendable: bool,
        within: timedelta = WITHIN,
    ) -> None:
        self._deployment = deployment
        self._target = target
        self._journal = journal
        self._clock = clock
        self._expendable = expendable
        self._within = within
        self._one_at_a_time = asyncio.Lock()

    async def capabilities(self) -> tuple[FaultCapability, ...]:
        return await self._target.capabilities()

    async def status(self) -> tuple[JournalEntry, ...]:
        """The faults of this deployment that are not healed, oldest first."""
        return await self._journal.entries(self._deployment, unhealed_only=True)

    async def plan(self, fault: Fault) -> Undo:
        """How a fault would be taken back; nothing is changed and nothing written down.

        Raises:
            ConfigurationError: there is no such fault or component.
        """
        return await self._planned(completed(fault, capability_for(fault, await self.capabilities())))

    async def choose(
        self,
        command: FaultCommand,
        components: Iterable[Component],
        *,
        groups: Sequence[RedundancyGroup],
        state: Mapping[ComponentRef, Availability],
        chance: random.Random,
        allow_group_loss: bool = False,
    ) -> ComponentRef:
        """A component for a command that names none, as :func:`choose_target`, unhealed faults taken into account."""
        state = with_faults(state, await self.status(), await self.capabilities())
        return choose_target(
            command, components, groups=groups, state=state, chance=chance, allow_group_loss=allow_group_loss
        )

    async def inject(
        self,
        fault: Fault,
        *,
        groups: Sequence[RedundancyGroup],
        state: Mapping[ComponentRef, Availability],
        allow_group_loss: bool = False,
    ) -> JournalEntry:
        """Do a fault, its undo written down first.

        Args:
            groups: the redundancy groups, for the guard.
            state: how each component is, for the guard.
            allow_group_loss: that a group loses its majority is the aim.

        Raises:
            ConfigurationError: there is no such fault or component; nothing was done.
            ActionRejected: it may not be done; nothing was done.
            LedgerError: it could not be written down; nothing was done.
            ActionIndeterminate: it was begun and did not end well; healing undoes it.
        """
        async with self._one_at_a_time:
            fault = await self._checked(fault, groups=groups, state=state, allow_group_loss=allow_group_loss)
            return await self._inject(fault)

    async def heal(self) -> tuple[JournalEntry, ...]:
        """Undo every fault of this deployment that is not healed, the newest first; twice changes nothing.

        Returns:
            What was healed, in that order.

        Raises:
            LedgerError: the journal cannot be read.
            ActionIndeterminate: some could not be undone; all others were.
        """
        async with self._one_at_a_time:
            return await self._heal(await self.status())

    @asynccontextmanager
    async def lasting(
        self,
        fault: Fault,
        *,
        groups: Sequence[RedundancyGroup],
        state: Mapping[ComponentRef, Availability],
        allow_group_loss: bool = False,
        heal_within: timedelta = WITHIN,
    ) -> AsyncGenerator[JournalEntry]:
        """A fault for as long as a block lasts, healed however the block ends.

        Healing has a time of its own, also when the block was cancelled; when that is over, the fault stays in the
        journal and the block raises.

        Raises:
            ActionIndeterminate: the fault could not be undone within that time.
        """
        checked: Fault | None = None
        try:
            async with self._one_at_a_time:
                checked = await self._checked(fault, groups=groups, state=state, allow_group_loss=allow_group_loss)
                entry = await self._inject(checked)
            yield entry
        finally:
            if checked is not None:
                await _to_the_end(self._heal_this(checked, heal_within), name=f"heal {checked}")

    async def _checked(
        self,
        fault: Fault,
        *,
        groups: Iterable[RedundancyGroup],
        state: Mapping[ComponentRef, Availability],
        allow_group_loss: bool,
    ) -> Fault:
        if not self._expendable:
            raise ActionRejected(
                f"{fault}: {self._deployment} is neither Operator's own deployment nor marked as expendable"
            )
        capabilities = await self.capabilities()
        capability = capability_for(fault, capabilities)
        fault = completed(fault, capability)
        refuse_if_unsafe(
            fault,
            capability,
            groups=groups,
            state=state,
            unhealed=await self.status(),
            capabilities=capabilities,
            allow_group_loss=allow_group_loss,
        )
        return fault

    async def _planned(self, fault: Fault) -> Undo:
        try:
            async with self._clock.deadline(self._within):
                return await self._target.plan(fault)
        except TimeoutError as e:
            raise DeploymentError(
                f"{fault}: planning it did not end within {self._within.total_seconds():g} s; nothing was done"
            ) from e

    async def _inject(self, fault: Fault) -> JournalEntry:
        undo = await self._planned(fault)
        planned_at = self._clock.now()
        ident = await self._journal.plan(self._deployment, fault, undo, planned_at)
        try:
            async with self._clock.deadline(self._within):
                await self._target.inject(fault, undo)
            injected_at = self._clock.now()
            await self._journal.injected(ident, injected_at)
        except Exception as e:
            raise ActionIndeterminate(
                f"{fault}: {_words(e)}; it may have been done in part. It is fault {ident} in the journal,"
                " and healing undoes it"
            ) from e
        log.info("fault.injected", fault=str(fault), id=ident, deployment=self._deployment)
        return JournalEntry(
            id=ident,
            deployment=self._deployment,
            fault=fault,
            undo=undo,
            state=FaultState.INJECTED,
            planned_at=planned_at,
            injected_at=injected_at,
        )

    async def _heal(self, entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
        healed: list[JournalEntry] = []
        failures: list[tuple[JournalEntry, Exception]] = []
        for entry in reversed(entries):
            try:
                healed.append(await self._undo(entry))
            except Exception as e:
                log.exception("fault.not_healed", fault=str(entry.fault), id=entry.id, deployment=self._deployment)
                failures.append((entry, e))
        if failures:
            named = "; ".join(f"fault {entry.id} ({entry.fault}): {_words(e)}" for entry, e in failures)
            raise ActionIndeterminate(
                f"{len(failures)} of {len(entries)} faults in {self._deployment} could not be healed: {named}"
            ) from ExceptionGroup("undos that failed", [e for _, e in failures])
        return tuple(healed)

    async def _undo(self, entry: JournalEntry) -> JournalEntry:
        async with self._clock.deadline(self._within):
            await self._target.undo(entry.undo)
        healed_at = self._clock.now()
        await self._journal.healed(entry.id, healed_at)
        log.info("fault.healed", fault=str(entry.fault), id=entry.id, deployment=self._deployment)
        return replace(entry, state=FaultState.HEALED, healed_at=healed_at)

    async def _heal_this(self, fault: Fault, within: timedelta) -> None:
        # By its place, not by its id: a block that was cancelled while it was being planned never learnt the id.
        # That no other fault at this place was unhealed has been checked.
        try:
            async with self._clock.deadline(within), self._one_at_a_time:
                await self._heal([e for e in await self.status() if is_same(e.fault, fault)])
        except TimeoutError as e:
            raise ActionIndeterminate(
                f"{fault} was not undone within {within.total_seconds():g} s; it is in the journal,"
                " and healing undoes it"
            ) from e


async def _to_the_end(act: Coroutine[None, None, None], name: str) -> None:
    """Do something that is owed, to its end, and let a cancellation that comes meanwhile wait for it.

    What goes wrong with it is told rather than the cancellation: a fault that stays behind must not go unnoticed.
    """
    owed = asyncio.create_task(act, name=name)  # in a group it would be cancelled with whoever waits for it
    cancelled: asyncio.CancelledError | None = None
    while not owed.done():
        try:
            await asyncio.wait((owed,))
        except asyncio.CancelledError as e:
            cancelled = e
    owed.result()
    if cancelled is not None:
        raise cancelled


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
