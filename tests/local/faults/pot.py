"""Serves HTTP on 8080, says so, and ends in order when it is asked to."""

import signal
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType


def leave(_number: int, _frame: FrameType | None) -> None:
    """The first process of a container does not end by TERM unless it says so."""
    sys.exit(0)


def main() -> None:
    """Serve until TERM."""
    signal.signal(signal.SIGTERM, leave)
    sys.stdout.write("firing\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("", 8080), SimpleHTTPRequestHandler).serve_forever()


if __name__ == "__main__":
    main()
