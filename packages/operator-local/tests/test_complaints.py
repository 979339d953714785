"""Messages as Docker 20.10 and 28, Compose 5.6 and Docker Desktop write them."""

import pytest
from operator_local.complaints import one_line

_NETWORKING = "Error response from daemon: driver failed programming external connectivity on endpoint operator-x-a-1"


@pytest.mark.parametrize(
    ("complaint", "names", "says_to"),
    [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "unix:///var/run/docker.sock",
            "start Docker",
        ),
        (
            "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct",
            "unix:///var/run/docker.sock",
            "start Docker",
        ),
        (
            (
                'error during connect: Get "http://there.invalid:1/v1.50/version": dial tcp: lookup there.invalid on '
                "10.0.0.1:53: no such host"
            ),
            "http://there.invalid:1",
            "DOCKER_HOST",
        ),
        (
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
                'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix: connect: permission denied'
            ),
            "this user",
            "group docker",
        ),
        (
            "Error response from daemon: client version 1.52 is too new. Maximum supported API version is 1.41",
            "1.52",
            "DOCKER_API_VERSION=1.41",
        ),
        (
            (
                f" Container operator-x-a-1 Starting \n{_NETWORKING} (2c34): Bind for 127.0.0.1:2379 failed: port is "
                "already allocated\n"
            ),
            "127.0.0.1:2379",
            "OPERATOR_PORT_OFFSET",
        ),
        (
            (f"{_NETWORKING} (f7bc): listen tcp4 127.0.0.1:2379: bind: address already in use"),
            "127.0.0.1:2379",
            "OPERATOR_PORT_OFFSET",
        ),
        (
            (
                "Error response from daemon: Ports are not available: exposing port TCP 127.0.0.1:2379 -> 0.0.0.0:0: "
                "listen tcp 127.0.0.1:2379: bind: address already in use"
            ),
            "127.0.0.1:2379",
            "OPERATOR_PORT_OFFSET",
        ),
        (
            (
                'Error response from daemon: Get "https://registry.invalid/v2/": dial tcp: lookup registry.invalid on '
                "10.0.0.1:53: no such host"
            ),
            "registry.invalid",
            "docker load",
        ),
        (
            'Error response from daemon: Get "https://r.invalid/v2/": dial tcp 192.0.2.1:443: i/o timeout',
            "192.0.2.1:443",
            "go online",
        ),
        ("Error response from daemon: No such image: some/thing:1", "some/thing:1", "check its name and version"),
        (
            "Error response from daemon: manifest for some/thing:v9 not found: manifest unknown",
            "some/thing:v9",
            "check its name and version",
        ),
        (
            (
                "Error response from daemon: pull access denied for nobody/thing, repository does not exist or may "
                "require 'docker login'"
            ),
            "nobody/thing",
            "check its name and version",
        ),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "linux/arm64/v8", "_IMAGE"),
        ("toomanyrequests: You have reached your unauthenticated pull rate limit.", "rate limit", "docker login"),
        (
            'compose file "/srv/nono.yaml" is invalid: open /srv/nono.yaml: no such file or directory',
            "/srv/nono.yaml",
            "does not exist",
        ),
        (
            "failed to parse /srv/bad.yaml: go-yaml load error in parser (while parsing a flow node) at L2.C1",
            "/srv/bad.yaml",
            "not valid",
        ),
        ("validating /srv/bad.yaml: services.a.imag false schema", "services.a.imag", "not valid"),
        (
            (
                'time="2026-11-22T13:43:59Z" level=warning msg="The \\"NONE\\" variable is not set."\n'
                'service "a" has neither an image nor a build context specified: invalid compose project'
            ),
            'service "a"',
            "not valid",
        ),
        (
            "error while interpolating services.a.image: required variable NONE is missing a value: must",
            "NONE",
            "environment",
        ),
        (
            (
                "runc create failed: error setting rlimits for ready process: error setting "
                "rlimit type 7: operation not permitted: unknown"
            ),
            "as many files",
            "LimitNOFILE",
        ),
        (
            "Error response from daemon: range of CPUs is from 0.01 to 1.00, as there are only 1 CPUs available",
            "1.00",
            "OPERATOR_TIKV_CPUS=1.00",
        ),
        ("write /data/x: no space left on device", "disk", "docker system df"),
    ],
)
def test_a_known_complaint_becomes_one_line_that_names_the_thing_and_says_what_to_do(
    complaint: str, names: str, says_to: str
):
    line = one_line(complaint)

    assert names in line
    assert says_to in line
    assert "\n" not in line
    assert "{" not in line


def test_an_unknown_complaint_is_quoted_in_the_line_that_has_the_reason():
    complaint = (
        " Container x Starting \nError response from daemon: cannot start a paused container\n Container y Up \n"
    )

    assert one_line(complaint) == "cannot start a paused container"


def test_silence_is_said_to_be_silence():
    assert one_line(" \n") == "Docker gave no reason"
