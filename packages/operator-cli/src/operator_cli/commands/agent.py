"""``operator agent``: diagnose tickets as they come."""

from __future__ import annotations

from typing import Annotated

import typer

from operator_cli import options
from operator_cli.reasoners import Reasoner
from operator_cli.running import LastResort, run


def agent(
    *,
    reasoner: Annotated[
        Reasoner | None, typer.Option("--with", help="Who diagnoses.  [default: the setting claude.with, else rules]")
    ] = None,
    parallel: Annotated[int, typer.Option(help="So many tickets at the same time.", min=1, max=64)] = 1,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to do.")] = False,
    ledger: options.Ledger = None,
) -> None:
    """Diagnose tickets as they come, until Ctrl-C.

    Of several agents on one record each takes other tickets, and one that dies is replaced. What Claude may cost in a
    day is a setting; beyond it, and wherever Claude cannot be asked, the rules diagnose, and the agent says so.
    """
    from operator_cli.render.progress import AgentLines
    from operator_cli.settings import load
    from operator_cli.use_cases.agent import AgentTerms, run_agent
    from operator_cli.use_cases.monitoring import ENDS_WITHIN

    loaded = load()
    terms = AgentTerms(
        reasoner=reasoner or loaded.settings.claude.reasoner, parallel=parallel, once=once, ledger=ledger
    )
    run(run_agent(loaded, terms, AgentLines()), LastResort(within=ENDS_WITHIN, leave=lambda: None))
