"""Where the watch is shown: as a picture on a terminal, as lines everywhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from operator_cli.journal import is_journal
from operator_cli.render.console import console
from operator_cli.render.outlet import Outlet

if TYPE_CHECKING:
    from rich.console import Console

    from operator_cli.render.live import LiveWatching
    from operator_cli.render.watching import Watching


def shows_on(live: bool | None) -> LiveWatching | Watching:
    """What shows the watch on standard output.

    Args:
        live: as a picture, or not; None leaves it to what standard output is.
    """
    outlet = Outlet(sys.stdout)
    out = console(through=outlet)
    if opens_live(out) if live is None else live and out.is_terminal:
        from operator_cli.render.live import LiveWatching

        return LiveWatching(outlet, out)
    from operator_cli.render.watching import Watching

    return Watching(outlet, out, journal=is_journal(sys.stdout))


def opens_live(out: Console) -> bool:
    """Whether a picture can be drawn: on a terminal that knows cursors and our signs, and that is ours to draw on."""
    if not out.is_terminal or out.is_dumb_terminal or not out.encoding.lower().startswith("utf"):
        return False
    try:
        return os.tcgetpgrp(sys.stdout.fileno()) == os.getpgrp()  # not in the background of a shell
    except (OSError, ValueError):
        return True
