"""Several monitors of one cluster, and several clusters of one monitor."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from watch_process import Watch


@pytest.mark.sampled(0)
def test_of_two_watches_one_works_and_the_other_stands_by_until_it_is_gone(watch: Callable[..., Watch]) -> None:
    first = watch("--interval", "1s")
    first.until("#")
    second = watch("--interval", "1s")
    second.until("standing by:")
    first.until("#", times=first.said.count(b"#") + 3)
    assert second.said.count(b"standing by:") == 1
    assert b"#" not in second.said
    assert f"/{first.process.pid}/".encode() in second.said

    first.end(signal.SIGTERM)
    second.until("the watch is ours now")
    second.until("#", times=2)
    third = watch("--interval", "1s")
    third.until("standing by:")
    second.process.kill()  # it says nothing any more: the third takes over when its patience is over
    third.until("the watch is ours now")
    numbers = [
        int(line.split(b"#")[1].split()[0])
        for w in (first, second, third)
        for line in w.said.split(b"\n")
        if b"#" in line
    ]
    assert numbers == sorted(set(numbers)), "no look is numbered twice"


@pytest.mark.sampled(0)
def test_a_cluster_that_cannot_be_seen_holds_up_no_other(watch: Callable[..., Watch]) -> None:
    watching = watch("--all", "--interval", "1s")
    watching.until("embedded:default", times=6)
    watching.end(signal.SIGTERM)
    lines = [line.decode() for line in watching.said.splitlines()[1:] if b"#" in line]
    names = {line.split()[0] for line in lines}
    assert names == {"away", "embedded:default"}
    of_away = [line for line in lines if line.startswith("away")]
    assert "not seen: pd (refused)" in of_away[0]
    assert sum("not seen" in line for line in of_away) == 1
