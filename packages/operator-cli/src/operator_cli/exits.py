"""Exit codes, and how an error becomes one line and a code; no traceback reaches a user."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import IntEnum

from operator_core.errors import (
    ActionIndeterminate,
    ActionRejected,
    ConfigurationError,
    DeploymentError,
    DiagnoserError,
    LedgerError,
    OperatorError,
    SubjectError,
)


class Exit(IntEnum):
    """What the command's exit code says to a script."""

    FINE = 0
    VIOLATED = 1
    USAGE = 2
    BLIND = 3
    FAILED = 4
    INTERRUPTED = 130


def code_of(error: OperatorError) -> Exit:
    """The exit code for an error of ours."""
    match error:
        case ConfigurationError() | ActionRejected():
            return Exit.USAGE
        case SubjectError():
            return Exit.BLIND
        case ActionIndeterminate() | DeploymentError() | LedgerError() | DiagnoserError():
            return Exit.FAILED
        case _:
            return Exit.FAILED


def flat(error: BaseException) -> Iterator[BaseException]:
    """The errors inside nested exception groups."""
    if isinstance(error, BaseExceptionGroup):
        inner: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        for each in inner:
            yield from flat(each)
    else:
        yield error


def tell(error: OperatorError) -> None:
    """Say in one line, on standard error, what went wrong."""
    text = " ".join(str(error).split())
    sys.stderr.write(f"operator: {text}\n")
