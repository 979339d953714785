"""How long `operator --help` and `--version` take to start, as ratios to importing the command-line library alone.

Run it with `python benchmarks/startup.py`; the two are timed in turn, so that a drift of the machine hits both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
BOUND = 3.0


def seconds(command: list[str]) -> float:
    """Wall time of one run of a command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Print the ratios; 1 when one is above the bound."""
    operator = str(Path(sys.executable).with_name("operator"))
    base = [sys.executable, "-c", "import typer"]
    worst = 0.0
    print(f"{'command':<24}{'median ratio':>14}{'median s':>10}{'base s':>9}")
    for argument in ("--help", "--version"):
        for warm_up in (base, [operator, argument]):
            seconds(warm_up)
        pairs = [(seconds([operator, argument]), seconds(base)) for _ in range(RUNS)]
        ratio = statistics.median(a / b for a, b in pairs)
        worst = max(worst, ratio)
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{'operator ' + argument:<24}{ratio:>14.2f}{ours:>10.2f}{theirs:>9.2f}")
    return 1 if worst > BOUND else 0


if __name__ == "__main__":
    sys.exit(main())
