"""Stands for PD, TiKV and Grafana: takes their command lines and answers what their health checks ask."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    """PD's `/health`, TiKV's `/status`, Grafana's `/api/health`, and metrics that a Prometheus takes."""

    def do_GET(self) -> None:
        body = {
            "/health": b'{"health":"true","reason":""}',
            "/status": b"",
            "/api/health": b'{"database":"ok"}',
            "/metrics": b"stand_in 1\n",
        }.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body or b"")


def port() -> int:
    """The port on which the real process serves HTTP."""
    if "GF_AUTH_ANONYMOUS_ENABLED" in os.environ:
        return 3000
    return 2379 if any(a.startswith("--peer-urls=") for a in sys.argv[1:]) else 20180


def main() -> None:
    """Serve on the port on which the real process serves HTTP."""
    sys.stdout.write(f"standing in, started with {' '.join(sys.argv[1:])}\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("", port()), Answers).serve_forever()


if __name__ == "__main__":
    main()
