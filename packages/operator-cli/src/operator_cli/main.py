"""Where the program begins and ends: every end is an exit code that means something, and none a traceback.

Nothing is imported before an interruption is taken for what it is.
"""

from __future__ import annotations

import io
import signal
import sys


def main() -> None:
    """Run the command line; the process ends here."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that knows no arrows gets question marks
        from operator_cli.tree import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as e:  # noqa: BLE001 - a traceback's own exit code is 1, which says that a violation was found
        from operator_cli.exits import last_word

        sys.exit(last_word(e))
