import pytest
from operator_local.faults.volumes import is_bounded


@pytest.mark.parametrize(
    "options",
    [
        {"type": "tmpfs", "device": "tmpfs", "o": "size=2g"},
        {"type": "tmpfs", "device": "tmpfs", "o": "uid=1000,size=2g"},
        {"type": "ext4", "device": "/dev/sdb1"},
        {"o": "size=10G"},  # a project quota of XFS
    ],
)
def test_a_volume_with_a_size_or_a_device_of_its_own_is_bounded(options: dict[str, str]):
    assert is_bounded(options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"type": "tmpfs", "device": "tmpfs"},
        {"type": "none", "device": "/srv", "o": "bind"},
        {"type": "none", "device": "/srv", "o": "bind,size=2g"},
        {"type": "nfs", "device": ":/srv", "o": "addr=10.0.0.1"},
        {"type": "tmpfs", "device": "tmpfs", "o": "nosize=1"},
    ],
)
def test_a_volume_that_is_the_hosts_disk_or_somebody_elses_is_not_bounded(options: dict[str, str]):
    assert not is_bounded(options)
