"""Faults of the network, felt by somebody else than the program that put them."""

import json
from collections.abc import Callable

import pytest
from operator_core.errors import ActionIndeterminate, ConfigurationError, DeploymentError
from operator_core.faults import Fault, Undo
from operator_local import LocalFaultTarget

pytestmark = pytest.mark.docker

Makes = Callable[..., Fault]
Looks = Callable[[str], dict[str, str]]
Was = dict[str, dict[str, str]]
Feels = Callable[..., list[float | None]]
Docker = Callable[..., str]

_FEEL = """
import json, socket, sys, time
from concurrent.futures import ThreadPoolExecutor
def ask(host, port):
    begun = time.monotonic()
    try:
        with socket.create_connection((host, int(port)), timeout=0.7):
            return (time.monotonic() - begun) * 1000
    except ConnectionRefusedError:
        return (time.monotonic() - begun) * 1000
    except OSError:
        return None
with ThreadPoolExecutor() as all_at_once:
    print(json.dumps(list(all_at_once.map(lambda at: ask(*at.split(":")), sys.argv[1:]))))
"""


@pytest.fixture
def feels(run_docker: Docker, container: Callable[[str], str]) -> Feels:
    """Milliseconds that a process of one service needs to get through to others; None when it does not."""

    def ask(service: str, *at: str) -> list[float | None]:
        return json.loads(run_docker("exec", container(service), "python3", "-c", _FEEL, *at))

    return ask


def _through(felt: list[float | None]) -> list[bool]:
    return [ms is not None for ms in felt]


_ALL = ("kiln0:8080", "kiln0:9", "kiln1:8080", "kiln1:9", "glaze:8080")


@pytest.mark.parametrize(
    ("done", "parameters", "from_kiln0", "from_glaze"),
    [
        # Who gets through to kiln0, kiln0's other port, kiln1, kiln1's other port, glaze.
        (("isolate", "kiln/kiln0"), {}, "11000", "00111"),
        (("cut", "kiln/kiln0", "kiln/kiln1"), {}, "11001", "11111"),
        (("cut", "kiln/kiln0", "glaze/all"), {}, "11110", "00111"),
        (("cut-one-way", "kiln/kiln0", "glaze/glaze"), {}, "11110", "00111"),
        (("cut-port", "kiln/kiln0"), {"port": 8080}, "11111", "01111"),
        (("cut-port", "kiln/kiln0", "kiln/kiln1"), {"port": 8080}, "11011", "11111"),
    ],
)
async def test_a_cut_stops_what_it_says_and_lets_through_what_it_does_not(
    target: LocalFaultTarget,
    fault: Makes,
    feels: Feels,
    everything: Looks,
    untouched: Was,
    done: tuple[str, ...],
    parameters: dict[str, float],
    from_kiln0: str,
    from_glaze: str,
):
    meant = fault(*done, **parameters)
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    assert "".join(str(int(t)) for t in _through(feels("kiln0", *_ALL))) == from_kiln0
    assert "".join(str(int(t)) for t in _through(feels("glaze", *_ALL))) == from_glaze
    assert undo.steps["ident"] in everything("kiln0")["inside"]
    await target.undo(undo)
    assert all(_through(feels("glaze", *_ALL)))
    assert everything("kiln0") == untouched["kiln0"]


async def test_a_delay_is_felt_each_way_by_those_it_is_meant_for_and_says_how_it_is_done(
    target: LocalFaultTarget, fault: Makes, feels: Feels, everything: Looks, untouched: Was
):
    meant = fault("delay", "kiln/kiln0", "kiln/kiln1", ms=100, jitter_ms=20)
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    to_kiln1, to_glaze = feels("kiln0", "kiln1:8080", "glaze:8080")
    (from_kiln1,) = feels("kiln1", "kiln0:8080")
    assert to_kiln1 is not None
    assert 150 < to_kiln1 < 500
    assert from_kiln1 is not None
    assert 150 < from_kiln1 < 500
    assert to_glaze is not None
    assert to_glaze < 100
    assert ("netem" if undo.steps["by"] == "netem" else "this kernel has no netem") in undo.steps["does"]
    await target.undo(undo)
    await target.undo(undo)
    assert everything("kiln0") == untouched["kiln0"]


async def test_a_packet_is_held_back_by_one_fault_and_another_place_by_another(
    target: LocalFaultTarget, fault: Makes, feels: Feels, everything: Looks, untouched: Was
):
    toward_kiln1 = fault("delay", "kiln/kiln0", "kiln/kiln1", ms=50)
    toward_glaze = fault("delay", "kiln/kiln0", "glaze/all", ms=100)
    all_of_it = fault("delay", "kiln/kiln0", ms=50)
    undos = [await target.plan(f) for f in (toward_kiln1, toward_glaze, all_of_it)]

    await target.inject(toward_kiln1, undos[0])
    await target.inject(toward_glaze, undos[1])
    with pytest.raises(DeploymentError, match="another fault already holds back the same packets"):
        await target.inject(all_of_it, undos[2])

    await target.undo(undos[2])
    await target.undo(undos[0])
    to_kiln1, to_glaze = feels("kiln0", "kiln1:8080", "glaze:8080")
    assert to_kiln1 is not None
    assert to_kiln1 < 50
    assert to_glaze is not None
    assert to_glaze > 150
    await target.undo(undos[1])
    assert everything("kiln0") == untouched["kiln0"]


