"""Exit codes, and how an error becomes one line and a code; no traceback reaches a user."""

from __future__ import annotations

import os
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


def tell(text: str) -> None:
    """Say in one line, on standard error, what went wrong; words that came with it may have had a secret in them."""
    from operator_core.redaction import redact_text

    from operator_cli.journal import ERROR, mark
    from operator_cli.render.console import plain

    sys.stderr.write(f"{mark(ERROR, sys.stderr)}operator: {plain(redact_text(' '.join(text.split())).value)}\n")


def leave_output() -> None:
    """Write no more to a standard output that nobody reads or that is full; what waits to be written is dropped."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def last_word(error: Exception) -> Exit:
    """Say in a line each what ended the program, and how grave that is."""
    errors = tuple(flat(error))
    ours = [e for e in errors if isinstance(e, OperatorError)]
    for e in ours:
        tell(str(e) or type(e).__name__)
    foreign = [e for e in errors if not isinstance(e, OperatorError)]
    if not foreign:
        return max(code_of(e) for e in ours)
    for e in foreign:
        if isinstance(e, OSError):
            leave_output()
            tell(str(e))
        else:
            tell(f"a fault of its own: {type(e).__name__}: {e} (OPERATOR_LOG=debug shows where)")
    if os.environ.get("OPERATOR_LOG", "").lower() == "debug":
        import traceback

        traceback.print_exception(error)
    return Exit.FAILED
