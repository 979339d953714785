"""What Docker and Compose complain of, as one line that says what to do.

The patterns are the engines' own words: moby (20.10 to 28), docker/cli, compose (2.20 to 5.6) and Docker Desktop.
A complaint that none of them knows is quoted in its last line, which is where both put the reason.
"""

from __future__ import annotations

import re

_MOVE = "stop that one, or move every port: --port-offset 1000 (OPERATOR_PORT_OFFSET)"

_KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"permission denied while trying to connect to the Docker",
        "this user may not talk to the Docker daemon; add the user to the group docker and log in again",
    ),
    (
        r"(Cannot connect to the Docker daemon|failed to connect to the docker API) at (?P<at>\S+?)[.;]\s",
        "the Docker daemon does not answer at {at}; start Docker, or set DOCKER_HOST to where it runs",
    ),
    (
        r"error during connect: .*?(?P<at>\w+://[^/\"]+)",
        "the Docker daemon cannot be reached at {at}; start Docker, or set DOCKER_HOST to where it runs",
    ),
    (
        r"client version (?P<at>\S+) is too new.*?API version is (?P<or>[\d.]+)",
        "docker speaks API {at}, its daemon only {or}; update Docker Engine, or set DOCKER_API_VERSION={or}",
    ),
    (
        r"Bind for (?P<at>\S+) failed: port is already allocated",
        "port {at} is taken by another container; " + _MOVE,
    ),
    (
        r"listen \w+ (?P<at>\S+): bind: address already in use",
        "port {at} is taken by another program; " + _MOVE,
    ),
    (
        r"all predefined address pools have been fully subnetted",
        "Docker has no subnet left for another network; remove unused ones: docker network prune",
    ),
    (
        r"network (?P<at>\S+) (id \S+ )?has active endpoints",
        "network {at} is still in use; see by what (docker network inspect {at}), or restart Docker",
    ),
    (
        r"[Rr]ange of CPUs is from \S+ to (?P<at>[\d.]+)",
        "a service may use more processors than there are ({at}); set its ..._CPUS variable (OPERATOR_TIKV_CPUS={at})",
    ),
    (
        r"error setting rlimit",
        "the Docker daemon may not open as many files as a service asks for; raise its limit (LimitNOFILE)",
    ),
    (
        r"no space left on device",
        "the disk is full; make room where Docker keeps its images and volumes (docker system df)",
    ),
    (
        r"lookup (?P<at>[\w.-]+).*: (no such host|server misbehaving|i/o timeout)",
        "an image cannot be pulled: no registry {at} can be found; go online, or load the image first (docker load)",
    ),
    (
        r"(dial tcp (?P<at>\S+): (connect|i/o timeout)|TLS handshake timeout|Client\.Timeout exceeded)",
        "an image cannot be pulled: its registry does not answer{ at}; go online, or load the image (docker load)",
    ),
    (
        r"toomanyrequests",
        "an image cannot be pulled: the registry's rate limit is reached; log in (docker login) or wait",
    ),
    (
        r"(No such image: (?P<at>\S+)|manifest for (?P<or>\S+) not found|pull access denied for (?P<else>[^\s,]+))",
        "there is no image {at}; check its name and version, or build or load it first",
    ),
    (
        r"no matching manifest for (?P<at>\S+)",
        "an image does not exist for this machine's platform ({at}); name one that does by its ..._IMAGE variable",
    ),
    (
        r"required variable (?P<at>\S+) is missing a value",
        "the compose file needs the variable {at}; set it in the environment",
    ),
    (
        r"compose file .* is invalid: open (?P<at>.+?): no such file",
        "the compose file {at} does not exist",
    ),
    (
        r"(failed to parse (?P<at>\S+): .*|validating (?P<or>\S+): .*)",
        "the compose file is not valid: {whole}",
    ),
    (
        r"[^\n]*invalid compose project",
        "the compose file is not valid: {whole}",
    ),
)

_PREFIXES = re.compile(r"^(Error response from daemon: |Error: |docker: |error: )+")


def one_line(complaint: str) -> str:
    """Say in one line what Docker complained of and what to do.

    Args:
        complaint: what was written to standard error; may be empty.
    """
    for pattern, sentence in _KNOWN:
        if found := re.search(pattern, complaint):
            at = next((text for text in found.groupdict().values() if text), "")
            other = found.groupdict().get("or") or at
            return (
                sentence.replace("{at}", at)
                .replace("{or}", other)
                .replace("{ at}", f" at {at}" if at else "")
                .replace("{whole}", found.group().strip())
            )
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines
    return _PREFIXES.sub("", errors[-1]) if errors else "Docker gave no reason"