async def test_a_loss_loses_its_share_and_no_other(
    target: LocalFaultTarget,
    fault: Makes,
    container: Callable[[str], str],
    run_docker: Docker,
    everything: Looks,
    untouched: Was,
):
    meant = fault("loss", "kiln/kiln0", share=0.3)
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    ping = ("exec", container("glaze"), "sh", "-c", "ping -q -c 200 -i 0.005 -W 1 kiln0 || true")
    lost = float(run_docker(*ping).split("% packet loss")[0].split()[-1])
    assert 35 < lost < 67  # of both ways 0.7 × 0.7 get through
    await target.undo(undo)
    assert everything("kiln0") == untouched["kiln0"]


async def test_a_narrow_line_passes_what_it_says_and_no_more(
    target: LocalFaultTarget,
    fault: Makes,
    container: Callable[[str], str],
    run_docker: Docker,
    everything: Looks,
    untouched: Was,
):
    meant = fault("bandwidth", "kiln/kiln0", mbit=8)
    undo = await target.plan(meant)
    big = "import http.client, time, os; open('/tmp/big', 'wb').write(b'0' * 1_000_000)"
    run_docker("exec", container("kiln0"), "python3", "-c", big)
    get = "curl -s -o /dev/null -w %{time_total} http://kiln0:8080/tmp/big"
    quick = float(run_docker("exec", container("glaze"), "sh", "-c", get))

    await target.inject(meant, undo)

    slow = float(run_docker("exec", container("glaze"), "sh", "-c", get))
    assert quick < 0.3
    assert 0.7 < slow < 3  # a megabyte over a megabyte a second
    await target.undo(undo)
    assert everything("kiln0") == untouched["kiln0"]


async def test_faults_of_one_container_are_taken_back_one_by_one(
    target: LocalFaultTarget, fault: Makes, feels: Feels, everything: Looks, untouched: Was
):
    # Toward different ends, because where netem holds packets back, one is either late or counted.
    faults = [
        fault("delay", "kiln/kiln0", "kiln/kiln1", ms=60),
        fault("bandwidth", "kiln/kiln0", "glaze/glaze", mbit=50),
        fault("cut", "kiln/kiln0", "kiln/kiln1"),
    ]
    undos = [await target.plan(f) for f in faults]
    await target.inject(faults[0], undos[0])
    await target.inject(faults[1], undos[1])
    await target.inject(faults[2], undos[2])
    assert _through(feels("kiln0", "kiln1:8080", "glaze:8080")) == [False, True]

    await target.undo(undos[2])
    (to_kiln1,) = feels("kiln0", "kiln1:8080")
    assert to_kiln1 is not None
    assert to_kiln1 > 100
    await target.undo(undos[0])
    assert "htb" in everything("kiln0")["inside"]
    await target.undo(undos[1])
    assert everything("kiln0") == untouched["kiln0"]


async def test_a_container_that_started_anew_has_lost_its_faults_and_needs_no_undo(
    target: LocalFaultTarget,
    fault: Makes,
    feels: Feels,
    everything: Looks,
    untouched: Was,
    run_docker: Docker,
    container: Callable[[str], str],
):
    meant = fault("delay", "kiln/kiln0", ms=100)
    undo = await target.plan(meant)
    await target.inject(meant, undo)
    run_docker("kill", container("kiln0"))

    await target.undo(undo)
    run_docker("start", container("kiln0"))
    await target.undo(undo)

    assert everything("kiln0") == untouched["kiln0"]


async def test_an_effect_that_does_not_come_is_told_and_can_be_taken_back(
    target: LocalFaultTarget, fault: Makes, everything: Looks, untouched: Was
):
    meant = fault("cut", "kiln/kiln0", "kiln/kiln1")
    planned = await target.plan(meant)
    elsewhere = Undo(steps={**planned.steps, "far": "192.0.2.1"})
    late = fault("delay", "kiln/kiln0", "kiln/kiln1", ms=100)
    never = await target.plan(late)
    never = Undo(steps={**never.steps, "far": "192.0.2.1"})

    await target.inject(meant, elsewhere)  # nobody is there, and the rules met what was sent
    with pytest.raises(ActionIndeterminate, match="nobody answered before either"):
        await target.inject(late, never)

    for undo in (never, elsewhere):
        await target.undo(undo)
    assert everything("kiln0") == untouched["kiln0"]


async def test_what_has_no_network_to_break_is_refused(target: LocalFaultTarget, fault: Makes):
    with pytest.raises(ConfigurationError, match="port is 0; 1 to 65535 is meant"):
        await target.plan(fault("cut-port", "kiln/kiln0"))
    killed = await target.plan(fault("kill", "kiln/kiln1"))
    await target.inject(fault("kill", "kiln/kiln1"), killed)
    with pytest.raises(ConfigurationError, match="its container is exited; it has no network then"):
        await target.plan(fault("isolate", "kiln/kiln1"))
    with pytest.raises(ConfigurationError, match="there is nothing at the other end that runs"):
        await target.plan(fault("cut", "kiln/kiln0", "kiln/all"))
    await target.undo(killed)
