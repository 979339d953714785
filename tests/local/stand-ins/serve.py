"""Stands for PD and TiKV: takes their command lines and answers what their health checks ask."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    """PD's `/health`, TiKV's `/status`, and metrics that a Prometheus takes."""

    def do_GET(self) -> None:
        body = {"/health": b'{"health":"true","reason":""}', "/status": b"", "/metrics": b"stand_in 1\n"}.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body or b"")


def main() -> None:
    """Serve on the port on which the real process serves HTTP."""
    is_pd = any(a.startswith("--peer-urls=") for a in sys.argv[1:])
    sys.stdout.write(f"standing in, started with {' '.join(sys.argv[1:])}\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("", 2379 if is_pd else 20180), Answers).serve_forever()


if __name__ == "__main__":
    main()
