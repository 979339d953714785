import os
import sys

import pytest
from operator_core.errors import DeploymentError
from operator_core.runtime import RealClock
from operator_local.log_lines import follow_lines


def _program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-u", "-c", text)


async def _lines(text: str) -> list[str]:
    return [line async for line in follow_lines(_program(text), RealClock())]


async def test_lines_come_as_they_were_written():
    assert await _lines(r"print('one\r\n\ntwo', end='')") == ["one", "", "two"]


async def test_bytes_that_are_no_text_do_not_stop_the_rest():
    lines = await _lines(r"import sys; sys.stdout.buffer.write(b'\xff\nafter\n')")

    assert lines == ["\N{REPLACEMENT CHARACTER}", "after"]


async def test_a_line_without_end_comes_in_pieces():
    pieces = await _lines("print('x' * 3_000_000)")

    assert len(pieces) > 1
    assert "".join(pieces) == "x" * 3_000_000


async def test_a_command_that_complains_much_is_not_blocked_by_it():
    assert await _lines("import sys; sys.stderr.write('y' * 1_000_000); print('done')") == ["done"]


async def test_a_command_that_fails_says_why_after_its_lines():
    lines = follow_lines(_program("import sys; print('first'); sys.exit('no such service: nono')"), RealClock())

    assert await anext(lines) == "first"
    with pytest.raises(DeploymentError, match="logs: no such service: nono"):
        await anext(lines)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("stubborn", ["", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"])
async def test_the_command_ends_when_nobody_reads_any_more(stubborn: str):
    lines = follow_lines(_program(f"import os, time; {stubborn} print(os.getpid()); time.sleep(60)"), RealClock())
    child = int(await anext(lines))
    os.kill(child, 0)

    await lines.aclose()

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
