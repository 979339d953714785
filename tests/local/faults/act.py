"""Does one fault as a program of its own would, and dies of SIGKILL where it is told to.

Arguments: the deployment, docker's configuration, the journal, when to die (``planned``: between the journal and the
fault; ``halfway``: while the fault is being done; ``injected``: after it, before the journal hears of it), the fault,
its target, and its other end.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from operator_chaos import Chaos
from operator_core.components import ComponentRef
from operator_core.faults import Fault, FaultCapability, FaultName, Undo
from operator_core.runtime import RealClock
from operator_ledger import SqlFaultJournal
from operator_local import LocalFaultTarget


def die() -> None:
    """As by `kill -9`: nothing is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A target whose process dies around the injection."""

    def __init__(self, target: LocalFaultTarget, dies: str) -> None:
        self._target = target
        self._dies = dies

    async def capabilities(self) -> tuple[FaultCapability, ...]:
        return await self._target.capabilities()

    async def plan(self, fault: Fault) -> Undo:
        return await self._target.plan(fault)

    async def inject(self, fault: Fault, undo: Undo) -> None:
        if self._dies == "planned":
            die()
        if self._dies == "halfway":
            asyncio.get_running_loop().call_later(0.5, die)
        await self._target.inject(fault, undo)
        if self._dies == "injected":
            die()

    async def undo(self, undo: Undo) -> None:
        await self._target.undo(undo)


async def main() -> None:
    """Inject it through the journal."""
    name, config, journal_file, dies, what, target, *toward = sys.argv[1:]
    local = LocalFaultTarget(name=name, docker_config=Path(config))
    async with await SqlFaultJournal.open(Path(journal_file)) as journal:
        chaos = Chaos(deployment=name, target=Mortal(local, dies), journal=journal, clock=RealClock(), expendable=True)
        fault = Fault(
            name=FaultName(what),
            target=ComponentRef.parse(target),
            toward=ComponentRef.parse(toward[0]) if toward else None,
        )
        await chaos.inject(fault, groups=(), state={})


if __name__ == "__main__":
    asyncio.run(main())
