"""The loop's supervisor: one step, in bounded time, whose failure is an answer."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog
from operator_core.errors import LeaseLost, OperatorError, SubjectError
from operator_core.ports import Clock
from operator_core.readings import Cause

T = TypeVar("T")

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A step that did not do what it should.

    Attributes:
        why: one line for a person.
        lost_the_watch: somebody else watches the cluster now.
    """

    cause: Cause
    why: str
    lost_the_watch: bool = False


async def attempt(step: Awaitable[T], *, doing: str, within: timedelta, clock: Clock) -> T | Failed:
    """Do one step of a cycle.

    Whatever goes wrong, the loop goes on: what is expected comes back as it was said, a bug of ours or of what was
    handed in is logged with its traceback. Cancellation passes.
    """
    start = clock.now()
    try:
        async with clock.deadline(within):
            return await step
    except TimeoutError as e:
        if clock.now() - start >= within:
            return Failed(cause=Cause.SILENT, why=f"{doing} did not end within {within.total_seconds():g} s")
        return Failed(cause=Cause.SILENT, why=f"{doing}: {e or 'timed out'}")
    except OperatorError as e:
        cause = e.cause if isinstance(e, SubjectError) else Cause.NONSENSE
        return Failed(cause=cause, why=str(e) or type(e).__name__, lost_the_watch=isinstance(e, LeaseLost))
    except Exception as e:
        log.exception("cycle.broke", doing=doing)
        return Failed(cause=Cause.NONSENSE, why=f"{doing}: {_words(e)}")


def _words(error: BaseException) -> str:
    """What went wrong itself, not the group of tasks that it came in."""
    while isinstance(error, BaseExceptionGroup):
        inner: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        error = inner[0]
    return f"{type(error).__name__}: {error}"
