"""The processes of simulated clusters: the background process of an embedded one, and those of node mode."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from operator_core.errors import ConfigurationError, OperatorError

from operator_simulator.config import ClusterConfig
from operator_simulator.nodes.command import add_commands


def _embedded(given: argparse.Namespace) -> int:
    from operator_simulator.background import serve  # noqa: PLC0415 - it needs httpx, and nodes do not

    asyncio.run(
        serve(
            name=given.name,
            directory=given.state_directory,
            config=ClusterConfig.from_json(given.config),
            speed=given.speed,
            first_port=given.first_port,
        )
    )
    return 0


def main() -> int:
    """Serve until told to stop; what goes wrong is one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m operator_simulator")
    commands = parser.add_subparsers(required=True)
    embedded = commands.add_parser("embedded", help="started by `EmbeddedDeployment`, not by people")
    embedded.add_argument("name")
    embedded.add_argument("--state-directory", type=Path, required=True)
    embedded.add_argument("--config", default="{}")
    embedded.add_argument("--speed", type=float, default=1.0)
    embedded.add_argument("--first-port", type=int)
    embedded.set_defaults(run=_embedded)
    add_commands(commands)
    given = parser.parse_args()
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except OperatorError as e:
        sys.stderr.write(f"error: {e}\n")
        return 2 if isinstance(e, ConfigurationError) else 4


if __name__ == "__main__":
    sys.exit(main())
