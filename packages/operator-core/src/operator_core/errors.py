"""What can go wrong, sorted by what a person must do next."""

from __future__ import annotations

from operator_core.readings import Cause


class OperatorError(Exception):
    """Anything Operator says no with; its text names the thing and the value."""


class ConfigurationError(OperatorError):
    """A person must change something; nothing was changed. Exit code 2."""


class SubjectError(OperatorError):
    """The subject could not be read."""

    cause: Cause = Cause.NONSENSE


class SubjectUnreachable(SubjectError):
    """No answer; a read may be retried.

    Args:
        cause: REFUSED, SILENT or UNANSWERED.
    """

    def __init__(self, message: str, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause


class SubjectRefused(SubjectError):
    """A clear no, quoted in the subject's own words; not retried."""

    cause = Cause.DENIED


class SubjectNonsense(SubjectError):
    """An answer that cannot be read: version skew, or a bug of ours."""

    cause = Cause.NONSENSE


class ActionError(OperatorError):
    """Something that would change a subject did not go as asked."""


class ActionRejected(ActionError):
    """A guard said no; nothing was sent. Exit code 2."""


class ActionIndeterminate(ActionError):
    """Sent, and the outcome was not seen: read back before doing more. Exit code 4."""


class DeploymentError(OperatorError):
    """Tried and failed, in the engine's own words. Exit code 4."""


class LedgerError(OperatorError):
    """The record could not be read or written. Exit code 4."""


class LeaseLost(LedgerError):
    """Somebody else watches the cluster, or reasons about the ticket, now; nothing was written."""


class DiagnoserError(OperatorError):
    """A diagnoser could not finish. Exit code 4."""
