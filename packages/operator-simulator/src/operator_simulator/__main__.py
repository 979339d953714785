"""Runs the background process of an embedded cluster; started by :class:`EmbeddedDeployment`, not by people."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from operator_core.errors import OperatorError

from operator_simulator.background import serve
from operator_simulator.config import ClusterConfig


def main() -> int:
    """Serve until told to stop; what goes wrong is one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m operator_simulator")
    parser.add_argument("name")
    parser.add_argument("--state-directory", type=Path, required=True)
    parser.add_argument("--config", default="{}")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--first-port", type=int)
    given = parser.parse_args()
    try:
        asyncio.run(
            serve(
                name=given.name,
                directory=given.state_directory,
                config=ClusterConfig.from_json(given.config),
                speed=given.speed,
                first_port=given.first_port,
            )
        )
    except OperatorError as e:
        sys.stderr.write(f"error: {e}\n")
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
