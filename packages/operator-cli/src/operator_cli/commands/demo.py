"""``operator demo``: see it work, with nothing installed."""

from __future__ import annotations

from typing import Annotated

import typer
from operator_core.errors import ConfigurationError

from operator_cli.exits import Exit
from operator_cli.running import run


def demo(
    *,
    fault: Annotated[
        str, typer.Option(help="kill-store, pause-store, isolate-store, cut-from-pd or kill-pd-leader.")
    ] = "kill-store",
    seed: Annotated[int, typer.Option(help="Of the cluster and of the target.")] = 7,
    speed: Annotated[float, typer.Option(help="Cluster seconds per second.")] = 6.0,
    live: Annotated[
        bool | None, typer.Option("--live/--no-live", help="A live view, or plain lines. [default: live on a terminal]")
    ] = None,
) -> None:
    """Play one incident from end to end.

    Healthy, broken, detected, diagnosed, healed, resolved.
    Needs no Docker, no key and no network: the cluster is simulated inside the process. Nothing is left behind.
    """
    from operator_core.runtime import RealClock
    from operator_tikv import KNOWLEDGE

    from operator_cli.demo.live import LiveTeller
    from operator_cli.demo.plain import PlainTeller
    from operator_cli.demo.story import Ending, Script, Storyteller, play
    from operator_cli.render.console import console
    from operator_cli.trials.truth import EXPECTED_MODE

    if fault not in EXPECTED_MODE:
        raise ConfigurationError(f"--fault is {fault!r}; one of {', '.join(EXPECTED_MODE)} is meant")
    if not 0 < speed <= 60:
        raise ConfigurationError(f"--speed is {speed:g}; more than 0 and at most 60 is meant")
    script = Script(fault=fault, seed=seed, speed=speed)
    out = console()

    async def tell(teller: Storyteller) -> Ending:
        return await play(script, teller, RealClock(speed=speed))

    if out.is_terminal if live is None else live:
        with LiveTeller(out, KNOWLEDGE) as teller:
            ending = run(tell(teller))
    else:
        ending = run(tell(PlainTeller(out)))
    if not ending.is_right:
        raise typer.Exit(Exit.FAILED)
