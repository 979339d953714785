"""What is being done, a line at a time, on standard error; a person can follow it, and a pipe does not get it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operator_core.diagnosis import Diagnosis
    from operator_core.tickets import Ticket


def progress(text: str) -> None:
    """Say one line; what came with it may have had a secret in it, or a terminal's command."""
    from operator_core.redaction import redact_text

    from operator_cli.journal import INFO, mark
    from operator_cli.render.console import plain

    words = " ".join(text.split())
    sys.stderr.write(f"{mark(INFO, sys.stderr)}{plain(redact_text(words).value)}\n")
    sys.stderr.flush()


class AgentLines:
    """An agent as lines: what it diagnosed on standard output, how it gets there on standard error."""

    def said(self, text: str) -> None:
        progress(f"agent: {text}")

    def progressed(self, ticket: Ticket, text: str) -> None:
        progress(f"ticket {ticket.id}: {text}")

    def diagnosed(self, ticket: Ticket, diagnosis: Diagnosis, remark: str) -> None:
        from operator_cli.render.console import plain
        from operator_cli.render.opinions import one_line

        unusual = f" ({remark})" if remark else ""
        line = f"ticket {ticket.id} of {ticket.cluster}, by {diagnosis.diagnoser}: {one_line(diagnosis.first)}{unusual}"
        sys.stdout.write(f"{plain(' '.join(line.split()))}\n")
        sys.stdout.flush()
