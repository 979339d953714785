"""Less to run on: cores, memory, a disk that is slow or full."""

import json
from collections.abc import Callable

import pytest
from operator_core.errors import ActionRejected, ConfigurationError
from operator_core.faults import Fault, Undo
from operator_local import LocalFaultTarget

pytestmark = pytest.mark.docker

Makes = Callable[..., Fault]
Looks = Callable[[str], dict[str, str]]
Was = dict[str, dict[str, str]]
Docker = Callable[..., str]

_BUSY = "import time; t = time.monotonic(); c = time.process_time(); sum(range(4_000_000)); sum(range(4_000_000)); "
_SHARE = _BUSY + "print((time.process_time() - c) / (time.monotonic() - t))"


@pytest.mark.parametrize("service", ["kiln1", "glaze"])  # one had no limit, the other a number of CPUs
async def test_fewer_cores_are_felt_and_the_former_number_comes_back(
    target: LocalFaultTarget,
    fault: Makes,
    everything: Looks,
    untouched: Was,
    run_docker: Docker,
    container: Callable[[str], str],
    service: str,
):
    meant = fault("limit-cpu", "kiln/kiln1" if service == "kiln1" else "glaze/glaze", cpus=0.15)
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    assert float(run_docker("exec", container(service), "python3", "-c", _SHARE)) < 0.35
    await target.undo(undo)
    await target.undo(undo)
    assert everything(service) == untouched[service]


async def test_less_memory_is_felt_and_the_former_limit_comes_back(
    target: LocalFaultTarget,
    fault: Makes,
    everything: Looks,
    untouched: Was,
    run_docker: Docker,
    container: Callable[[str], str],
):
    hungry = ("exec", container("glaze"), "sh", "-c", "python3 -c 'b\"x\" * 120_000_000' && echo fed || echo killed")
    meant = fault("limit-memory", "glaze/glaze", mb=64)
    undo = await target.plan(meant)
    assert run_docker(*hungry) == "fed"

    await target.inject(meant, undo)

    assert run_docker(*hungry).splitlines()[-1] == "killed"
    await target.undo(undo)
    await target.undo(undo)
    assert everything("glaze") == untouched["glaze"]


async def test_a_limit_that_could_not_be_taken_back_or_is_none_is_refused(target: LocalFaultTarget, fault: Makes):
    with pytest.raises(ConfigurationError, match=r"kiln1 has no memory limit, .* give it mem_limit"):
        await target.plan(fault("limit-memory", "kiln/kiln1"))
    with pytest.raises(ConfigurationError, match="it has 256 MiB already"):
        await target.plan(fault("limit-memory", "glaze/glaze", mb=300))
    with pytest.raises(ConfigurationError, match=r"it has 1\.5 CPUs already"):
        await target.plan(fault("limit-cpu", "glaze/glaze", cpus=2))


async def test_a_slow_disk_is_felt_and_is_quick_again(
    target: LocalFaultTarget,
    fault: Makes,
    everything: Looks,
    untouched: Was,
    run_docker: Docker,
    container: Callable[[str], str],
):
    write = "dd if=/dev/zero of=/shards/x bs=1M count=6 oflag=direct 2>&1 | tail -n 1; rm /shards/x"

    def seconds() -> float:
        told = run_docker("exec", container("kiln1"), "sh", "-c", f"LC_ALL=C; {write}")
        return float(told.split(" copied, ")[1].split(" s,")[0])

    meant = fault("throttle-disk", "kiln/kiln1", mb_per_s=4)
    undo = await target.plan(meant)
    quick = seconds()

    await target.inject(meant, undo)

    assert seconds() > max(1.0, 2 * quick)
    await target.undo(undo)
    await target.undo(undo)
    assert everything("kiln1") == untouched["kiln1"]


async def test_a_full_disk_is_full_to_its_level_and_the_undo_takes_away_its_own_file_alone(
    target: LocalFaultTarget,
    fault: Makes,
    everything: Looks,
    untouched: Was,
    run_docker: Docker,
    container: Callable[[str], str],
):
    inside = ("exec", container("glaze"), "sh", "-c")
    run_docker(*inside, "echo mine > /paint/.operator-fault-of-somebody-else")
    meant = fault("fill-disk", "glaze/glaze", level=0.9)
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    assert 88 <= int(run_docker(*inside, "df --output=pcent /paint | tail -n 1").rstrip("%")) <= 92
    assert "no room" in run_docker(*inside, "fallocate -l 4M /paint/more 2>/dev/null && echo room || echo no room")
    assert undo.steps["ident"] in everything("glaze")["inside"]
    await target.undo(undo)
    await target.undo(undo)
    assert run_docker(*inside, "cat /paint/.operator-fault-of-somebody-else") == "mine"
    run_docker(*inside, "rm -f /paint/more /paint/.operator-fault-of-somebody-else")
    assert everything("glaze") == untouched["glaze"]


async def test_a_volume_that_is_the_hosts_disk_is_not_filled(
    target: LocalFaultTarget, fault: Makes, everything: Looks, untouched: Was
):

    with pytest.raises(ConfigurationError, match="has no size of its own, so that filling it would fill the host's"):
        await target.plan(fault("fill-disk", "kiln/kiln1"))
    with pytest.raises(ConfigurationError, match="kiln0 has no volume of its own"):
        await target.plan(fault("fill-disk", "kiln/kiln0"))

    assert everything("kiln1") == untouched["kiln1"]


async def test_a_volume_of_another_project_is_neither_filled_nor_made_nor_emptied(
    target: LocalFaultTarget, fault: Makes, run_docker: Docker
):
    run_docker("volume", "create", "--label", "com.docker.compose.project=another", foreign := "foreign-shards")
    planned = await target.plan(fault("fill-disk", "glaze/glaze"))
    try:
        for name in (foreign, "no-such-shards"):
            forged = Undo(steps={**planned.steps, "volume": name})
            with pytest.raises(ActionRejected, match=f"there is no volume {name} of this deployment"):
                await target.inject(fault("fill-disk", "glaze/glaze"), forged)
            await target.undo(forged)
        assert json.loads(run_docker("volume", "inspect", foreign))[0]["Name"] == foreign
        assert "no-such-shards" not in run_docker("volume", "ls", "--quiet").split()
    finally:
        run_docker("volume", "rm", foreign)
