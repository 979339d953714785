"""What it takes to speak to a model is loaded when one is spoken to, and not before."""

import subprocess
import sys
from pathlib import Path

import pytest

LOADED = """
import sys
from operator_cli.main import main
sys.argv = ["operator", *{arguments}]
try:
    main()
finally:
    sys.stderr.write("\\nloaded " + str(sorted({{"anthropic", "httpx2"}} & set(sys.modules))))
"""


@pytest.mark.usefixtures("incident")
@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["diagnose", "1"],
        ["diagnose", "1", "--with", "both"],
        ["agent", "--help"],
        ["ask", "1", "why?"],
        ["tickets", "show", "1"],
        ["config", "show"],
    ],
    ids=" ".join,
)
def test_no_command_that_asks_no_model_loads_what_speaks_to_one(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(arguments=arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("loaded []")
